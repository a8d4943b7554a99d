import { beforeAll, describe, expect, it } from "vitest";
import { AgentError } from "../protocol/errors";
import { checkCron, loadCron, nextCron } from "./cron";

beforeAll(loadCron);

/** The next times of an expression, as UTC to the second. */
function times(expression: string, after: string, timeZone?: string, count = 1): string[] {
  const found: string[] = [];
  let afterMs = Date.parse(after);
  while (found.length < count) {
    const next = nextCron(expression, afterMs, timeZone);
    if (next === undefined) break;
    found.push(new Date(next).toISOString().replace(".000Z", "Z"));
    afterMs = next;
  }
  return found;
}

describe("[X1] an expression", () => {
  it.each([
    // The patterns of the documentation.
    ["* * * * *", "2025-06-02T10:00:30Z", "2025-06-02T10:01:00Z"],
    ["*/5 * * * *", "2025-06-02T10:01:00Z", "2025-06-02T10:05:00Z"],
    ["*/15 * * * *", "2025-06-02T10:45:00Z", "2025-06-02T11:00:00Z"],
    ["0 * * * *", "2025-06-02T10:00:00Z", "2025-06-02T11:00:00Z"],
    ["0 0 * * *", "2025-06-02T10:00:00Z", "2025-06-03T00:00:00Z"],
    ["0 8 * * *", "2025-06-02T07:59:59.999Z", "2025-06-02T08:00:00Z"],
    ["0 8 * * 1-5", "2025-06-06T08:00:00Z", "2025-06-09T08:00:00Z"],
    ["0 9 * * 1", "2025-06-03T00:00:00Z", "2025-06-09T09:00:00Z"],
    ["0 0 * * 0", "2025-06-02T10:00:00Z", "2025-06-08T00:00:00Z"],
    ["0 0 1 * *", "2025-06-02T10:00:00Z", "2025-07-01T00:00:00Z"],
    // Lists, ranges, steps and names.
    ["0,30 9-10 * * *", "2025-06-02T09:30:00Z", "2025-06-02T10:00:00Z"],
    ["0-10/5 * * * *", "2025-06-02T10:05:00Z", "2025-06-02T10:10:00Z"],
    ["0 0 1 jan,JUL *", "2025-06-02T10:00:00Z", "2025-07-01T00:00:00Z"],
    ["0 9 * * mon-FRI", "2025-06-06T09:00:00Z", "2025-06-09T09:00:00Z"],
    ["0 0 * * 7", "2025-06-02T10:00:00Z", "2025-06-08T00:00:00Z"],
    ["  0  8 * *   * ", "2025-06-02T10:00:00Z", "2025-06-03T08:00:00Z"],
    ["@daily", "2025-06-02T10:00:00Z", "2025-06-03T00:00:00Z"],
    // A day of the month or a weekday, as cron has always had it.
    ["0 0 13 * 5", "2025-06-07T00:00:00Z", "2025-06-13T00:00:00Z"],
    ["0 0 13 * 5", "2025-06-13T00:00:00Z", "2025-06-20T00:00:00Z"],
    // Days that not every month has.
    ["0 0 31 * *", "2025-03-31T00:00:00Z", "2025-05-31T00:00:00Z"],
    ["0 0 L * *", "2025-02-01T00:00:00Z", "2025-02-28T00:00:00Z"],
    ["0 0 29 2 *", "2025-01-01T00:00:00Z", "2028-02-29T00:00:00Z"],
    ["0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"],
    ["59 23 31 12 *", "2025-06-02T10:00:00Z", "2025-12-31T23:59:00Z"]
  ])("%s after %s: %s", (expression, after, expected) => {
    checkCron(expression);
    expect(times(expression, after)).toEqual([expected]);
  });

  it.each([
    ["* * * * * *", "2025-06-02T10:00:00Z", ["2025-06-02T10:00:01Z", "2025-06-02T10:00:02Z"]],
    ["* * * * * *", "2025-06-02T10:00:00.001Z", ["2025-06-02T10:00:01Z", "2025-06-02T10:00:02Z"]],
    ["*/20 * * * * *", "2025-06-02T10:00:40Z", ["2025-06-02T10:01:00Z", "2025-06-02T10:01:20Z"]],
    ["30 0 9 * * *", "2025-06-02T10:00:00Z", ["2025-06-03T09:00:30Z", "2025-06-04T09:00:30Z"]]
  ])("with seconds, %s after %s: %o", (expression, after, expected) => {
    expect(times(expression, after, undefined, 2)).toEqual(expected);
  });
});

describe("[X2] a time zone", () => {
  it.each([
    ["0 9 * * *", "2025-01-15T00:00:00Z", "Europe/Berlin", "2025-01-15T08:00:00Z"],
    ["0 9 * * *", "2025-07-15T00:00:00Z", "Europe/Berlin", "2025-07-15T07:00:00Z"],
    ["0 9 * * *", "2025-01-15T00:00:00Z", "America/New_York", "2025-01-15T14:00:00Z"],
    ["0 9 * * *", "2025-01-15T00:00:00Z", "Asia/Kolkata", "2025-01-15T03:30:00Z"],
    ["0 9 * * *", "2025-01-15T04:00:00Z", "Asia/Kathmandu", "2025-01-16T03:15:00Z"],
    ["0 9 * * *", "2025-01-15T00:00:00Z", "Pacific/Kiritimati", "2025-01-15T19:00:00Z"],
    ["0 9 * * *", "2025-01-15T00:00:00Z", "UTC", "2025-01-15T09:00:00Z"],
    // The weekday and the day of the month are those of the zone.
    ["0 1 * * 1", "2025-06-07T00:00:00Z", "Asia/Tokyo", "2025-06-08T16:00:00Z"],
    ["0 23 31 12 *", "2025-06-07T00:00:00Z", "America/Los_Angeles", "2026-01-01T07:00:00Z"]
  ])("%s after %s in %s: %s", (expression, after, timeZone, expected) => {
    checkCron(expression, timeZone);
    expect(times(expression, after, timeZone)).toEqual([expected]);
  });
});

// Berlin 2025: 02:00–03:00 is missing on 30 March and comes twice on 26 October. New York: 9 March, 2 November.
describe("[X3] when the clocks change", () => {
  it.each([
    ["30 2 * * *", "2025-03-29T12:00:00Z", "Europe/Berlin", ["2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"]],
    ["0 2 * * *", "2025-03-29T12:00:00Z", "Europe/Berlin", ["2025-03-30T01:00:00Z", "2025-03-31T00:00:00Z"]],
    ["0 3 * * *", "2025-03-29T12:00:00Z", "Europe/Berlin", ["2025-03-30T01:00:00Z", "2025-03-31T01:00:00Z"]],
    ["10,50 2 * * *", "2025-03-29T12:00:00Z", "Europe/Berlin", ["2025-03-30T01:00:00Z", "2025-03-31T00:10:00Z"]],
    ["30 2 * * *", "2025-03-08T12:00:00Z", "America/New_York", ["2025-03-09T07:00:00Z", "2025-03-10T06:30:00Z"]],
    // A zone whose clocks move by half an hour, and one whose year ends differently.
    ["15 2 * * *", "2025-10-04T00:00:00Z", "Australia/Lord_Howe", ["2025-10-04T15:30:00Z", "2025-10-05T15:15:00Z"]],
    ["30 2 * * *", "2025-10-04T00:00:00Z", "Australia/Sydney", ["2025-10-04T16:00:00Z", "2025-10-05T15:30:00Z"]]
  ])(
    "a time that is skipped comes at the end of the gap, once: %s after %s in %s",
    (expression, after, zone, expected) => {
      expect(times(expression, after, zone, 2)).toEqual(expected);
    }
  );

  it.each([
    ["30 2 * * *", "2025-10-25T12:00:00Z", "Europe/Berlin", ["2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"]],
    ["0 2,3 * * *", "2025-10-25T12:00:00Z", "Europe/Berlin", ["2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z"]],
    ["30 1 * * *", "2025-11-01T12:00:00Z", "America/New_York", ["2025-11-02T05:30:00Z", "2025-11-03T06:30:00Z"]]
  ])("a time that is repeated counts once: %s after %s in %s", (expression, after, zone, expected) => {
    expect(times(expression, after, zone, 2)).toEqual(expected);
  });

  it.each([
    ["*/30 * * * *", "2025-03-30T00:15:00Z", ["2025-03-30T00:30:00Z", "2025-03-30T01:00:00Z"]],
    ["0 * * * *", "2025-10-25T23:30:00Z", ["2025-10-26T00:00:00Z", "2025-10-26T01:00:00Z"]]
  ])("what follows the clock goes on evenly: %s after %s", (expression, after, expected) => {
    expect(times(expression, after, "Europe/Berlin", 2)).toEqual(expected);
  });
});

describe("[X4] what cannot be", () => {
  it.each<[expression: unknown, timeZone: string | undefined, reason: string]>([
    ["61 * * * *", undefined, "Invalid value for minute: 61"],
    ["0 25 * * *", undefined, "Invalid value for hour: 25"],
    ["0 0 * * 8", undefined, "Invalid value for dayOfWeek: 8"],
    ["0 0 * foo *", undefined, "foo"],
    ["*/0 * * * *", undefined, "illegal stepping: 0"],
    ["5-1 * * * *", undefined, "5-1"],
    ["* * * *", undefined, "has 4 fields instead of 5 or 6"],
    ["* * * * * * *", undefined, "has 7 fields instead of 5 or 6"],
    ["", undefined, "has 0 fields instead of 5 or 6"],
    ["2025-06-02T10:00:00", undefined, "has 1 fields instead of 5 or 6"],
    ["@reboot", undefined, "@reboot is not supported"],
    [42, undefined, "a string, not number"],
    ["0 0 30 2 *", undefined, "names no date that exists"],
    ["0 0 31 4,6,9,11 *", "Europe/Berlin", "names no date that exists"],
    ["0 0 * * *", "Mars/Phobos", 'no time zone "Mars/Phobos". Use a name like "Europe/Berlin"'],
    ["0 0 * * *", "", 'no time zone ""']
  ])("%o in %o is refused: %s", (expression, timeZone, reason) => {
    const check = () => checkCron(expression as string, timeZone);
    expect(check).toThrow(reason);
    expect(check).toThrow(expect.objectContaining({ name: "AgentError", code: "SCHEDULE_INVALID" }));
  });

  it("has no next time, either", () => {
    expect(nextCron("0 0 30 2 *", 0)).toBeUndefined();
    const next = () => nextCron("61 * * * *", 0);
    expect(next).toThrow(AgentError);
  });
});
