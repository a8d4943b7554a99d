import type { Capability, Hold } from "../core/capability";
import type { DeadRow } from "../core/work/dead-letters";
import { Lane, type Candidate, type Look } from "../core/work/lane";
import { Runner, type Postponed, type WorkDeps, type TaskTable } from "../core/work/runner";
import { Shift } from "../core/work/shift";
import {
  checkCallback,
  maxDelaySeconds,
  readRetry,
  showPayload,
  showRetry,
  writePayload,
  writeRetry,
  type Task
} from "../core/work/task";
import { AgentError } from "../protocol/errors";
import type { RetryOptions } from "../retry/retry-options";
import { Rows, type ClaimedRow } from "./rows";
import type { Row } from "./schema";

/** A call that waits for its turn. */
export interface QueueItem<Payload = unknown> {
  id: string;
  payload: Payload;
  /** The name of the method to call. */
  callback: string;
  /** When it was queued, in seconds since the epoch. */
  created_at: number;
  retry?: RetryOptions;
}

export interface QueueOptions {
  /** How often, and how patiently, it is tried. What is left out is as in the class's `options.retry`. */
  retry?: RetryOptions;
  /** The name of a queue. Queues do not wait for each other. Without a name: the default queue. */
  queue?: string;
  /** It starts while fewer items of its queue run. Default 1: one after another. */
  concurrency?: number;
  /** `false` lets others pass this item while it waits for another attempt. Default true: strict order. */
  ordered?: boolean;
  /** It takes its place in the queue after so many seconds. */
  delaySeconds?: number;
  /** It takes its place in the queue at this time. */
  availableAt?: Date;
}

/** What an item's method may know of where it comes from. */
export interface Origin {
  /** The id of the connection. */
  readonly connection: string | undefined;
  /** Request and mail, kept in memory. */
  readonly entry?: object | undefined;
}

export interface QueueDeps extends WorkDeps {
  /** Where the running code comes from. */
  origin(): Origin;
  call(callback: string, payload: unknown, item: QueueItem, origin: Origin): unknown;
  /** Runs `work` when whoever asks is done, and the agent has started. Its errors are reported; never rejects. */
  later(work: () => Promise<void>): Promise<void>;
}

type Claimed = Task & { readonly row: ClaimedRow };

/** While items run, the alarm looks after them: an instance that ends without one would leave them to the next event. */
const lookAfterMs = 10_000;

/** Calls that wait for their turn. The rows are the truth; what is in memory only says where to look. */
export class Queue implements Capability, TaskTable<Claimed> {
  readonly name = "queue";
  readonly source = "queue";
  readonly #deps: QueueDeps;
  readonly #rows: Rows;
  readonly #runner: Runner<Claimed>;
  readonly #shift: Shift;
  readonly #lanes = new Map<string, Lane>();
  /** Requests and mails of items of this life. */
  readonly #entries = new Map<string, { readonly callback: string; readonly entry: object }>();
  /** All queues that have items are in `#lanes`. */
  #isKnown = false;
  #isLater = false;
  #isDraining = 0;
  #lookMs: number | undefined;

  constructor(deps: QueueDeps) {
    this.#deps = deps;
    this.#rows = new Rows(deps.schema);
    this.#runner = new Runner<Claimed>(deps, this);
    this.#shift = new Shift(deps, {
      drain: () => this.#drain(),
      idleUntilMs: () => this.#idleUntilMs(),
      isBusySince: (ms) => this.#runner.isRunningSince(ms) || (this.#isDraining > 0 && this.#runner.running.size === 0)
    });
  }

  // --- what programs ask for ---

  add(callback: unknown, payload: unknown, options: QueueOptions = {}): string {
    checkCallback(callback, (name) => this.#deps.has(name));
    const { queue = "", concurrency = 1, ordered = true, retry } = options;
    const nowMs = this.#deps.now();
    const availableMs = availableAt(options, nowMs);
    checkOptions(queue, concurrency);
    const { connection = null, entry } = this.#deps.origin();
    const row = {
      id: crypto.randomUUID(),
      callback,
      payload: writePayload(payload),
      retry_options: writeRetry(retry, this.#deps.retryDefaults()),
      queue,
      available_at: availableMs,
      ordered: ordered ? 1 : 0,
      concurrency,
      connection
    };
    this.#rows.insert(row, Math.floor(nowMs / 1_000));
    if (entry) this.#entries.set(row.id, { callback, entry });
    this.#note(queue, availableMs);
    this.#deps.emit("queue:create", () => ({ callback, id: row.id }));
    return row.id;
  }

  get(id: string): QueueItem | undefined {
    const row = this.#rows.get(id);
    return row && itemOf(row);
  }

  find(key: string, value: unknown): QueueItem[] {
    return this.#rows
      .all()
      .map((row) => itemOf(row))
      .filter(({ payload }) => (payload as Record<string, unknown> | null | undefined)?.[key] === value);
  }

  remove(id: string): void {
    this.#removed(
      () => this.#rows.remove(id),
      (other) => other === id
    );
  }

  removeAll(): void {
    this.#removed(
      () => this.#rows.removeAll(),
      () => true
    );
  }

  removeByCallback(callback: string): void {
    this.#removed(
      () => this.#rows.removeByCallback(callback),
      (_, other) => other === callback
    );
  }

  /** Takes back what had failed for good: at the end of its queue. */
  revive({ id, definition, payload, callback }: DeadRow): void {
    // Written by `giveUp`.
    const before = JSON.parse(definition) as Pick<
      Row,
      "retry_options" | "queue" | "ordered" | "concurrency" | "connection"
    >;
    const nowMs = this.#deps.now();
    this.#rows.insert({ ...before, id, callback, payload, available_at: nowMs }, Math.floor(nowMs / 1_000));
    this.#note(before.queue, nowMs);
  }

  /** Whoever waited behind what is gone may be next. */
  #removed(remove: () => void, isOne: (id: string, callback: string) => boolean): void {
    if (!this.#deps.schema.exists) return;
    remove();
    this.#runner.removed(isOne);
    for (const [id, { callback }] of this.#entries) if (isOne(id, callback)) this.#entries.delete(id);
    const nowMs = this.#deps.now();
    let isAnyLeft = !this.#isKnown;
    for (const lane of this.#lanes.values()) {
      if (lane.nextMs === undefined && !lane.isBusy) continue;
      isAnyLeft = true;
      lane.note(nowMs);
    }
    if (isAnyLeft) this.#later();
  }

  holds(): Hold[] {
    return this.#runner.holds();
  }

  // --- the alarm ---

  onStart(): void {
    if (this.#deps.schema.isMarked) this.#takeUp();
    const wakeMs = this.#deps.wake();
    // Written by an older release, or left by an earlier life: whatever woke the instance, it goes on now.
    const isLeft = wakeMs !== undefined && wakeMs <= this.#deps.now() + lookAfterMs;
    if (isLeft || this.#deps.schema.isInherited) this.#later();
  }

  nextWake(): number | undefined {
    const nowMs = this.#deps.now();
    const isBusy = this.#isBusy;
    let nextMs = this.#isKnown ? Infinity : (this.#deps.wake() ?? Infinity);
    for (const lane of this.#lanes.values()) {
      // What is due is about to be seen to, unless its lane has failed at the storage.
      const isSeenTo = this.#isLater || lane.isBusy;
      if (lane.nextMs !== undefined && !(isSeenTo && lane.nextMs <= nowMs)) nextMs = Math.min(nextMs, lane.nextMs);
    }
    if (isBusy) {
      // Not put off by each item that comes: the alarm would be set again for each.
      this.#lookMs ??= this.#runner.nextLookMs(lookAfterMs);
      nextMs = Math.min(nextMs, this.#lookMs);
    } else this.#lookMs = undefined;
    return nextMs === Infinity ? undefined : nextMs;
  }

  onStrayAlarm(): number | undefined {
    this.#isKnown = false;
    return this.#deps.schema.exists ? this.#deps.now() : undefined;
  }

  async onWake(): Promise<void> {
    this.#lookMs = undefined;
    await this.#shift.run();
  }

  /** When an idle queue has something to do. */
  #idleUntilMs(): number {
    let nextMs = Infinity;
    for (const lane of this.#lanes.values()) if (!lane.isBusy) nextMs = Math.min(nextMs, lane.nextMs ?? Infinity);
    return nextMs;
  }

  /** `nextWake` has another answer. When an alarm is over, the host asks by itself. */
  #changed(): void {
    if (this.#shift.isOn) this.#shift.changed();
    else this.#deps.changed();
  }

  get #isBusy(): boolean {
    return this.#isLater || this.#isDraining > 0 || this.#runner.running.size > 0;
  }

  /** An item is to start at a time. */
  #note(queue: string, atMs: number): void {
    const lane = this.#lane(queue);
    const isDue = atMs <= this.#deps.now();
    if (isDue && lane.isBusy) return void lane.drain();
    lane.note(atMs);
    if (isDue) this.#later();
    else this.#changed();
  }

  /** Drains after whoever asks for it. The alarm is set before: nothing is lost if the instance ends here. */
  #later(): void {
    if (this.#shift.isOn) return this.#shift.changed();
    if (this.#isLater) return;
    this.#isLater = true;
    this.#changed();
    const drain = () => {
      this.#isLater = false;
      return this.#drain();
    };
    void this.#deps.later(drain).then(() => {
      if (!this.#isLater) return;
      // The agent did not start.
      this.#isLater = false;
      this.#changed();
    });
  }

  /** Runs what may run in all queues. */
  async #drain(): Promise<void> {
    this.#isDraining++;
    const drained: Promise<void>[] = [];
    try {
      if (!this.#isKnown) {
        for (const name of this.#rows.queues()) this.#lane(name).note(this.#deps.now());
        this.#isKnown = true;
      }
      const nowMs = this.#deps.now();
      for (const lane of this.#lanes.values()) {
        if (lane.isBusy) drained.push(lane.idle());
        else if (lane.nextMs !== undefined && lane.nextMs <= nowMs) drained.push(lane.drain());
      }
      if (drained.length > 1) for (const lane of drained) void this.#tell(lane);
      await Promise.all(drained);
    } catch (error) {
      // Who waits is told of the first one that fails. The others go on, or fail after it.
      void Promise.allSettled(drained)
        .then(() => this.#drained())
        .catch((failure: unknown) => this.#deps.failed(failure));
      this.#changed();
      throw error;
    }
    this.#drained();
  }

  /** What is left in a lane that is done may be due before the others are done. */
  async #tell(drained: Promise<void>): Promise<void> {
    await Promise.allSettled([drained]);
    try {
      this.#changed();
    } catch (error) {
      await this.#deps.failed(error);
    }
  }

  #drained(): void {
    this.#isDraining--;
    if (!this.#isBusy) this.#forgetEmpty();
    this.#changed();
  }

  #forgetEmpty(): void {
    for (const [name, lane] of this.#lanes) if (lane.nextMs === undefined) this.#lanes.delete(name);
  }

  #lane(queue: string): Lane {
    const known = this.#lanes.get(queue);
    if (known) return known;
    const lane = new Lane({
      look: (limit) => this.#look(queue, limit),
      run: ({ id, interrupted }) => this.#runner.run(id, interrupted),
      now: () => this.#deps.now(),
      wait: (delayMs, signal) => this.#deps.wait(delayMs, signal),
      patienceMs: () => Infinity,
      outlived: () => this.#changed(),
      failed: (error) => void this.#deps.failed(error)
    });
    this.#lanes.set(queue, lane);
    return lane;
  }

  /** Goes on with what earlier lives have marked: items whose method was gone, and what was left while one ran for long. */
  #takeUp(): void {
    const callbacks = this.#rows.parkedCallbacks();
    const found = callbacks.filter((callback) => this.#deps.has(callback));
    for (const callback of found) this.#rows.unpark(callback);
    if (found.length > 0 || this.#rows.isAnyDue(this.#deps.now())) this.#later();
    this.#deps.schema.mark(found.length < callbacks.length);
  }

  #look(queue: string, limit: number): Look {
    const ready: Candidate[] = [];
    if (this.#deps.destroyed()) return { ready, nextMs: undefined };
    const nowMs = this.#deps.now();
    const { running } = this.#runner;
    for (const row of this.#rows.glance(queue, limit + running.size + 1)) {
      if (row.lease !== null && running.get(row.id)?.lease === row.lease) continue;
      const startMs = Math.max(row.available_at ?? 0, row.retry_at ?? 0);
      // Nobody passes what waits at its place; behind what has no place yet, nobody has one.
      if (startMs > nowMs) return { ready, nextMs: startMs };
      if (ready.length === limit) break;
      ready.push({ id: row.id, interrupted: row.lease !== null, concurrency: row.concurrency });
    }
    return { ready, nextMs: undefined };
  }

  // --- the table, for the engine ---

  claim(id: string, lease: string): Claimed | undefined {
    const row = this.#rows.claim(id, lease);
    if (!row) {
      this.#entries.delete(id);
      return undefined;
    }
    const retry = readRetry(row.retry_options, this.#deps.retryDefaults());
    return { id, lease, row, callback: row.callback, payload: row.payload, attempt: row.attempt, retry };
  }

  run({ row }: Claimed, payload: unknown): unknown {
    const origin = { connection: row.connection ?? undefined, entry: this.#entries.get(row.id)?.entry };
    return this.#deps.call(row.callback, payload, itemOf(row, payload), origin);
  }

  finish({ id, lease }: Claimed): void {
    this.#rows.removeClaimed(id, lease);
    this.#entries.delete(id);
  }

  postpone({ id, lease, row, attempt }: Claimed, atMs: number, why: Postponed): boolean {
    const counted = why === "retry" ? attempt : attempt - 1;
    if (why === "parked") {
      this.#deps.schema.mark(true);
      return this.#rows.park(id, lease, counted, atMs);
    }
    return this.#rows.postpone(id, lease, counted, row.ordered === 1 ? { retryAt: atMs } : { availableAt: atMs });
  }

  giveUp({ id, lease, row }: Claimed): { ours: boolean; definition?: string } {
    this.#entries.delete(id);
    if (!this.#rows.removeClaimed(id, lease)) return { ours: false };
    const { retry_options, queue, ordered, concurrency, connection } = row;
    return { ours: true, definition: JSON.stringify({ retry_options, queue, ordered, concurrency, connection }) };
  }
}

function itemOf(row: ClaimedRow, payload = showPayload(row.payload)): QueueItem {
  const { id, callback, created_at, retry_options } = row;
  const item: QueueItem = { id, payload, callback, created_at };
  const retry = showRetry(retry_options);
  if (retry) item.retry = retry;
  return item;
}

function checkOptions(queue: unknown, concurrency: unknown): void {
  if (typeof queue !== "string") throw invalid(`queue must be the name of a queue; got ${String(queue)}.`);
  if (Number.isInteger(concurrency) && (concurrency as number) >= 1) return;
  throw invalid(`concurrency must be an integer >= 1; got ${String(concurrency)}.`);
}

function availableAt({ delaySeconds, availableAt: date }: QueueOptions, nowMs: number): number {
  if (delaySeconds !== undefined && date !== undefined)
    throw invalid("delaySeconds and availableAt say the same: pass one of them.");
  if (date !== undefined) {
    if (date instanceof Date && !Number.isNaN(date.getTime())) return Math.max(date.getTime(), nowMs);
    throw invalid("availableAt must be a valid Date.");
  }
  if (delaySeconds === undefined) return nowMs;
  if (typeof delaySeconds !== "number" || !(delaySeconds >= 0 && delaySeconds <= maxDelaySeconds))
    throw invalid(`delaySeconds must be between 0 and 10 years; got ${String(delaySeconds)}.`);
  return Math.round(nowMs + delaySeconds * 1_000);
}

const invalid = (message: string): AgentError => new AgentError("QUEUE_OPTIONS_INVALID", message);
