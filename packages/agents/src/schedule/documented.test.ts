import { describe, expect, it } from "vitest";
import { withStorage } from "../test/kit";
import { WorkBench, type BenchOptions } from "../test/work-bench";
import { nextCron } from "./cron";

// What the page "Schedule tasks" says of times, on a clock of its own. The rest is in `documented-agent.test.ts`.

const bench = (run: (bench: WorkBench) => unknown, options?: BenchOptions) =>
  withStorage(async (test) => void (await run(new WorkBench(test, options))));
const minute = 60_000;
const hour = 60 * minute;
const thrown = () => Promise.reject(new Error("thrown"));

describe("a delay", () => {
  // proves schedule-tasks#delayed, schedule-tasks#seconds
  it.each([10, 60, 300, 3_600])("of %d seconds", (seconds) =>
    bench(async (b) => {
      b.schedules.add(seconds, "note", 1);
      await b.pass(seconds * 1_000 - 1);
      expect(b.times).toEqual([]);
      await b.pass(2 * hour);
      expect(b.times).toEqual([seconds * 1_000]);
    })
  );

  // proves schedule-tasks#delay-zero
  it("of 0 seconds is over with the next alarm", () =>
    bench(async (b) => {
      b.schedules.add(0, "note", 1);
      expect([b.alarmMs, b.calls]).toEqual([b.at(0), []]);
      await b.pass(0);
      expect(b.times).toEqual([0]);
    }));
});

// proves schedule-tasks#scheduled, schedule-tasks#date-now
it("a Date is when it runs, once", () =>
  bench(async (b) => {
    b.schedules.add(new Date("2026-01-01T14:30:00Z"), "note", "event");
    b.schedules.add(new Date(b.clock.nowMs + 2 * 60 * 60 * 1_000), "note", "check in");
    const tomorrow = new Date(b.clock.nowMs);
    tomorrow.setUTCDate(tomorrow.getUTCDate() + 1);
    tomorrow.setUTCHours(12, 0, 0, 0);
    b.schedules.add(tomorrow, "note", "meeting");
    await b.pass(100 * hour);
    expect([b.payloads, b.times]).toEqual([
      ["check in", "event", "meeting"],
      [2 * hour, 14.5 * hour, 36 * hour]
    ]);
  }));

// proves schedule-tasks#order, agent-class-internals#alarm
it("tasks run in the order of their times, and the one alarm is always that of the next", () =>
  bench(async (b) => {
    b.schedules.add(30, "note", "third");
    b.schedules.add("* * * * *", "note", "minute");
    b.schedules.add(20, "note", "second");
    b.schedules.addInterval(15, "note", "interval");
    expect(b.alarmMs).toBe(b.at(15_000));
    await b.pass(minute);
    expect(b.payloads).toEqual(["interval", "second", "third", "interval", "interval", "minute", "interval"]);
    expect(b.alarmMs).toBe(b.at(75_000));
  }));

describe("a cron expression", () => {
  /** The next times after one of 1 January 2026, a Thursday. */
  const times = (expression: string, count: number, after = "2026-01-01T00:00:00Z") => {
    const found: string[] = [];
    let atMs: number | undefined = Date.parse(after);
    while (found.length < count && (atMs = nextCron(expression, atMs)) !== undefined)
      found.push(new Date(atMs).toISOString().slice(0, 16));
    return found;
  };
  const on = (day: string) => (time: string) => `2026-${day}T${time}`;
  const newYear = on("01-01");

  // proves schedule-tasks#cron-minute
  it("says which minutes", () => {
    expect(times("* * * * *", 2)).toEqual(["00:01", "00:02"].map(newYear));
    expect(times("0,59 * * * *", 3)).toEqual(["00:59", "01:00", "01:59"].map(newYear));
    expect(times("5-7 * * * *", 4)).toEqual(["00:05", "00:06", "00:07", "01:05"].map(newYear));
    expect(times("*/20 * * * *", 3)).toEqual(["00:20", "00:40", "01:00"].map(newYear));
    expect(() => times("60 * * * *", 1)).toThrow("minute: 60");
  });

  // proves schedule-tasks#cron-hour
  it("says which hours", () => {
    expect(times("0 * * * *", 2)).toEqual(["01:00", "02:00"].map(newYear));
    expect(times("0 9,23 * * *", 2)).toEqual(["09:00", "23:00"].map(newYear));
    expect(times("0 9-11 * * *", 3)).toEqual(["09:00", "10:00", "11:00"].map(newYear));
    expect(times("0 */6 * * *", 4)).toEqual([...["06:00", "12:00", "18:00"].map(newYear), "2026-01-02T00:00"]);
    expect(() => times("0 24 * * *", 1)).toThrow("hour: 24");
  });

  // proves schedule-tasks#cron-day
  it("says which days of the month", () => {
    const days = (expression: string, count: number) => times(expression, count).map((time) => time.slice(5, 10));
    expect(days("0 0 * * *", 2)).toEqual(["01-02", "01-03"]);
    expect(days("0 0 1,31 * *", 3)).toEqual(["01-31", "02-01", "03-01"]);
    expect(days("0 0 10-12 * *", 4)).toEqual(["01-10", "01-11", "01-12", "02-10"]);
    expect(days("0 0 */10 * *", 4)).toEqual(["01-11", "01-21", "01-31", "02-01"]);
    expect(() => times("0 0 32 * *", 1)).toThrow("day: 32");
  });

  // proves schedule-tasks#cron-month
  it("says which months", () => {
    const months = (expression: string, count: number) => times(expression, count).map((time) => time.slice(0, 10));
    expect(months("0 0 1 * *", 2)).toEqual(["2026-02-01", "2026-03-01"]);
    expect(months("0 0 1 6,12 *", 3)).toEqual(["2026-06-01", "2026-12-01", "2027-06-01"]);
    expect(months("0 0 1 3-5 *", 3)).toEqual(["2026-03-01", "2026-04-01", "2026-05-01"]);
    expect(months("0 0 1 */6 *", 2)).toEqual(["2026-07-01", "2027-01-01"]);
    expect(() => times("0 0 1 13 *", 1)).toThrow("month: 13");
  });

  // proves schedule-tasks#cron-weekday
  it("says which days of the week, from Sunday as 0", () => {
    const days = (expression: string, count: number) =>
      times(expression, count).map((time) => new Date(`${time}Z`).getUTCDay());
    expect(days("0 12 * * *", 4)).toEqual([4, 5, 6, 0]);
    expect(days("0 12 * * 0", 2)).toEqual([0, 0]);
    expect(days("0 12 * * 0,6", 3)).toEqual([6, 0, 6]);
    expect(days("0 12 * * 1-5", 6)).toEqual([4, 5, 1, 2, 3, 4]);
    expect(days("0 12 * * */3", 4)).toEqual([6, 0, 3, 6]);
  });

  // proves schedule-tasks#cron-examples, schedule-tasks#cron-patterns
  it.each([
    ["0 8 * * *", ["2026-01-01T08:00", "2026-01-02T08:00"]],
    ["0 * * * *", ["2026-01-01T01:00", "2026-01-01T02:00"]],
    ["0 9 * * 1", ["2026-01-05T09:00", "2026-01-12T09:00"]],
    ["*/15 * * * *", ["2026-01-01T00:15", "2026-01-01T00:30"]],
    ["0 0 1 * *", ["2026-02-01T00:00", "2026-03-01T00:00"]],
    ["* * * * *", ["2026-01-01T00:01", "2026-01-01T00:02"]],
    ["*/5 * * * *", ["2026-01-01T00:05", "2026-01-01T00:10"]],
    ["0 0 * * *", ["2026-01-02T00:00", "2026-01-03T00:00"]],
    ["0 8 * * 1-5", ["2026-01-01T08:00", "2026-01-02T08:00"]],
    ["0 0 * * 0", ["2026-01-04T00:00", "2026-01-11T00:00"]]
  ])("as in the page: %s", (expression, expected) => {
    expect(times(expression, 2)).toEqual(expected);
  });

  // proves schedule-tasks#cron, schedule-tasks#cron-again, schedule-tasks#cron-precision
  it("runs again and again, at the beginning of a minute", () =>
    bench(async (b) => {
      b.clock.nowMs += 20_123;
      const { id } = b.schedules.add("* * * * *", "note", 1);
      await b.pass(3 * minute);
      expect(b.times).toEqual([minute, 2 * minute, 3 * minute]);
      expect(b.schedules.get(id)).toMatchObject({ id, time: b.at(4 * minute) / 1_000 });
    }));

  // proves schedule-tasks#cron-overlap
  it("does not wait for an execution that takes longer than it may", () =>
    bench(
      async (b) => {
        b.methods.slow = () => b.clock.wait(90_000, new AbortController().signal);
        b.schedules.add("* * * * *", "slow", 1);
        await b.pass(3 * minute);
        expect([b.times, b.warnings]).toEqual([[minute, 2 * minute, 3 * minute], []]);
      },
      { methods: { slow: () => {} } }
    ));
});

describe("an interval", () => {
  // proves schedule-tasks#interval, schedule-tasks#interval-any, schedule-tasks#first-after
  // proves schedule-tasks#interval-granularity, schedule-tasks#interval-precision
  it.each([1, 30, 45, 90, 420])("of %d seconds", (seconds) =>
    bench(async (b) => {
      b.schedules.addInterval(seconds, "note", 1);
      await b.pass(3.5 * seconds * 1_000);
      expect(b.times).toEqual([1, 2, 3].map((n) => n * seconds * 1_000));
    })
  );

  // proves schedule-tasks#interval-from-start, schedule-tasks#interval-again
  it("goes by the time when it was made, cron by the clock", () =>
    bench(async (b) => {
      b.clock.nowMs += 10_000;
      const { id } = b.schedules.addInterval(60, "note", "interval");
      b.schedules.add("* * * * *", "note", "cron");
      await b.pass(2 * minute);
      expect(b.payloads).toEqual(["cron", "interval", "cron", "interval"]);
      expect(b.times).toEqual([minute, 70_000, 2 * minute, 130_000]);
      expect(b.schedules.get(id)).toMatchObject({ timeMs: b.at(190_000) });
    }));

  // proves schedule-tasks#overlap, schedule-tasks#overlap-warning
  it("of 30 seconds skips a time if an execution takes 45, with a warning, and does not make up for it", () =>
    bench(
      async (b) => {
        b.methods.poll = () => b.clock.wait(45_000, new AbortController().signal);
        const { id } = b.schedules.addInterval(30, "poll", {});
        await b.pass(140_000);
        expect(b.times).toEqual([30_000, 90_000]);
        expect(b.warnings).toEqual(Array(2).fill(`Skipping interval schedule ${id}: previous execution still running`));
      },
      { methods: { poll: () => {} } }
    ));

  // proves schedule-tasks#interval-error, retries#schedule-fails
  it("goes on after an execution that has failed in all its attempts", () =>
    bench(
      async (b) => {
        b.schedules.addInterval(30, "sync", 1);
        await b.pass(65_000);
        expect(b.times).toEqual([30_000, 30_100, 30_300, 60_000, 60_100, 60_300]);
        expect(b.errors.map(String)).toEqual(["Error: thrown", "Error: thrown"]);
      },
      { methods: { sync: thrown }, random: () => 0.5 }
    ));

  // proves schedule-tasks#cancel-interval
  it("ends as a whole when it is cancelled", () =>
    bench(async (b) => {
      const { id } = b.schedules.addInterval(30, "note", 1);
      await b.pass(65_000);
      expect(b.schedules.cancel(id)).toBe(true);
      await b.pass(hour);
      expect([b.times, b.alarmMs]).toEqual([[30_000, minute], undefined]);
    }));

  // proves schedule-tasks#interval-positive
  it.each([0, -1])("cannot be of %d seconds", (seconds) =>
    bench((b) => {
      const add = () => b.schedules.addInterval(seconds, "note", 1);
      expect(add).toThrow(expect.objectContaining({ code: "SCHEDULE_INVALID" }));
      expect(b.schedules.list()).toEqual([]);
    })
  );
});

describe("retry options", () => {
  const retry = { maxAttempts: 5, baseDelayMs: 200, maxDelayMs: 10_000 };
  const waits = [200, 400, 800, 1_600];
  const after = (ms: number) =>
    [0, ...waits].map((_, n) => ms + waits.slice(0, n).reduce((sum, wait) => sum + wait, 0));

  // proves retries#schedule, schedule-tasks#retry
  it.each<[string, number, (b: WorkBench) => unknown]>([
    ["a delay", 1_000, (b) => b.schedules.add(1, "fail", 1, { retry })],
    ["a Date", 2_500, (b) => b.schedules.add(new Date(b.at(2_500)), "fail", 1, { retry })],
    ["a cron expression", minute, (b) => b.schedules.add("* * * * *", "fail", 1, { retry })]
  ])("of %s", (_title, dueMs, add) =>
    bench(
      async (b) => {
        add(b);
        await b.pass(dueMs + 30_000);
        expect(b.times).toEqual(after(dueMs));
      },
      { methods: { fail: thrown }, random: () => 0.5 }
    )
  );

  // proves retries#scheduleEvery, schedule-tasks#scheduleEvery-retry
  it("of an interval", () =>
    bench(
      async (b) => {
        b.schedules.addInterval(30, "fail", 1, { retry });
        await b.pass(40_000);
        expect(b.times).toEqual(after(30_000));
      },
      { methods: { fail: thrown }, random: () => 0.5 }
    ));

  // proves retries#schedule-defaults, schedule-tasks#retries-built-in
  it("are three attempts by default", () =>
    bench(
      async (b) => {
        b.schedules.add(1, "fail", 1);
        await b.pass(minute);
        expect(b.times).toEqual([1_000, 1_100, 1_300]);
      },
      { methods: { fail: thrown }, random: () => 0.5 }
    ));

  // proves retries#schedule-once
  it("of one attempt mean that it is not tried again", () =>
    bench(
      async (b) => {
        b.schedules.add(1, "fail", 1, { retry: { maxAttempts: 1 } });
        b.queue.add("fail", 2, { retry: { maxAttempts: 1 } });
        await b.pass(minute);
        expect([b.payloads, b.errors.length]).toEqual([[2, 1], 2]);
      },
      { methods: { fail: thrown } }
    ));

  // proves retries#schedule-validation
  it.each([
    ["retry.maxAttempts must be >= 1", { maxAttempts: 0 }],
    ["retry.baseDelayMs must be > 0", { baseDelayMs: -100 }],
    ["retry.maxAttempts must be an integer", { maxAttempts: 2.5 }],
    ["retry.baseDelayMs must be <= retry.maxDelayMs", { baseDelayMs: 5_000 }]
  ])("that are invalid are refused at once: %s", (message, invalid) =>
    bench((b) => {
      for (const add of [
        () => b.schedules.add(60, "note", {}, { retry: invalid }),
        () => b.schedules.addInterval(60, "note", {}, { retry: invalid })
      ]) {
        expect(add).toThrow(
          expect.objectContaining({ code: "RETRY_OPTIONS_INVALID", message: expect.stringContaining(message) })
        );
      }
      expect(b.schedules.list()).toEqual([]);
    })
  );
});

describe("limits", () => {
  // proves schedule-tasks#many
  it("do not come before tens of thousands of tasks, which run in order", { timeout: 60_000 }, () =>
    bench(async (b) => {
      const count = 10_000;
      for (let n = 0; n < count; n++) b.schedules.add(count - n, "note", n);
      expect(b.schedules.list().length).toBe(count);
      b.clock.nowMs += count * 1_000;
      for (let round = 0; round < 20 && b.payloads.length < count; round++) await b.pass(0);
      expect([b.payloads.length, b.payloads.every((n, at) => n === count - 1 - at), b.schedules.list()]).toEqual([
        count,
        true,
        []
      ]);
    })
  );

  // proves schedule-tasks#size
  it("of a payload are 2 MB", () =>
    bench(async (b) => {
      const text = "x".repeat(1_999_998);
      b.schedules.add(1, "note", text);
      await b.pass(1_000);
      expect(b.payloads[0] === text).toBe(true);
      const add = () => b.schedules.add(1, "note", `${text}x`);
      expect(add).toThrow(expect.objectContaining({ code: "PAYLOAD_TOO_LARGE" }));
    }));
});
