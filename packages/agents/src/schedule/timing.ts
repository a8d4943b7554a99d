import { maxDelaySeconds } from "../core/work/task";
import { AgentError } from "../protocol/errors";
import { checkCron, nextCron } from "./cron";
import { plannedOf, type Definition, type Glance, type MissedPolicy } from "./schema";

/** When: a delay in seconds, a time, or a cron expression. */
export type When = Date | string | number;

/** When a schedule is due first, and what its row says of that. */
export interface Timing extends Pick<
  Definition,
  "type" | "delayInSeconds" | "cron" | "intervalSeconds" | "time_zone" | "missed"
> {
  dueMs: number;
}

export interface TimingOptions {
  timeZone?: string | undefined;
  missed?: MissedPolicy | undefined;
}

/** A repeating schedule that starts later has missed its time. */
const missedAfterMs = 60_000;
const policies: readonly unknown[] = ["skip", "once", "all", undefined];

const nothing = { delayInSeconds: null, cron: null, intervalSeconds: null, time_zone: null, missed: null };

/** @throws SCHEDULE_INVALID */
export function timingOf(when: When, { timeZone, missed }: TimingOptions, nowMs: number): Timing {
  if (typeof when === "string") {
    checkMissed(missed);
    checkCron(when, timeZone);
    const dueMs = nextCron(when, nowMs, timeZone);
    if (dueMs === undefined) throw invalid(`The cron expression "${when}" names no time after now.`);
    return { ...nothing, type: "cron", cron: when, time_zone: timeZone ?? null, missed: missed ?? null, dueMs };
  }
  if (timeZone !== undefined) throw invalid("timeZone is an option of cron schedules: a Date or a delay has none.");
  if (missed !== undefined)
    throw invalid("missed is an option of cron schedules and intervals: others run once, however late.");
  if (typeof when === "number") {
    checkSeconds(when, "delay", nowMs);
    return { ...nothing, type: "delayed", delayInSeconds: when, dueMs: Math.round(nowMs + when * 1_000) };
  }
  if (!(when instanceof Date)) {
    const found = when === null ? "null" : typeof when;
    throw invalid(`When to run must be a delay in seconds, a Date or a cron expression; got ${found}.`);
  }
  if (Number.isNaN(when.getTime()))
    throw invalid("The Date is invalid. Check the text or numbers that it was made from.");
  return { ...nothing, type: "scheduled", dueMs: when.getTime() };
}

/** @throws SCHEDULE_INVALID */
export function intervalOf(seconds: number, { timeZone, missed }: TimingOptions, nowMs: number): Timing {
  if (timeZone !== undefined) throw invalid("timeZone is an option of cron schedules: an interval has none.");
  checkMissed(missed);
  checkSeconds(seconds, "interval", nowMs);
  if (seconds === 0) throw invalid("The interval must be greater than 0 seconds.");
  const dueMs = Math.round(nowMs + seconds * 1_000);
  return { ...nothing, type: "interval", intervalSeconds: seconds, missed: missed ?? null, dueMs };
}

function checkMissed(missed: unknown): void {
  if (!policies.includes(missed)) throw invalid(`missed must be "skip", "once" or "all"; got ${String(missed)}.`);
}

function checkSeconds(seconds: unknown, what: "delay" | "interval", nowMs: number): void {
  if (typeof seconds !== "number" || Number.isNaN(seconds))
    throw invalid(`The ${what} must be a number of seconds; got ${String(seconds)}.`);
  if (seconds < 0) throw invalid(`The ${what} must not be negative; got ${seconds} seconds.`);
  if (seconds <= maxDelaySeconds) return;
  const hint =
    // From 2001 on, times in ms are greater; until 2286, times in seconds are not.
    seconds >= 1e12 && seconds <= 8.64e15
      ? ` Is it a timestamp in ms? Then pass new Date(${seconds}).`
      : seconds > nowMs / 2_000 && seconds < 1e10
        ? ` Is it a timestamp in seconds? Then pass new Date(${seconds} * 1000).`
        : "";
  throw invalid(`A ${what} of ${seconds} seconds is more than 10 years.${hint}`);
}

const invalid = (message: string): AgentError => new AgentError("SCHEDULE_INVALID", message);

export const isRepeating = ({ type }: Pick<Glance, "type">): boolean => type === "cron" || type === "interval";

/**
 * The next time of a repeating schedule after a time. `undefined`: there is none, or the row does not say it; an older release
 * may have understood expressions that nobody reads today.
 */
export function following(row: Glance, afterMs: number): number | undefined {
  if (row.type === "cron") return followingCron(row, afterMs);
  const intervalMs = Math.round((row.intervalSeconds ?? 0) * 1_000);
  if (!(intervalMs > 0)) return undefined;
  const firstMs = plannedOf(row);
  return firstMs + (Math.floor(Math.max(0, afterMs - firstMs) / intervalMs) + 1) * intervalMs;
}

function followingCron({ cron, time_zone }: Glance, afterMs: number): number | undefined {
  try {
    return nextCron(cron ?? "", afterMs, time_zone ?? undefined);
  } catch {
    return undefined;
  }
}

/** @throws SCHEDULE_INVALID for a row that does not say when it repeats */
export function checkRepeating({ type, cron, time_zone, intervalSeconds }: Glance): void {
  if (type === "cron") checkCron(cron ?? "", time_zone ?? undefined);
  else if (!((intervalSeconds ?? 0) > 0))
    throw invalid(`The interval must be greater than 0 seconds; got ${intervalSeconds}.`);
}

/** When a repeating schedule runs after it has run. `undefined`: never again. */
export function nextTime(row: Glance, nowMs: number): number | undefined {
  const plannedMs = plannedOf(row);
  return following(row, row.missed === "all" ? plannedMs : Math.max(nowMs, plannedMs));
}

/** The time to which a schedule moves that has missed its own, and is to skip it. */
export function skipTo(row: Glance, nowMs: number): number | undefined {
  if (row.missed !== "skip" || row.attempt > 0 || !isRepeating(row)) return undefined;
  const lateMs = nowMs - plannedOf(row);
  const isMissed =
    lateMs > missedAfterMs ||
    (row.type === "interval" && lateMs >= (row.intervalSeconds ?? 0) * 1_000 && lateMs > 1_000);
  return isMissed ? following(row, nowMs) : undefined;
}
