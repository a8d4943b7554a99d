import { describe, expect, it } from "vitest";
import { withStorage } from "../test/kit";
import { WorkBench } from "../test/work-bench";
import type { When } from "./timing";
import type { CronOptions } from "./types";

const circular: { self?: unknown } = {};
circular.self = circular;
const ms = Date.UTC(2026, 1, 1);

type Arguments = [when: unknown, callback: unknown, payload?: unknown, options?: unknown];

describe("[S13] schedule() refuses", () => {
  it.each<[string, Arguments, string, string]>([
    ["reversed arguments", ["note", 60], "SCHEDULE_ARGUMENTS_REVERSED", 'call this.schedule(60, "note", ...)'],
    [
      "reversed arguments with a Date",
      ["note", new Date(5)],
      "SCHEDULE_ARGUMENTS_REVERSED",
      'call this.schedule(new Date(5), "note", ...)'
    ],
    [
      "reversed arguments with a cron expression",
      ["note", "0 8 * * *"],
      "SCHEDULE_ARGUMENTS_REVERSED",
      'call this.schedule("0 8 * * *", "note", ...)'
    ],
    ["an unknown method", [1, "missing"], "CALLBACK_UNKNOWN", "this.missing is not a function. Pass the name"],
    ["a method itself", [1, () => {}], "CALLBACK_UNKNOWN", "Pass the name of a method of this agent as text"],
    ["no method", [1, undefined], "CALLBACK_UNKNOWN", "got undefined"],
    ["a payload with a circle", [1, "note", circular], "PAYLOAD_NOT_SERIALIZABLE", "Pass plain data"],
    ["a bigint", [1, "note", { n: 1n }], "PAYLOAD_NOT_SERIALIZABLE", "Pass plain data"],
    ["a symbol", [1, "note", Symbol("x")], "PAYLOAD_NOT_SERIALIZABLE", "it is a symbol"],
    ["too large a payload", [1, "note", "x".repeat(2_000_000)], "PAYLOAD_TOO_LARGE", "the limit is 2000000"],
    ["no cron expression", ["soon", "note"], "SCHEDULE_INVALID", 'has 1 fields instead of 5 or 6. Write "minute hour'],
    ["cron fields out of range", ["61 * * * *", "note"], "SCHEDULE_INVALID", 'The cron expression "61 * * * *" cannot'],
    ["a day that never comes", ["0 0 30 2 *", "note"], "SCHEDULE_INVALID", "names no date that exists"],
    ["NaN", [NaN, "note"], "SCHEDULE_INVALID", "The delay must be a number of seconds; got NaN"],
    ["a negative delay", [-1, "note"], "SCHEDULE_INVALID", "must not be negative; got -1 seconds"],
    ["a delay without end", [Infinity, "note"], "SCHEDULE_INVALID", "more than 10 years"],
    ["more than 10 years", [320_000_000, "note"], "SCHEDULE_INVALID", "more than 10 years."],
    ["a timestamp in ms", [ms, "note"], "SCHEDULE_INVALID", `Is it a timestamp in ms? Then pass new Date(${ms})`],
    ["a timestamp in s", [ms / 1000, "note"], "SCHEDULE_INVALID", `Then pass new Date(${ms / 1000} * 1000)`],
    ["an invalid Date", [new Date("x"), "note"], "SCHEDULE_INVALID", "The Date is invalid. Check the text"],
    [
      "no time",
      [undefined, "note"],
      "SCHEDULE_INVALID",
      "a delay in seconds, a Date or a cron expression; got undefined"
    ],
    ["null", [null, "note"], "SCHEDULE_INVALID", "a cron expression; got null"],
    ["no attempts", [1, "note", 1, { retry: { maxAttempts: 0 } }], "RETRY_OPTIONS_INVALID", "maxAttempts must be >= 1"],
    [
      "a bad delay",
      [1, "note", 1, { retry: { baseDelayMs: -100 } }],
      "RETRY_OPTIONS_INVALID",
      "baseDelayMs must be > 0"
    ],
    [
      "too long a base delay",
      [1, "note", 1, { retry: { baseDelayMs: 5000 } }],
      "RETRY_OPTIONS_INVALID",
      "retry.baseDelayMs must be <= retry.maxDelayMs"
    ],
    [
      "an unknown zone",
      ["0 8 * * *", "note", 1, { timeZone: "Mars" }],
      "SCHEDULE_INVALID",
      'There is no time zone "Mars"'
    ],
    ["a zone for a delay", [1, "note", 1, { timeZone: "UTC" }], "SCHEDULE_INVALID", "an option of cron schedules"],
    ["a policy for a delay", [1, "note", 1, { missed: "all" }], "SCHEDULE_INVALID", "an option of cron schedules and"],
    [
      "an unknown policy",
      ["0 8 * * *", "note", 1, { missed: "no" }],
      "SCHEDULE_INVALID",
      '"skip", "once" or "all"; got no'
    ],
    ["an empty key", [1, "note", 1, { key: "" }], "SCHEDULE_INVALID", "key must be a text that is not empty"]
  ])("%s", (_title, [when, callback, payload, options], code, message) =>
    withStorage((test) => {
      const b = new WorkBench(test);
      const add = () => b.schedules.add(when as When, callback, payload, options as CronOptions);
      expect(add).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
      expect([b.schedules.list(), b.alarmMs, b.events]).toEqual([[], undefined, []]);
      expect(b.life.meta.version("schedule")).toBe(0);
    })
  );
});

describe("[S13] scheduleEvery() refuses", () => {
  it.each<[string, Arguments, string, string]>([
    ["reversed arguments", ["note", 30], "SCHEDULE_ARGUMENTS_REVERSED", 'call this.scheduleEvery(30, "note", ...)'],
    ["nothing", [0, "note"], "SCHEDULE_INVALID", "must be greater than 0 seconds"],
    ["a negative one", [-30, "note"], "SCHEDULE_INVALID", "must not be negative; got -30"],
    ["NaN", [NaN, "note"], "SCHEDULE_INVALID", "The interval must be a number of seconds; got NaN"],
    ["a text", ["30", "note"], "SCHEDULE_INVALID", "The interval must be a number of seconds; got 30"],
    ["11 years", [347_000_000, "note"], "SCHEDULE_INVALID", "more than 10 years"],
    ["an unknown method", [30, "missing"], "CALLBACK_UNKNOWN", "this.missing is not a function"],
    ["a zone", [30, "note", 1, { timeZone: "UTC" }], "SCHEDULE_INVALID", "an interval has none"],
    ["an unknown policy", [30, "note", 1, { missed: 1 }], "SCHEDULE_INVALID", "missed must be"]
  ])("%s", (_title, [seconds, callback, payload, options], code, message) =>
    withStorage((test) => {
      const b = new WorkBench(test);
      const add = () => b.schedules.addInterval(seconds as number, callback, payload, options as CronOptions);
      expect(add).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
      expect([b.schedules.list(), b.alarmMs, b.events]).toEqual([[], undefined, []]);
    })
  );
});
