import { describe, expect, it } from "vitest";
import { withStorage } from "../test/kit";
import { WorkBench, type BenchOptions } from "../test/work-bench";

const bench = (run: (bench: WorkBench) => unknown, options?: BenchOptions) =>
  withStorage(async (test) => void (await run(new WorkBench(test, options))));
const minute = 60_000;
const hour = 60 * minute;

describe("[S1] a delay, a Date and a cron expression", () => {
  it("run once, once and again and again, in the order of their times", () =>
    bench(async (b) => {
      b.schedules.add(new Date(b.at(2_500)), "note", "date");
      b.schedules.add("*/2 * * * * *", "note", "cron");
      b.schedules.add(0.25, "note", "delay");
      await b.pass(5_000);
      expect(b.calls.map(([, payload], index) => [payload, b.times[index]])).toEqual([
        ["delay", 250],
        ["cron", 2_000],
        ["date", 2_500],
        ["cron", 4_000]
      ]);
      expect(b.schedules.list().map(({ payload }) => payload)).toEqual(["cron"]);
    }));

  it("look as documented", () =>
    bench((b) => {
      const timeMs = b.at(60_500);
      const base = { callback: "note", payload: { a: 1 }, time: Math.floor(timeMs / 1_000), timeMs };
      const delayed = b.schedules.add(60.5, "note", { a: 1 });
      expect(delayed).toEqual({ ...base, id: expect.any(String), type: "delayed", delayInSeconds: 60.5 });
      expect(b.schedules.get(delayed.id)).toEqual(delayed);
      const date = b.schedules.add(new Date(timeMs), "note", { a: 1 });
      expect(date).toEqual({ ...base, id: expect.any(String), type: "scheduled" });
      expect(b.schedules.add("* * * * *", "note", undefined, { retry: { maxAttempts: 5 } })).toEqual({
        id: expect.any(String),
        callback: "note",
        payload: undefined,
        type: "cron",
        cron: "* * * * *",
        time: b.at(minute) / 1_000,
        timeMs: b.at(minute),
        retry: { maxAttempts: 5 }
      });
      expect(b.schedules.addInterval(30, "note", null)).toMatchObject({ type: "interval", intervalSeconds: 30 });
    }));

  it("that are due together run in the order in which they were made", () =>
    bench(async (b) => {
      for (let n = 0; n < 250; n++) b.schedules.add(1, "note", n);
      await b.pass(1_000);
      expect(b.payloads).toEqual(Array.from({ length: 250 }, (_, n) => n));
    }));

  it("in the past is due at once", () =>
    bench(async (b) => {
      b.schedules.add(new Date(0), "note", 1);
      b.schedules.add(0, "note", 2);
      await b.pass(0);
      expect(b.payloads).toEqual([1, 2]);
    }));

  it("in a time zone is meant as its clocks show it", () =>
    bench((b) => {
      const { time, timeZone } = b.schedules.add("0 9 * * *", "note", 1, { timeZone: "Asia/Tokyo" }) as never as {
        time: number;
        timeZone: string;
      };
      expect([time * 1_000, timeZone]).toEqual([Date.UTC(2026, 0, 2), "Asia/Tokyo"]);
    }));
});

describe("[S2] the method", () => {
  it("gets the payload and the schedule", () =>
    bench(async (b) => {
      const { id } = b.schedules.add(1, "note", { a: [1] });
      await b.pass(1_000);
      expect([b.payloads, b.tasks[0]]).toEqual([[{ a: [1] }], expect.objectContaining({ id, payload: { a: [1] } })]);
    }));

  it("may schedule, and what it schedules for now runs before what is later", () =>
    bench(async (b) => {
      b.methods.next = (n: number) => void (n < 3 && b.schedules.add(0, "next", n + 1));
      b.schedules.add(1, "next", 0);
      await b.pass(1_000);
      expect([b.payloads, b.times.at(-1)]).toEqual([[0, 1, 2, 3], 1_000]);
    }));
});

describe("[S3] an interval", () => {
  it("runs first after one interval, and keeps its times", () =>
    bench(async (b) => {
      b.schedules.addInterval(1.5, "note", 1);
      await b.pass(5_000);
      expect(b.times).toEqual([1_500, 3_000, 4_500]);
    }));

  it("skips a time at which it still runs, and says so, until the execution is taken for dead", () =>
    bench(
      async (b) => {
        const { id } = b.schedules.addInterval(30, "slow", 1);
        await b.pass(90_000);
        expect(b.times).toEqual([30_000, 90_000]);
        expect(b.warnings).toEqual([`Skipping interval schedule ${id}: previous execution still running`]);
        expect(b.typesOf("schedule:skip")).toEqual(["schedule:skip"]);
      },
      { methods: { slow: () => new Promise(() => {}) } }
    ));

  it("goes on after an error", () =>
    bench(async (b) => {
      b.methods.fail = () => Promise.reject(new Error("thrown"));
      b.schedules.addInterval(10, "fail", 1, { retry: { maxAttempts: 1 } });
      await b.pass(30_000);
      expect([b.times, b.errors.map(String)]).toEqual([
        [10_000, 20_000, 30_000],
        ["Error: thrown", "Error: thrown", "Error: thrown"]
      ]);
      expect(b.life.dead.list()).toEqual([]);
    }));
});

describe("[S4] what takes long", () => {
  it("keeps others waiting until it is over", () =>
    bench(async (b) => {
      let end = () => {};
      b.methods.slow = () => new Promise<void>((resolve) => (end = resolve));
      b.schedules.add(1, "slow", "slow");
      b.schedules.add(2, "note", "next");
      await b.pass(10_000);
      expect(b.payloads).toEqual(["slow"]);
      end();
      await b.pass(0);
      expect([b.payloads, b.times]).toEqual([
        ["slow", "next"],
        [1_000, 10_000]
      ]);
    }));

  it("for longer than hungScheduleTimeoutSeconds keeps nobody waiting, and counts when it ends", () =>
    bench(
      async (b) => {
        let end = () => {};
        b.methods.slow = () => new Promise<void>((resolve) => (end = resolve));
        const { id } = b.schedules.add(1, "slow", "slow");
        b.schedules.add(2, "note", "next");
        await b.pass(60_000);
        expect([b.payloads, b.times]).toEqual([
          ["slow", "next"],
          [1_000, 6_000]
        ]);
        expect(b.schedules.get(id)).toBeDefined();
        end();
        await b.pass(0);
        expect([b.schedules.get(id), b.alarmMs]).toEqual([undefined, undefined]);
        await b.pass(hour);
        expect(b.payloads).toEqual(["slow", "next"]);
      },
      { hungMs: 5_000 }
    ));

  it("does not keep a cron schedule from its next time for ever", () =>
    bench(async (b) => {
      b.methods.slow = () => new Promise(() => {});
      b.schedules.add("* * * * *", "slow", 1);
      await b.pass(3 * minute);
      expect([b.times, b.warnings]).toEqual([[minute, 2 * minute, 3 * minute], []]);
    }));
});

describe("[S8] a cancelled schedule", () => {
  it("does not run", () =>
    bench(async (b) => {
      const { id } = b.schedules.add(1, "note", 1);
      b.schedules.add(2, "note", 2);
      expect([b.schedules.cancel(id), b.schedules.cancel(id), b.schedules.cancel("other")]).toEqual([
        true,
        false,
        false
      ]);
      expect(b.alarmMs).toBe(b.at(2_000));
      await b.pass(3_000);
      expect([b.payloads, b.typesOf("schedule:cancel").length]).toEqual([[2], 1]);
    }));

  it("does not run if it is cancelled by one that is due with it", () =>
    bench(async (b) => {
      b.methods.cancel = () => void b.schedules.cancel(id);
      b.schedules.add(1, "cancel", 1);
      const { id } = b.schedules.add(1, "note", 2);
      await b.pass(3_000);
      expect(b.payloads).toEqual([1]);
    }));

  it("is found by all filters before, and not after", () =>
    bench((b) => {
      const first = b.schedules.add(10, "note", 1);
      const cron = b.schedules.add("* * * * *", "note", 2);
      const interval = b.schedules.addInterval(90, "note", 3);
      const ids = (criteria?: Parameters<typeof b.schedules.list>[0]) =>
        b.schedules.list(criteria).map(({ payload }) => payload);
      expect([
        ids(),
        ids({ id: first.id }),
        ids({ type: "cron" }),
        ids({ timeRange: { start: new Date(b.at(10_000)), end: new Date(b.at(minute)) } }),
        ids({ timeRange: { start: new Date(b.at(10_001)) } }),
        ids({ timeRange: { end: new Date(b.at(9_999)) } }),
        ids({ type: "interval", id: cron.id }),
        ids({ type: "interval", timeRange: { start: new Date(b.at(0)) } })
      ]).toEqual([[1, 2, 3], [1], [2], [1, 2], [2, 3], [], [], [3]]);
      for (const { id } of [first, cron, interval]) b.schedules.cancel(id);
      expect([ids(), b.alarmMs]).toEqual([[], undefined]);
    }));

  it("or what keeps the instance awake is listed with the others, by the same filters, and ended by its id", () =>
    bench((b) => {
      const heartbeat = { id: "h", callback: "keepAlive", payload: undefined, time: b.at(5_000) / 1_000 };
      b.inMemory = [{ ...heartbeat, timeMs: b.at(5_000), type: "interval", intervalSeconds: 30 }];
      const first = b.schedules.add(1, "note", 1);
      const last = b.schedules.add(9, "note", 2);
      const ids = (criteria?: Parameters<typeof b.schedules.list>[0]) => b.schedules.list(criteria).map(({ id }) => id);
      expect([
        ids(),
        ids({ id: "h" }),
        ids({ type: "interval" }),
        ids({ type: "cron" }),
        ids({ timeRange: { end: new Date(b.at(4_999)) } }),
        ids({ timeRange: { start: new Date(b.at(5_001)) } })
      ]).toEqual([[first.id, "h", last.id], ["h"], ["h"], [], [first.id], [last.id]]);
      expect(b.schedules.get("h")).toMatchObject({ callback: "keepAlive" });
      expect([b.schedules.cancel("h"), b.schedules.cancel("h"), ids()]).toEqual([true, false, [first.id, last.id]]);
    }));
});

describe("[S9] a key", () => {
  it("names one schedule, which another call with the same definition leaves as it is", () =>
    bench(async (b) => {
      const first = b.schedules.addInterval(10, "note", { a: 1 }, { key: "k" });
      await b.pass(4_000);
      expect(b.schedules.addInterval(10, "note", { a: 1 }, { key: "k" })).toEqual(first);
      await b.pass(6_000);
      expect([b.times, b.schedules.list().length, b.typesOf("schedule:create").length]).toEqual([[10_000], 1, 1]);
    }));

  it("names one schedule, which a call with another definition changes", () =>
    bench(async (b) => {
      const { id } = b.schedules.addInterval(10, "note", 1, { key: "k" });
      expect(b.schedules.add(new Date(b.at(3_000)), "note", 2, { key: "k" })).toMatchObject({ id, type: "scheduled" });
      expect(b.schedules.add(new Date(b.at(2_000)), "note", 2, { key: "k" })).toMatchObject({ id, payload: 2 });
      await b.pass(minute);
      expect([b.payloads, b.times, b.schedules.list()]).toEqual([[2], [2_000], []]);
    }));
});
