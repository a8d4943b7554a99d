import type { RetryOptions } from "../retry/retry-options";
import type { MissedPolicy, Row, ScheduleType } from "./schema";
import { dueOf } from "./schema";
import { showPayload, showRetry } from "../core/work/task";

/** A call to make later. */
export type Schedule<Payload = unknown> = {
  id: string;
  /** The name of the method to call. */
  callback: string;
  payload: Payload;
  /** When it runs next, in seconds since the epoch. */
  time: number;
  /** The same in ms. */
  timeMs: number;
  retry?: RetryOptions;
  /** The caller's own name for it. */
  key?: string;
  /** It waits for `resumeSchedule`. */
  paused?: true;
} & (
  | { type: "scheduled" }
  | { type: "delayed"; delayInSeconds: number }
  | { type: "cron"; cron: string; timeZone?: string; missed?: MissedPolicy }
  | { type: "interval"; intervalSeconds: number; missed?: MissedPolicy }
);

export interface ScheduleOptions {
  /** How often, and how patiently, it is tried. What is left out is as in the class's `options.retry`. */
  retry?: RetryOptions;
  /** The caller's own name for this schedule: there is only one with it, and another call changes that one. */
  key?: string;
}

export interface RepeatingOptions extends ScheduleOptions {
  /** What happens after times at which the agent could not run. Default `"once"`. */
  missed?: MissedPolicy;
}

export interface CronOptions extends RepeatingOptions {
  /** The IANA name of the time zone in which a cron expression is meant. Default UTC. */
  timeZone?: string;
}

export interface ScheduleCriteria {
  id?: string;
  type?: ScheduleType;
  /** Both ends included. */
  timeRange?: { start?: Date; end?: Date };
}

/** What keeps an instance awake, as programs see it: an interval that is gone with the memory of the instance. */
export const scheduleOfHeartbeat = (heartbeat: {
  id: string;
  callback: string;
  time: number;
  intervalSeconds: number;
}): Schedule => ({ ...heartbeat, payload: undefined, timeMs: heartbeat.time * 1_000, type: "interval" });

/** Whether a schedule that is in no table is asked for. */
export function isAskedFor(
  schedule: Schedule,
  { id, type, timeRange: { start, end } = {} }: ScheduleCriteria
): boolean {
  if (id !== undefined && schedule.id !== id) return false;
  if (type !== undefined && schedule.type !== type) return false;
  return !(start && schedule.timeMs < start.getTime()) && !(end && schedule.timeMs > end.getTime());
}

/** A row as programs see it. */
export function scheduleOf<Payload>(
  row: Row,
  payload = showPayload(row.payload),
  timeMs = row.paused ?? row.parked ?? dueOf(row)
): Schedule<Payload> {
  const schedule: Record<string, unknown> = {
    id: row.id,
    callback: row.callback,
    payload,
    time: Math.floor(timeMs / 1_000),
    timeMs,
    type: row.type
  };
  if (row.type === "delayed") schedule.delayInSeconds = row.delayInSeconds;
  else if (row.type === "cron") schedule.cron = row.cron;
  else if (row.type === "interval") schedule.intervalSeconds = row.intervalSeconds;
  const retry = showRetry(row.retry_options);
  if (retry) schedule.retry = retry;
  if (row.key !== null) schedule.key = row.key;
  if (row.time_zone !== null) schedule.timeZone = row.time_zone;
  if (row.missed !== null) schedule.missed = row.missed;
  if (row.paused !== null) schedule.paused = true;
  // The row has what its type asks for.
  return schedule as Schedule<Payload>;
}
