import { AgentError, messageOf } from "../../protocol/errors";
import { backoffMs } from "../../retry/retry";
import type { RetryOptions } from "../../retry/retry-options";
import type { Hold } from "../capability";
import type { Schema } from "../meta";
import type { DeadLetters, DeadRow, TaskSource } from "./dead-letters";
import { isPlatformError } from "./platform-error";
import { readPayload, type Task } from "./task";

/** Why a task waits for a later time. */
export type Postponed =
  /** An attempt failed. */
  | "retry"
  /** The platform ended the attempt, which does not count. */
  | "platform"
  /** Its method does not exist. */
  | "parked";

/** What the engine knows of a table of tasks. All that it settles, it settles for one claim: another claim's row is not touched. */
export interface TaskTable<Claimed extends Task> {
  readonly source: TaskSource;
  /** Writes the lease and counts the attempt; nothing if the row is gone. */
  claim(id: string, lease: string): Claimed | undefined;
  /** It ran: removes the row, or prepares its next time. */
  finish(task: Claimed): void;
  /** Returns whether the row was still this claim's. */
  postpone(task: Claimed, atMs: number, why: Postponed): boolean;
  /** Its attempts are spent. What is removed for good is returned, as JSON of what its table needs to take it back. */
  giveUp(task: Claimed): { ours: boolean; definition?: string };
  /** The second argument of the method, and what the method may know of where the task comes from. */
  run(task: Claimed, payload: unknown): unknown;
}

export interface RunnerDeps {
  schema: Schema;
  dead: DeadLetters;
  now(): number;
  /** From 0 to (and without) 1. */
  random(): number;
  /** Resolves when all that was written would survive a crash. */
  sync(): Promise<void>;
  /** Whether the agent has a method of this name. */
  has(callback: string): boolean;
  /** Nothing may be written any more. */
  destroyed(): boolean;
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): Promise<void>;
}

/** What schedules and the queue both need beside that. */
export interface WorkDeps extends RunnerDeps {
  /** When the alarm was asked for, perhaps in an earlier life of the instance. */
  wake(): number | undefined;
  /** `nextWake` has another answer. */
  changed(): void;
  /** Resolves after `delayMs`, or as soon as the signal is aborted. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
  retryDefaults(): Required<RetryOptions>;
}

export interface Running {
  readonly lease: string;
  readonly callback: string;
  readonly startedMs: number;
  /** When it is to run again, for one that repeats: the first such time that is not yet dealt with. */
  nextMs: number | undefined;
  /** Its code has started. Before that, it may wait for the disk. */
  hasBegun: boolean;
}

const dayMs = 24 * 3_600_000;
const platformPauseMs = 1_000;
const maxPlatformPauseMs = 60_000;
/** Errors of the platform in a row that cost a task nothing. After that something else must be wrong. */
const maxPlatformErrors = 10;
/** Claims that are written to disk before their code runs, once a crash was seen. */
const carefulClaims = 100;

/** Runs claimed tasks: one attempt after a claim, then the row is settled according to how it ended. */
export class Runner<Claimed extends Task> {
  /** What runs in this life of the instance, by the id of the task. */
  readonly running = new Map<string, Running>();
  readonly #deps: RunnerDeps;
  readonly #table: TaskTable<Claimed>;
  readonly #life = crypto.randomUUID().slice(0, 8);
  readonly #platformErrors = new Map<string, number>();
  #claims = 0;
  #synced: Promise<void> | undefined;
  // What an instance does first may be what ended it the last time.
  #careful = 1;

  constructor(deps: RunnerDeps, table: TaskTable<Claimed>) {
    this.#deps = deps;
    this.#table = table;
  }

  /**
   * Claims a task and makes one attempt.
   *
   * @param interrupted whether an earlier attempt was ended by a crash
   * @returns whether it is done with, so that the order of the others is what it was
   */
  async run(id: string, interrupted: boolean): Promise<boolean> {
    const lease = `${this.#life}:${++this.#claims}`;
    const task = this.#table.claim(id, lease);
    if (!task) return false;
    // Before the method is looked for: a crash may come of that, too.
    if (task.attempt > task.retry.maxAttempts) {
      await this.#giveUp(task, interruptedError(task), task.attempt - 1);
      return false;
    }
    if (!this.#deps.has(task.callback)) return this.#park(task);
    if (interrupted) this.#careful = carefulClaims;
    const { callback, nextMs } = task;
    const running: Running = { lease, callback, startedMs: this.#deps.now(), nextMs, hasBegun: false };
    this.running.set(id, running);
    try {
      if (this.#careful > 0) {
        // Code that never gives way, or ends the process, would take with it that it was tried.
        this.#careful--;
        this.#synced = this.#deps.sync();
      }
      // Those who were claimed after it start after it.
      if (this.#synced) await this.#whenSynced(this.#synced);
      if (this.running.get(id) !== running) return false;
      running.hasBegun = true;
      this.#announce(task);
      try {
        await this.#table.run(task, readPayload(task.payload));
      } catch (error) {
        if (!this.#deps.destroyed()) await this.#attemptFailed(task, error);
        return false;
      }
      if (!this.#deps.destroyed()) this.#succeeded(task);
      return true;
    } finally {
      if (this.running.get(id) === running) this.running.delete(id);
    }
  }

  /** Rows are gone: what is claimed of them, and has not begun, does not start any more. */
  removed(isOne: (id: string, callback: string) => boolean): void {
    for (const [id, { callback, hasBegun }] of this.running)
      if (!hasBegun && isOne(id, callback)) this.running.delete(id);
  }

  /**
   * When the alarm is to look after what runs. Less and less often: what never ends must not keep the instance in memory for ever.
   * A life that comes after this one must not wait as long. It knows by a mark that something was left.
   */
  nextLookMs(withinMs: number): number {
    const nowMs = this.#deps.now();
    let firstMs = nowMs;
    for (const { startedMs } of this.running.values()) firstMs = Math.min(firstMs, startedMs);
    const ranMs = nowMs - firstMs;
    if (ranMs > withinMs) this.#deps.schema.mark(true);
    return nowMs + Math.max(withinMs, ranMs);
  }

  /** Whether anything runs that did not start before this time. */
  isRunningSince(ms: number): boolean {
    for (const { startedMs } of this.running.values()) if (startedMs >= ms) return true;
    return false;
  }

  /** What runs, for people and tests. */
  holds(): Hold[] {
    return [...this.running].map(([id, { callback, startedMs }]) => ({ id, callback, sinceMs: startedMs }));
  }

  async #whenSynced(synced: Promise<void>): Promise<void> {
    await synced;
    if (this.#synced === synced) this.#synced = undefined;
  }

  #succeeded(task: Claimed): void {
    this.#platformErrors.delete(task.id);
    this.#table.finish(task);
  }

  #announce({ id, callback, attempt, retry: { maxAttempts } }: Claimed): void {
    const { source } = this.#table;
    if (attempt > 1) this.#deps.emit(`${source}:retry`, () => ({ callback, id, attempt, maxAttempts }));
    else if (source === "schedule") this.#deps.emit("schedule:execute", () => ({ callback, id }));
  }

  async #park(task: Claimed): Promise<false> {
    const { id, callback } = task;
    this.#table.postpone(task, this.#deps.now() + dayMs, "parked");
    this.#deps.emit(`${this.#table.source}:parked`, () => ({ callback, id }));
    await this.#deps.failed(missingCallback(callback));
    return false;
  }

  async #attemptFailed(task: Claimed, error: unknown): Promise<void> {
    const nowMs = this.#deps.now();
    if (isPlatformError(error)) {
      const before = this.#platformErrors.get(task.id) ?? 0;
      if (before < maxPlatformErrors) {
        this.#platformErrors.set(task.id, before + 1);
        const pauseMs = Math.min(platformPauseMs * 2 ** before, maxPlatformPauseMs);
        this.#table.postpone(task, nowMs + pauseMs, "platform");
        return;
      }
    }
    this.#platformErrors.delete(task.id);
    if (task.attempt >= task.retry.maxAttempts) return this.#giveUp(task, error, task.attempt);
    const atMs = nowMs + Math.ceil(backoffMs(task.attempt, task.retry, this.#deps.random));
    // A task that was cancelled meanwhile is not tried again; that it failed is known to nobody else.
    if (!this.#table.postpone(task, atMs, "retry")) await this.#deps.failed(error);
  }

  async #giveUp(task: Claimed, error: unknown, attempts: number): Promise<void> {
    const { id, callback, payload } = task;
    const { source } = this.#table;
    const message = messageOf(error);
    const ours = this.#deps.schema.transaction(() => {
      const { ours, definition } = this.#table.giveUp(task);
      if (definition !== undefined) {
        const row: DeadRow = {
          id,
          source,
          callback,
          payload,
          definition,
          error: message,
          attempts,
          failed_at: this.#deps.now()
        };
        this.#deps.dead.add(row);
      }
      return ours;
    });
    if (ours) this.#deps.emit(`${source}:error`, () => ({ callback, id, error: message, attempts }));
    await this.#deps.failed(error);
  }
}

const missingCallback = (callback: string): AgentError =>
  new AgentError(
    "CALLBACK_UNKNOWN",
    `this.${callback} is not a function any more. What waits for it is kept until a release has this method again.`
  );

const interruptedError = ({ callback, retry: { maxAttempts } }: Task): AgentError =>
  new AgentError(
    "TASK_INTERRUPTED",
    `this.${callback}: the instance ended during the last of ${maxAttempts} attempt${maxAttempts === 1 ? "" : "s"}`
  );
