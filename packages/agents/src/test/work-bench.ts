import { beforeAll } from "vitest";
import { Alarms } from "../core/alarm";
import { Meta, Schema, type SchemaDefinition, type Storage } from "../core/meta";
import { DeadLetters, deadLettersSchema } from "../core/work/dead-letters";
import { Queue, type Origin, type QueueItem } from "../queue/queue";
import { queueSchema } from "../queue/schema";
import type { RetryOptions } from "../retry/retry-options";
import { loadCron } from "../schedule/cron";
import { scheduleSchema } from "../schedule/schema";
import { Schedules } from "../schedule/schedules";
import type { Schedule } from "../schedule/types";
import { TestClock } from "./clock";
import type { TestStorage } from "./kit";

// As an agent does before it schedules.
beforeAll(loadCron);

export type Method = (payload: never, task: never) => unknown;

export interface BenchOptions {
  methods?: Record<string, Method>;
  retry?: Required<RetryOptions>;
  hungMs?: number;
  random?: () => number;
  tick?: () => Promise<void>;
  /** Plants a bug in the statements. */
  rewrite?: (query: string) => string;
}

/** One life of an instance. */
export interface Life {
  readonly schedules: Schedules;
  readonly queue: Queue;
  readonly dead: DeadLetters;
  readonly meta: Meta;
  readonly alarms: Alarms;
  isOver: boolean;
}

/** Schedules and a queue on a real database, without an agent: lives come and go, the database, the alarm and the clock stay. */
export class WorkBench {
  readonly clock: TestClock;
  readonly events: [type: string, payload: Record<string, unknown>][] = [];
  readonly errors: unknown[] = [];
  readonly warnings: string[] = [];
  readonly calls: [method: string, payload: unknown, atMs: number][] = [];
  readonly tasks: (Schedule | QueueItem)[] = [];
  readonly origins: Origin[] = [];
  methods: Record<string, Method>;
  retry: Required<RetryOptions>;
  hungMs: number;
  alarmMs: number | undefined;
  origin: Origin = { connection: undefined };
  syncs = 0;
  /** When what was written is on disk. */
  synced = Promise.resolve();
  inMemory: Schedule[] = [];
  readonly #test: TestStorage;
  readonly #random: () => number;
  readonly #rewrite: (query: string) => string;
  readonly #startMs = Date.UTC(2026, 0, 1);
  life: Life;

  constructor(test: TestStorage, options: BenchOptions = {}) {
    this.#test = test;
    this.clock = new TestClock(this.#startMs, options.tick);
    this.methods = { note: () => {}, ...options.methods };
    this.retry = options.retry ?? { maxAttempts: 3, baseDelayMs: 100, maxDelayMs: 3_000 };
    this.hungMs = options.hungMs ?? 30_000;
    this.#random = options.random ?? (() => 0.5);
    this.#rewrite = options.rewrite ?? ((query) => query);
    this.life = this.#start();
  }

  get schedules(): Schedules {
    return this.life.schedules;
  }
  get queue(): Queue {
    return this.life.queue;
  }
  get storage(): Storage {
    return this.#test.storage;
  }
  /** Ms since the test began. */
  get now(): number {
    return this.clock.nowMs - this.#startMs;
  }
  at(ms: number): number {
    return this.#startMs + ms;
  }
  /** The payloads of all calls, in order. */
  get payloads(): unknown[] {
    return this.calls.map(([, payload]) => payload);
  }
  /** When each call was, in ms since the test began. */
  get times(): number[] {
    return this.calls.map(([, , atMs]) => atMs - this.#startMs);
  }
  typesOf(source: string): string[] {
    return this.events.map(([type]) => type).filter((type) => type.startsWith(source));
  }

  #start(): Life {
    const life: { isOver: boolean } & Partial<Life> = { isOver: false };
    const guarded = <Result>(run: () => Result): Result => {
      if (life.isOver) throw new Error("this life is over");
      return run();
    };
    const ifAlive = async () => {
      if (life.isOver) await new Promise<never>(() => {});
    };
    const { storage } = this.#test;
    const own: Storage = {
      sql: {
        exec: ((query: string, ...values: unknown[]) =>
          guarded(() => {
            this.#breakAt(query);
            return storage.sql.exec(this.#rewrite(query), ...values);
          })) as never,
        databaseSize: storage.sql.databaseSize
      },
      transactionSync: (run) =>
        guarded(() => {
          const { alarmMs } = this;
          try {
            return storage.transactionSync(run);
          } catch (error) {
            // The platform keeps it in the database.
            this.alarmMs = alarmMs;
            throw error;
          }
        })
    };
    const meta = new Meta(own);
    const schema = (name: string, definition: SchemaDefinition) => new Schema(name, definition, own, meta);
    const wait = (delayMs: number, signal: AbortSignal) => this.clock.wait(delayMs, signal).then(ifAlive);
    const alarms = new Alarms(meta, {
      set: (atMs) => void (life.isOver || (this.alarmMs = atMs)),
      clear: () => void (life.isOver || (this.alarmMs = undefined)),
      now: () => this.clock.nowMs,
      wait
    });
    const dead = new DeadLetters(schema("dead-letters", deadLettersSchema));
    const failed = async (error: unknown) => void (life.isOver || this.errors.push(error));
    const call = async (callback: string, payload: unknown, task: Schedule | QueueItem): Promise<void> => {
      this.calls.push([callback, payload, this.clock.nowMs]);
      this.tasks.push(task);
      try {
        await this.methods[callback]!(payload as never, task as never);
      } finally {
        // What a life was about to do ends with it.
        await ifAlive();
      }
    };
    const common = (name: string) => ({
      dead,
      now: () => this.clock.nowMs,
      random: this.#random,
      sync: () => {
        this.syncs++;
        return this.synced;
      },
      has: (callback: string) => Object.hasOwn(this.methods, callback),
      destroyed: () => false,
      wake: () => meta.wakeOf(name),
      changed: () => alarms.changed(name),
      wait,
      retryDefaults: () => this.retry,
      emit: (type: string, payload: () => Record<string, unknown>) => void this.events.push([type, payload()]),
      failed
    });
    const schedules = new Schedules({
      ...common("schedule"),
      schema: schema("schedule", scheduleSchema),
      hungMs: () => this.hungMs,
      call,
      warn: (message) => void this.warnings.push(message),
      inMemory: () => this.inMemory,
      endInMemory: (id) => {
        const before = this.inMemory.length;
        this.inMemory = this.inMemory.filter((schedule) => schedule.id !== id);
        return this.inMemory.length < before;
      }
    });
    const queue = new Queue({
      ...common("queue"),
      schema: schema("queue", queueSchema),
      origin: () => this.origin,
      call: (callback, payload, item, origin) => {
        this.origins.push(origin);
        return call(callback, payload, item);
      },
      later: async (work) => {
        await this.clock.tick();
        if (!life.isOver) await work().catch(failed);
        await ifAlive();
      }
    });
    alarms.add(schedules);
    alarms.add(queue);
    Object.assign(life, { schedules, queue, dead, meta, alarms });
    return life as Life;
  }

  /** Statements like this fail. */
  breakStorage(statements: RegExp | undefined): void {
    this.#broken = statements;
  }
  #broken: RegExp | undefined;
  #breakAt(statement: string): void {
    if (this.#broken?.test(statement)) throw new Error("broken storage");
  }

  /** The instance ends, in the middle of whatever it does. The next one starts when something wakes it. */
  kill(): void {
    this.life.isOver = true;
    // The runtime keeps an alarm whose handler did not come to its end.
    if (this.#ringing) this.alarmMs ??= this.clock.nowMs;
    this.#ringing = undefined;
    this.life = this.#start();
    this.#isStarted = false;
  }
  #isStarted = true;

  /** Something wakes the instance. */
  wake(): void {
    if (this.#isStarted) return;
    this.life.alarms.restore();
    this.life.schedules.onStart();
    this.life.queue.onStart();
    this.#isStarted = true;
  }

  /** Lets time pass, with all alarms on the way. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs + ms;
    for (;;) {
      await this.settle();
      // There is no other alarm before one is over.
      const alarmMs = this.#ringing === this.life ? undefined : this.alarmMs;
      const nextMs = Math.min(alarmMs ?? Infinity, this.clock.nextMs ?? Infinity);
      if (nextMs > untilMs) break;
      await this.clock.advance(Math.max(0, nextMs - this.clock.nowMs));
      this.ring();
    }
    await this.clock.advance(untilMs - this.clock.nowMs);
    await this.settle();
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) await this.clock.tick();
    this.ring();
    for (let round = 0; round < 3; round++) await this.clock.tick();
  }

  #ringing: Life | undefined;

  /** As the runtime does: an alarm that is due rings, one at a time. */
  ring(): void {
    const { life } = this;
    if (this.#ringing === life || this.alarmMs === undefined || this.alarmMs > this.clock.nowMs) return;
    this.alarmMs = undefined;
    life.alarms.arrived();
    try {
      this.wake();
    } catch (error) {
      // As an agent that does not start.
      this.errors.push(error);
      return life.alarms.again(this.clock.nowMs);
    }
    this.#ringing = life;
    void life.alarms
      .ring(this.clock.nowMs, (error) => void (life.isOver || this.errors.push(error)))
      .catch((error: unknown) => void (life.isOver || this.errors.push(error)))
      .finally(() => {
        if (this.#ringing === life) this.#ringing = undefined;
      });
  }
}
