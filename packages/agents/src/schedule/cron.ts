import { AgentError } from "../protocol/errors";
import type { Cron } from "./croner";

let library: typeof import("./croner") | undefined;

/** Whether expressions can be read. Until then, `loadCron` comes before all else here. */
export const isCronLoaded = (): boolean => library !== undefined;

/** Only agents with cron schedules need it. */
export async function loadCron(): Promise<void> {
  library ??= await import("./croner");
}

/**
 * The next time that a cron expression names, after a time.
 *
 * A local time that the change to daylight saving time skips is replaced by the end of the gap; one that comes twice counts
 * once. Expressions with a step or wildcard in their seconds, minutes or hours follow the clock instead, through the hour
 * that is repeated too.
 *
 * @param expression `minute hour day month weekday`, with seconds before it or not
 * @param afterMs in ms since the epoch; the answer is later
 * @param timeZone an IANA name; UTC without it
 * @returns ms since the epoch, or `undefined` if there is no such time before the year 10000
 * @throws SCHEDULE_INVALID as `checkCron` does
 * @example nextCron("0 9 * * 1-5", Date.now(), "Europe/Berlin");
 */
export function nextCron(expression: string, afterMs: number, timeZone?: string): number | undefined {
  return parse(expression, timeZone).nextRun(new Date(afterMs))?.getTime();
}

/**
 * Refuses what `nextCron` could not answer.
 *
 * @throws SCHEDULE_INVALID for an expression that cannot be read or names no time, and for a time zone that nobody knows
 */
export function checkCron(expression: string, timeZone?: string): void {
  // Any time will do: the calendar repeats after 400 years.
  if (parse(expression, timeZone).nextRun(new Date(0))) return;
  throw invalid(`The cron expression "${expression}" names no date that exists. Correct its day or month.`);
}

/** The rest is left out of what is shipped (bundle-libraries.ts). */
type NextRun = Pick<Cron, "nextRun">;

function parse(expression: string, timeZone: string | undefined): NextRun {
  checkForm(expression);
  checkTimeZone(timeZone);
  if (!library) throw new Error("loadCron() comes first");
  try {
    return new library.Cron(expression, {
      mode: "5-or-6-parts",
      fixedTimeRule: "no-wildcard",
      // Without a zone the library would take the one of the machine.
      ...(timeZone === undefined ? { utcOffset: 0 } : { timezone: timeZone })
    });
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error))
      .replace(/^Cron\w+: /, "")
      // The library counts days and months from 0 here.
      .replace(/(?<=for (?:day|month): )-?\d+/, (value) => String(Number(value) + 1));
    throw invalid(`The cron expression "${expression}" cannot be read: ${reason}. ${form}`, error);
  }
}

const form = 'Write "minute hour day month weekday", as "0 9 * * 1-5"; a field for seconds may come first.';

function checkForm(expression: unknown): void {
  if (typeof expression !== "string") throw invalid(`A cron expression is a string, not ${typeof expression}. ${form}`);
  // The library would take a date as well.
  const fields = expression.trim().split(/\s+/);
  if (fields.length === 5 || fields.length === 6 || /^\s*@/.test(expression)) return;
  const found = expression.trim() === "" ? 0 : fields.length;
  throw invalid(`The cron expression "${expression}" has ${found} fields instead of 5 or 6. ${form}`);
}

function checkTimeZone(timeZone: string | undefined): void {
  if (timeZone === undefined) return;
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (error) {
    throw invalid(
      `There is no time zone "${timeZone}". Use a name like "Europe/Berlin", or leave it out for UTC.`,
      error
    );
  }
}

const invalid = (message: string, cause?: unknown): AgentError =>
  new AgentError("SCHEDULE_INVALID", message, cause === undefined ? undefined : { cause });
