import type { Capability } from "./core/capability";
import { currentContext, runOutside, type Entry } from "./core/context";
import type { Host } from "./core/host";
import type { Schema, SchemaDefinition } from "./core/meta";
import { resolveOptions } from "./core/options";
import { wait } from "./core/wait";
import { DeadLetters, deadLettersSchema, type DeadLetter } from "./core/work/dead-letters";
import type { RunnerDeps } from "./core/work/runner";
import { AgentError } from "./protocol/errors";
import { Queue, type Origin, type QueueDeps, type QueueItem } from "./queue/queue";
import { queueSchema } from "./queue/schema";
import { Schedules, type SchedulesDeps } from "./schedule/schedules";
import { scheduleSchema } from "./schedule/schema";
import { scheduleOfHeartbeat, type Schedule } from "./schedule/types";
import { keepAliveOf } from "./server";
import type { Workflows } from "./workflows/workflows";

type Methods = Record<string, ((...args: unknown[]) => unknown) | undefined>;

/** How an agent gets its workflows. Set by `agents/workflows`: who has none loads nothing of it. */
export const workflowsPort: { of?: (agent: object) => Workflows } = {};

/**
 * Work that survives: schedules, the queue, and what failed for good. Each is made when it is first used, in this life of the
 * instance or, as the meta row tells, in an earlier one: most agents have none of it.
 */
export class DurableWork implements Capability {
  readonly name = "durable-work";
  readonly #agent: object;
  readonly #host: Host;
  readonly #storage: DurableObjectStorage;
  #schedules: Schedules | undefined;
  #queue: Queue | undefined;
  #dead: DeadLetters | undefined;

  constructor(agent: object, host: Host, storage: DurableObjectStorage) {
    this.#agent = agent;
    this.#host = host;
    this.#storage = storage;
  }

  get schedules(): Schedules {
    return (this.#schedules ??= this.#host.install(
      new Schedules(new ScheduleBridge("schedule", scheduleSchema, this.#agent, this.#host, this.#storage, this.dead))
    ));
  }

  get queue(): Queue {
    return (this.#queue ??= this.#host.install(
      new Queue(new QueueBridge("queue", queueSchema, this.#agent, this.#host, this.#storage, this.dead))
    ));
  }

  get dead(): DeadLetters {
    return (this.#dead ??= new DeadLetters(this.#host.schema("dead-letters", deadLettersSchema)));
  }

  get workflows(): Workflows {
    if (workflowsPort.of) return workflowsPort.of(this.#agent);
    throw new AgentError("WORKFLOW_UNKNOWN", 'Call trackWorkflows() of "agents/workflows" first');
  }

  listDead(): DeadLetter[] {
    return this.dead.list();
  }

  retryDead(id: string): boolean {
    return this.dead.retry(id, (row) => (row.source === "queue" ? this.queue : this.schedules).revive(row));
  }

  removeDead(id: string): boolean {
    return this.dead.remove(id);
  }

  onStart(): void {
    if (this.#isLeft("schedule", scheduleSchema)) void this.schedules;
    if (this.#isLeft("queue", queueSchema)) void this.queue;
  }

  /** Whether something of an earlier life waits for its time, or for this start. */
  #isLeft(name: string, { tables }: SchemaDefinition): boolean {
    const { meta } = this.#host;
    if (meta.version(name) === 0) return meta.inherits(tables);
    return meta.wakeOf(name) !== undefined || meta.isMarked(name);
  }

  /** Those who can look at their tables are asked next. */
  onStrayAlarm(): undefined {
    const { meta } = this.#host;
    if (meta.version("schedule") > 0) void this.schedules;
    if (meta.version("queue") > 0) void this.queue;
  }
}

/** The agent, as schedules and the queue see it. */
abstract class Bridge implements RunnerDeps {
  readonly schema: Schema;
  readonly dead: DeadLetters;
  protected readonly host: Host;
  readonly #name: string;
  protected readonly agent: object;
  readonly #storage: DurableObjectStorage;

  constructor(
    name: string,
    definition: SchemaDefinition,
    agent: object,
    host: Host,
    storage: DurableObjectStorage,
    dead: DeadLetters
  ) {
    this.schema = host.schema(name, definition);
    this.dead = dead;
    this.host = host;
    this.agent = agent;
    this.#name = name;
    this.#storage = storage;
  }

  now() {
    return Date.now();
  }
  random() {
    return Math.random();
  }
  wait(delayMs: number, signal: AbortSignal) {
    return wait(delayMs, signal);
  }
  sync() {
    return this.#storage.sync();
  }
  has(callback: string) {
    return typeof (this.agent as Methods)[callback] === "function";
  }
  destroyed() {
    return this.host.isDestroyed;
  }
  wake() {
    return this.host.meta.wakeOf(this.#name);
  }
  changed() {
    this.host.alarms.changed(this.#name);
  }
  retryDefaults() {
    return resolveOptions(this.agent.constructor).retry;
  }
  emit(type: string, payload: () => Record<string, unknown>) {
    this.host.emit(type, payload);
  }
  async failed(error: unknown) {
    await runOutside(() => this.host.run(undefined, () => this.host.failed(error)));
  }

  /** Runs a method as an entry of its own. Lanes run outside of whoever asked for what they do. */
  protected invoke(entry: Entry | undefined, callback: string, payload: unknown, task: unknown): unknown {
    return this.host.run(entry, () => (this.agent as Methods)[callback]?.(payload, task));
  }
}

class ScheduleBridge extends Bridge implements SchedulesDeps {
  hungMs() {
    return resolveOptions(this.agent.constructor).hungScheduleTimeoutSeconds * 1_000;
  }
  call(callback: string, payload: unknown, schedule: Schedule) {
    return this.invoke(undefined, callback, payload, schedule);
  }
  warn(message: string) {
    console.warn(message);
  }
  inMemory() {
    return keepAliveOf(this.agent)?.entries().map(scheduleOfHeartbeat) ?? [];
  }
  endInMemory(id: string) {
    return keepAliveOf(this.agent)?.end(id) ?? false;
  }
}

class QueueBridge extends Bridge implements QueueDeps {
  origin() {
    const { connection, request, email } = currentContext();
    const entry = request || email ? { request, email } : undefined;
    return { connection: connection?.id, entry };
  }
  call(callback: string, payload: unknown, item: QueueItem, { connection: id, entry }: Origin) {
    const connection = id === undefined ? undefined : this.host.connections.get(id);
    return this.invoke({ ...entry, connection }, callback, payload, item);
  }
  later(work: () => Promise<void>) {
    return runOutside(async () => {
      await wait(0);
      try {
        await this.host.run(undefined, () => work().catch((error: unknown) => this.host.failed(error)));
      } catch {
        // The agent did not start, which is reported. The alarm tries again.
      }
    });
  }
}
