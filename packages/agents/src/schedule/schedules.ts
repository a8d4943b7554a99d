import type { Capability, Hold } from "../core/capability";
import type { DeadRow } from "../core/work/dead-letters";
import { Lane, type Candidate, type Look } from "../core/work/lane";
import { Runner, type Postponed, type WorkDeps, type Running, type TaskTable } from "../core/work/runner";
import { Shift } from "../core/work/shift";
import { checkCallback, readRetry, writePayload, writeRetry, type Task } from "../core/work/task";
import { AgentError } from "../protocol/errors";
import { isCronLoaded, loadCron } from "./cron";
import { isSame, Rows } from "./rows";
import { columnsOf, dueOf, neverMs, plannedOf, type Definition, type Glance, type Row } from "./schema";
import {
  checkRepeating,
  following,
  intervalOf,
  isRepeating,
  nextTime,
  skipTo,
  timingOf,
  type Timing,
  type When
} from "./timing";
import {
  isAskedFor,
  scheduleOf,
  type CronOptions,
  type RepeatingOptions,
  type Schedule,
  type ScheduleCriteria
} from "./types";

export interface SchedulesDeps extends WorkDeps {
  /** An execution that takes longer is taken for dead, in ms. */
  hungMs(): number;
  call(callback: string, payload: unknown, schedule: Schedule): unknown;
  warn(message: string): void;
  /** Schedules that are in memory only. */
  inMemory(): readonly Schedule[];
  endInMemory(id: string): boolean;
}

type Claimed = Task & { readonly row: Row };

/** While something runs, the alarm looks after it: an instance that ends without one would leave it to the next event. */
const lookAfterMs = 30_000;

/** Calls to make later. The rows are the truth; the alarm is only a reminder to look at them. */
export class Schedules implements Capability, TaskTable<Claimed> {
  readonly name = "schedule";
  readonly source = "schedule";
  readonly #deps: SchedulesDeps;
  readonly #rows: Rows;
  readonly #runner: Runner<Claimed>;
  readonly #lane: Lane;
  readonly #shift: Shift;
  #isKnown = false;

  constructor(deps: SchedulesDeps) {
    this.#deps = deps;
    this.#rows = new Rows(deps.schema);
    this.#runner = new Runner<Claimed>(deps, this);
    this.#lane = new Lane({
      look: (limit) => this.#look(limit),
      run: ({ id, interrupted }) => this.#runner.run(id, interrupted),
      now: () => deps.now(),
      wait: (delayMs, signal) => deps.wait(delayMs, signal),
      patienceMs: () => deps.hungMs(),
      // Nobody else would tell that the alarm need not look after it.
      outlived: () => this.#changed(),
      failed: (error) => void deps.failed(error)
    });
    this.#shift = new Shift(deps, {
      drain: () => this.#lane.drain(),
      idleUntilMs: () => (this.#lane.isBusy ? Infinity : (this.#lane.nextMs ?? Infinity)),
      isBusySince: (ms) => this.#runner.isRunningSince(ms) || (this.#lane.isBusy && this.#runner.running.size === 0)
    });
  }

  // --- what programs ask for. `loadCron` comes before what may concern a cron expression. ---

  add(when: When, callback: unknown, payload: unknown, options: CronOptions = {}): Schedule {
    this.#checkOrder("schedule", when, callback);
    const timing = timingOf(when, options, this.#deps.now());
    return this.#store(timing, callback, payload, options);
  }

  addInterval(seconds: number, callback: unknown, payload: unknown, options: RepeatingOptions = {}): Schedule {
    this.#checkOrder("scheduleEvery", seconds, callback);
    const timing = intervalOf(seconds, options, this.#deps.now());
    return this.#store(timing, callback, payload, options);
  }

  get(id: string): Schedule | undefined {
    const row = this.#rows.get(id);
    return row ? scheduleOf(row) : this.#deps.inMemory().find((schedule) => schedule.id === id);
  }

  list(criteria: ScheduleCriteria = {}): Schedule[] {
    const stored = this.#rows.find(criteria).map((row) => scheduleOf(row));
    const inMemory = this.#deps.inMemory().filter((schedule) => isAskedFor(schedule, criteria));
    return inMemory.length === 0 ? stored : [...stored, ...inMemory].sort((a, b) => a.timeMs - b.timeMs);
  }

  cancel(id: string): boolean {
    const row = this.#take(() => this.#rows.remove(id));
    if (!row) return this.#deps.endInMemory(id);
    this.#runner.removed((other) => other === id);
    this.#deps.emit("schedule:cancel", () => ({ callback: row.callback, id }));
    return true;
  }

  pause(id: string): boolean {
    const row = this.#take(() => {
      const paused = this.#rows.pause(id);
      return paused && { ...paused, time: -1, ms: 0 };
    });
    return row !== undefined;
  }

  resume(id: string): boolean {
    const row = this.#rows.get(id);
    if (!row || row.paused === null) return false;
    const nowMs = this.#deps.now();
    const atMs = row.paused > nowMs || !isRepeating(row) ? row.paused : (following(row, nowMs) ?? row.paused);
    this.#rows.resume(id, atMs, atMs !== row.paused);
    this.#note(atMs);
    return true;
  }

  /** Takes back what had failed for good: it is due at once. */
  revive({ id, definition, payload, callback }: DeadRow): void {
    // Written by `giveUp`.
    const before = JSON.parse(definition) as Omit<Definition, "callback" | "payload">;
    const dueMs = this.#deps.now();
    this.#rows.insert({ ...before, callback, payload }, id, null, dueMs);
    this.#note(dueMs);
  }

  #store(timing: Timing, callback: unknown, payload: unknown, options: CronOptions): Schedule {
    checkCallback(callback, (name) => this.#deps.has(name));
    const { key, retry } = options;
    if (key !== undefined && (typeof key !== "string" || key === ""))
      throw new AgentError("SCHEDULE_INVALID", "key must be a text that is not empty.");
    const payloadText = writePayload(payload);
    const row = freshRow(timing, callback, payloadText, writeRetry(retry, this.#deps.retryDefaults()), key ?? null);
    const before = key === undefined ? undefined : this.#rows.withKey(key);
    const isUnchanged = before && isSame(before, row);
    const { dueMs } = timing;
    if (isUnchanged && (timing.type !== "scheduled" || plannedOf(before) === dueMs)) return scheduleOf(before);
    const id = (row.id = before?.id ?? crypto.randomUUID());
    if (before) this.#rows.replace(row, id, dueMs);
    else this.#rows.insert(row, id, row.key, dueMs);
    this.#note(dueMs);
    this.#deps.emit("schedule:create", () => ({ callback, id }));
    return scheduleOf(row);
  }

  #checkOrder(method: string, when: unknown, callback: unknown): void {
    if (typeof when !== "string") return;
    const isTime = typeof callback === "number" || callback instanceof Date;
    const isCron = typeof callback === "string" && this.#deps.has(when) && !this.#deps.has(callback);
    if (!isTime && !isCron) return;
    const time =
      callback instanceof Date ? `new Date(${callback.getTime()})` : isCron ? `"${callback}"` : String(callback);
    throw new AgentError(
      "SCHEDULE_ARGUMENTS_REVERSED",
      `The first two arguments are reversed: call this.${method}(${time}, "${when}", ...).`
    );
  }

  holds(): Hold[] {
    return this.#runner.holds();
  }

  // --- the alarm ---

  onStart(): void {
    // An older release wrote the rows, and nobody knows when they are due.
    if (this.#deps.schema.isInherited) return this.#deps.changed();
    if (this.#deps.schema.isMarked) this.#takeUp();
  }

  nextWake(): number | undefined {
    const nextMs = this.#next();
    if (this.#runner.running.size === 0 && !this.#lane.isBusy) return nextMs;
    return Math.min(nextMs ?? Infinity, this.#runner.nextLookMs(lookAfterMs));
  }

  onStrayAlarm(): number | undefined {
    this.#isKnown = true;
    return (this.#lane.nextMs = this.#rows.earliest());
  }

  async onWake(): Promise<void> {
    this.#isKnown = true;
    await this.#shift.run();
  }

  #next(): number | undefined {
    if (this.#isKnown) return this.#lane.nextMs;
    this.#isKnown = true;
    return (this.#lane.nextMs = this.#deps.wake() ?? this.#rows.earliest());
  }

  /** A row is due at a time that nobody may know yet. */
  #note(atMs: number): void {
    const wasKnown = this.#isKnown;
    const nextMs = this.#next();
    if (wasKnown && nextMs !== undefined && nextMs <= atMs) return;
    this.#lane.note(atMs);
    this.#changed();
  }

  /** `nextWake` has another answer. When an alarm is over, the host asks by itself. */
  #changed(): void {
    if (this.#shift.isOn) this.#shift.changed();
    else this.#deps.changed();
  }

  /** Takes a row out of what is to run, and sets the alarm for the others. Both or neither: a call that fails has changed nothing. */
  #take(out: () => Row | undefined): Row | undefined {
    const { schema } = this.#deps;
    if (!schema.exists) return undefined;
    const { nextMs } = this.#lane;
    try {
      return schema.transaction(() => {
        const row = out();
        if (row) this.#left(row);
        return row;
      });
    } catch (error) {
      this.#lane.nextMs = nextMs;
      throw error;
    }
  }

  /** A row is gone: if the alarm was for it, it is for the next one now. */
  #left(row: Row): void {
    if (this.#lane.isBusy) return;
    const nextMs = this.#next();
    if (nextMs === undefined || (row.time >= 0 && dueOf(row) > nextMs)) return;
    this.#lane.nextMs = this.#rows.earliest();
    this.#changed();
  }

  /** Goes on with what earlier lives have marked: schedules whose method was gone, and what ran for long when they ended. */
  #takeUp(): void {
    const callbacks = this.#rows.parkedCallbacks();
    const found = callbacks.filter((callback) => this.#deps.has(callback));
    for (const callback of found) this.#rows.unpark(callback);
    this.#isKnown = true;
    this.#lane.nextMs = this.#rows.earliest();
    this.#deps.changed();
    this.#deps.schema.mark(found.length < callbacks.length);
  }

  // --- the lane ---

  #look(limit: number): Look | Promise<void> {
    const ready: Candidate[] = [];
    if (this.#deps.destroyed()) return { ready, nextMs: undefined };
    const nowMs = this.#deps.now();
    let nextMs = Infinity;
    for (const row of this.#rows.glance(limit + this.#runner.running.size + 1, nowMs)) {
      if (row.type === "cron" && !isCronLoaded()) return loadCron();
      const dueMs = dueOf(row);
      if (dueMs > nowMs) {
        if (dueMs < neverMs) nextMs = Math.min(nextMs, dueMs);
        break;
      }
      if (ready.length === limit) break;
      const running = row.lease === null ? undefined : this.#runner.running.get(row.id);
      const again = running?.lease === row.lease ? this.#overlap(row, running, nowMs) : this.#skip(row, nowMs);
      if (again === "ready") ready.push({ id: row.id, interrupted: row.lease !== null && !running, concurrency: 1 });
      else nextMs = Math.min(nextMs, again);
    }
    return { ready, nextMs: nextMs === Infinity ? undefined : nextMs };
  }

  /** Whether a row that is due is too late to run; then it is moved to its next time. */
  #skip(row: Glance, nowMs: number): "ready" | number {
    const toMs = skipTo(row, nowMs);
    if (toMs === undefined) return "ready";
    this.#rows.repeat(row.id, row.lease, toMs);
    return toMs;
  }

  /** What becomes of the next time of a schedule that still runs: an interval skips it, until the execution is taken for dead. */
  #overlap(row: Glance, running: Running, nowMs: number): "ready" | number {
    if (!isRepeating(row)) return Infinity;
    const { nextMs = Infinity } = running;
    if (nextMs > nowMs) return nextMs;
    if (row.type === "interval" && nextMs - running.startedMs <= this.#deps.hungMs()) {
      this.#deps.emit("schedule:skip", () => ({ callback: row.callback, id: row.id }));
      this.#deps.warn(`Skipping interval schedule ${row.id}: previous execution still running`);
      return (running.nextMs = following(row, nowMs) ?? Infinity);
    }
    // The claim of the running execution ends with this.
    this.#rows.repeat(row.id, row.lease, nextMs);
    return "ready";
  }

  // --- the table, for the engine ---

  claim(id: string, lease: string): Claimed | undefined {
    const row = this.#rows.claim(id, lease, this.#deps.now());
    if (!row) return undefined;
    const retry = readRetry(row.retry_options, this.#deps.retryDefaults());
    const task = { id, lease, row, callback: row.callback, payload: row.payload, attempt: row.attempt, retry };
    if (!isRepeating(row)) return task;
    const nextMs = following(row, Math.max(plannedOf(row), this.#deps.now())) ?? Infinity;
    // The lane waits for the execution: it is to look at the next time even so.
    this.#lane.note(nextMs);
    return { ...task, nextMs };
  }

  run({ row, nextMs }: Claimed, payload: unknown): unknown {
    if (nextMs === Infinity) checkRepeating(row);
    // The time that it is for, also when another attempt or a pause has moved it: programs know an execution by it.
    return this.#deps.call(row.callback, payload, scheduleOf(row, payload, plannedOf(row)));
  }

  finish(task: Claimed): void {
    this.#end(task);
  }

  postpone({ id, lease, row, attempt }: Claimed, atMs: number, why: Postponed): boolean {
    const plannedMs = plannedOf(row);
    const moved = why === "parked" ? { parked: plannedMs } : { planned: plannedMs };
    const counted = why === "retry" ? attempt : attempt - 1;
    const ours = this.#rows.postpone(id, lease, atMs, counted, moved);
    if (ours && why === "parked") this.#deps.schema.mark(true);
    if (ours) this.#note(atMs);
    return ours;
  }

  giveUp(task: Claimed): { ours: boolean; definition?: string } {
    const { callback: _callback, payload: _payload, ...definition } = definitionOf(task.row);
    const { ours, isOver } = this.#end(task);
    return ours && isOver ? { ours, definition: JSON.stringify(definition) } : { ours };
  }

  /** After the last attempt: the row is removed, or waits for its next time. */
  #end({ id, lease, row }: Claimed): { ours: boolean; isOver: boolean } {
    const nextMs = isRepeating(row) ? nextTime(row, this.#deps.now()) : undefined;
    if (nextMs === undefined) return { ours: this.#rows.removeClaimed(id, lease), isOver: true };
    const ours = this.#rows.repeat(id, lease, nextMs);
    if (ours) this.#note(nextMs);
    return { ours, isOver: false };
  }
}

/** A row that has no id yet. Field by field: to spread one object takes several times as long, for every schedule. */
const freshRow = (
  { dueMs, type, delayInSeconds, cron, intervalSeconds, time_zone, missed }: Timing,
  callback: string,
  payload: string | null,
  retry_options: string | null,
  key: string | null
): Row => {
  const [time, ms] = columnsOf(dueMs);
  return {
    id: "",
    callback,
    payload,
    type,
    time,
    ms,
    delayInSeconds,
    cron,
    intervalSeconds,
    retry_options,
    time_zone,
    missed,
    attempt: 0,
    lease: null,
    planned: null,
    paused: null,
    parked: null,
    key
  };
};

const definitionOf = (row: Row): Definition => ({
  callback: row.callback,
  payload: row.payload,
  type: row.type,
  delayInSeconds: row.delayInSeconds,
  cron: row.cron,
  intervalSeconds: row.intervalSeconds,
  retry_options: row.retry_options,
  time_zone: row.time_zone,
  missed: row.missed
});
