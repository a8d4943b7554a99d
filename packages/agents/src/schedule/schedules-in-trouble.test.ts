import { describe, expect, it } from "vitest";
import { withStorage } from "../test/kit";
import type { Schedule } from "./types";
import { WorkBench, type BenchOptions } from "../test/work-bench";

const bench = (run: (bench: WorkBench) => unknown, options?: BenchOptions) =>
  withStorage(async (test) => void (await run(new WorkBench(test, options))));
const minute = 60_000;
const hour = 60 * minute;

describe("[S5] a failing schedule", () => {
  it("is tried again at times that grow, at random up to a bound, and then is gone to the dead letters", () =>
    bench(
      async (b) => {
        b.methods.fail = () => Promise.reject(new Error("thrown"));
        const { id } = b.schedules.add(1, "fail", { a: 1 });
        await b.pass(minute);
        expect([b.times, b.schedules.list(), b.errors.map(String)]).toEqual([
          [1_000, 1_100, 1_300],
          [],
          ["Error: thrown"]
        ]);
        expect(b.life.dead.list()).toEqual([
          {
            id,
            source: "schedule",
            callback: "fail",
            payload: { a: 1 },
            error: "thrown",
            attempts: 3,
            failedAtMs: b.at(1_300)
          }
        ]);
        expect(b.events).toEqual([
          ["schedule:create", { callback: "fail", id }],
          ["schedule:execute", { callback: "fail", id }],
          ["schedule:retry", { callback: "fail", id, attempt: 2, maxAttempts: 3 }],
          ["schedule:retry", { callback: "fail", id, attempt: 3, maxAttempts: 3 }],
          ["schedule:error", { callback: "fail", id, error: "thrown", attempts: 3 }]
        ]);
        expect(b.alarmMs).toBe(undefined);
      },
      { random: () => 0.5 }
    ));

  it("is told in each attempt for which time it runs, while the list has the time of the next attempt", () =>
    bench(
      async (b) => {
        const told: number[] = [];
        b.methods.fail = (_, schedule) => {
          told.push((schedule as Schedule).timeMs);
          throw new Error("thrown");
        };
        b.schedules.add(1, "fail", 1, { retry: { baseDelayMs: 1_000 } });
        await b.pass(1_000);
        expect(b.schedules.list()).toMatchObject([{ timeMs: b.at(2_000) }]);
        await b.pass(minute);
        expect(told).toEqual([b.at(1_000), b.at(1_000), b.at(1_000)]);
      },
      { random: () => 0.5 }
    ));

  it("keeps nobody from running while it waits", () =>
    bench(
      async (b) => {
        b.methods.fail = () => Promise.reject(new Error("thrown"));
        b.schedules.add(1, "fail", 1, { retry: { baseDelayMs: 1_000 } });
        b.schedules.add(1, "note", 2);
        await b.pass(1_000);
        expect(b.payloads).toEqual([1, 2]);
      },
      { random: () => 0.999 }
    ));

  it("that was cancelled while it ran is not tried again", () =>
    bench(async (b) => {
      b.methods.fail = () => {};
      const { id } = b.schedules.add(1, "fail", 1);
      b.methods.fail = () => {
        expect(b.schedules.cancel(id)).toBe(true);
        throw new Error("thrown");
      };
      await b.pass(minute);
      expect([b.times, b.errors.map(String), b.life.dead.list()]).toEqual([[1_000], ["Error: thrown"], []]);
    }));

  it("comes back from the dead letters, due at once", () =>
    bench(async (b) => {
      b.methods.fail = () => Promise.reject(new Error("thrown"));
      const { id } = b.schedules.add("0 0 1 1 *", "fail", 1, { retry: { maxAttempts: 1 } });
      b.schedules.cancel(id);
      const once = b.schedules.add(1, "fail", 2, { retry: { maxAttempts: 1 } });
      await b.pass(1_000);
      b.methods.fail = () => {};
      expect(b.life.dead.retry(once.id, (row) => b.schedules.revive(row))).toBe(true);
      expect(b.life.dead.retry(once.id, (row) => b.schedules.revive(row))).toBe(false);
      await b.pass(0);
      expect([b.times, b.schedules.list(), b.life.dead.list()]).toEqual([[1_000, 1_000], [], []]);
    }));

  it("is not blamed for what the platform does", () =>
    bench(async (b) => {
      const error = new Error("wrapped", { cause: new Error("Durable Object reset because its code was updated.") });
      b.methods.fail = () => (b.calls.length <= 4 ? Promise.reject(error) : undefined);
      b.schedules.add(1, "fail", 1, { retry: { maxAttempts: 1 } });
      await b.pass(minute);
      expect([b.times, b.schedules.list(), b.errors, b.life.dead.list()]).toEqual([
        [1_000, 2_000, 4_000, 8_000, 16_000],
        [],
        [],
        []
      ]);
    }));
});

describe("[S6] after a crash", () => {
  it("in the middle of an attempt, it is tried again, and the attempt counts", () =>
    bench(async (b) => {
      b.methods.slow = () => new Promise(() => {});
      const { id } = b.schedules.add(1, "slow", 1);
      await b.pass(1_000);
      b.kill();
      await b.pass(minute);
      b.kill();
      await b.pass(minute);
      expect([b.times.length, b.life.dead.list()]).toEqual([3, []]);
      b.kill();
      await b.pass(minute);
      expect(b.times.length).toBe(3);
      expect(b.life.dead.list()).toMatchObject([{ id, attempts: 3, error: expect.stringContaining("ended during") }]);
      expect(b.errors).toMatchObject([{ code: "TASK_INTERRUPTED" }]);
    }));

  it("of an attempt for which the alarm has come less and less often, it is tried again after any wake", () =>
    bench(async (b) => {
      b.methods.slow = () => new Promise(() => {});
      b.schedules.add(1, "slow", 1);
      await b.pass(20 * minute);
      b.methods.slow = () => {};
      b.kill();
      b.wake();
      await b.settle();
      expect([b.times, b.schedules.list()]).toEqual([[1_000, 20 * minute], []]);
    }));

  it("of an interval's every attempt, it goes on at its next time", () =>
    bench(async (b) => {
      b.methods.slow = () => new Promise(() => {});
      b.schedules.addInterval(600, "slow", 1, { retry: { maxAttempts: 1 } });
      await b.pass(600_000);
      b.kill();
      await b.pass(500_000);
      expect([b.times, b.life.dead.list()]).toEqual([[600_000], []]);
      await b.pass(100_000);
      expect(b.times).toEqual([600_000, 1_200_000]);
    }));

  it("what the code of a first claim does cannot undo that it was claimed", () =>
    bench(async (b) => {
      let written = -1;
      b.methods.note = () => void (written = b.syncs);
      b.schedules.add(1, "note", 1);
      await b.pass(1_000);
      expect(written).toBe(1);
    }));
});

describe("[S7] a method that does not exist", () => {
  it("is an error at once", () =>
    bench((b) => {
      expect(() => b.schedules.add(1, "missing", 1)).toThrow(
        expect.objectContaining({ code: "CALLBACK_UNKNOWN", message: expect.stringContaining("this.missing is not") })
      );
      expect(b.schedules.list()).toEqual([]);
    }));

  it("any more parks the schedule, until a start that finds it again", () =>
    bench(async (b) => {
      b.methods.gone = () => {};
      const { id, timeMs } = b.schedules.add(1, "gone", 1);
      delete b.methods.gone;
      await b.pass(2_000);
      expect([b.typesOf("schedule"), b.payloads]).toEqual([["schedule:create", "schedule:parked"], []]);
      expect(b.schedules.get(id)).toMatchObject({ timeMs });
      b.kill();
      b.wake();
      await b.pass(1_000);
      expect(b.payloads).toEqual([]);
      b.methods.gone = () => {};
      b.kill();
      b.wake();
      await b.pass(0);
      expect([b.payloads, b.schedules.list()]).toEqual([[1], []]);
    }));

  it("is looked for once a day", () =>
    bench(async (b) => {
      b.methods.gone = () => {};
      b.schedules.add(1, "gone", 1);
      delete b.methods.gone;
      await b.pass(2_000);
      b.methods.gone = () => {};
      await b.pass(24 * hour);
      expect(b.payloads).toEqual([1]);
    }));
});

describe("[S8] when the storage fails", () => {
  it.each(["cancel", "pause"] as const)("in the middle of %s, the schedule is as it was, and runs", (method) =>
    bench(async (b) => {
      const { id } = b.schedules.add(60, "note", 1);
      b.breakStorage(/ORDER BY/);
      expect(() => b.schedules[method](id)).toThrow("broken storage");
      b.breakStorage(undefined);
      expect([b.schedules.get(id)?.paused, b.typesOf("schedule")]).toEqual([undefined, ["schedule:create"]]);
      await b.pass(minute);
      expect([b.times, b.schedules.list()]).toEqual([[minute], []]);
    })
  );

  it.each(["cancel", "pause"] as const)("at the end of %s, the alarm is still for that schedule", (method) =>
    bench(async (b) => {
      const { id } = b.schedules.add(60, "note", 1);
      b.schedules.add(3_600, "note", 2);
      b.breakStorage(/INTO cf_agents_meta/);
      expect(() => b.schedules[method](id)).toThrow("broken storage");
      b.breakStorage(undefined);
      b.schedules.add(1_800, "note", 3);
      await b.pass(minute);
      expect([b.payloads, b.times]).toEqual([[1], [minute]]);
    })
  );
});

describe("[S10] a time that was missed", () => {
  const down = async (b: WorkBench, ms: number) => {
    b.kill();
    b.clock.nowMs += ms;
    b.wake();
    await b.pass(0);
  };
  it.each([
    ["runs once without a policy", undefined, [95_000]],
    ["runs once", "once", [95_000]],
    ["is skipped", "skip", []],
    ["runs as often as it was missed", "all", Array.from({ length: 9 }, () => 95_000)]
  ] as const)("%s", (_title, missed, times) =>
    bench(async (b) => {
      b.schedules.addInterval(10, "note", 1, missed && { missed });
      await down(b, 95_000);
      expect(b.times).toEqual(times);
      await b.pass(10_000);
      expect(b.times).toEqual([...times, 100_000]);
    })
  );

  it("of a cron schedule follows the same policy", () =>
    bench(async (b) => {
      b.schedules.add("*/10 * * * *", "note", "all", { missed: "all" });
      b.schedules.add("*/10 * * * *", "note", "skip", { missed: "skip" });
      b.schedules.add("*/10 * * * *", "note", "once");
      await down(b, 35 * minute);
      expect(b.payloads).toEqual(["all", "once", "all", "all"]);
      await b.pass(5 * minute);
      expect(new Set(b.payloads.slice(4))).toEqual(new Set(["all", "once", "skip"]));
    }));
});

describe("[S11] a paused schedule", () => {
  it("does not run before it is resumed", () =>
    bench(async (b) => {
      const { id, timeMs } = b.schedules.add(1, "note", 1);
      expect([b.schedules.pause(id), b.schedules.pause(id), b.schedules.pause("x")]).toEqual([true, false, false]);
      expect([b.schedules.get(id), b.alarmMs]).toMatchObject([{ timeMs, paused: true }, undefined]);
      await b.pass(minute);
      b.kill();
      b.wake();
      expect(b.payloads).toEqual([]);
      expect([b.schedules.resume(id), b.schedules.resume(id)]).toEqual([true, false]);
      await b.pass(0);
      expect([b.payloads, b.times]).toEqual([[1], [minute]]);
    }));

  it("goes on at its next time if it repeats", () =>
    bench(async (b) => {
      const { id } = b.schedules.addInterval(10, "note", 1);
      b.schedules.pause(id);
      await b.pass(25_000);
      b.schedules.resume(id);
      await b.pass(5_000);
      expect(b.times).toEqual([30_000]);
    }));

  it("while it runs ends that one execution", () =>
    bench(
      async (b) => {
        const { id } = b.schedules.addInterval(10, "pause", 1);
        b.methods.pause = () => void b.schedules.pause(id);
        await b.pass(minute);
        expect([b.times, b.schedules.get(id)]).toMatchObject([[10_000], { paused: true, timeMs: b.at(20_000) }]);
      },
      { methods: { pause: () => {} } }
    ));

  it("and resumed while it runs is not started a second time", () =>
    bench(
      async (b) => {
        let end = () => {};
        b.methods.slow = () => new Promise<void>((resolve) => (end = resolve));
        const { id } = b.schedules.add(1, "slow", 1);
        await b.pass(2_000);
        expect([b.schedules.pause(id), b.schedules.resume(id)]).toEqual([true, true]);
        await b.pass(minute);
        expect([b.payloads, b.schedules.get(id)?.id]).toEqual([[1], id]);
        end();
        await b.pass(minute);
        expect([b.payloads, b.schedules.list()]).toEqual([[1], []]);
      },
      { methods: { slow: () => {} } }
    ));

  it("keeps the attempts that it has had", () =>
    bench(
      async (b) => {
        const { id } = b.schedules.add(1, "fail", 1, { retry: { maxAttempts: 2 } });
        await b.pass(1_000);
        expect([b.schedules.pause(id), b.schedules.resume(id)]).toEqual([true, true]);
        await b.pass(minute);
        expect([b.payloads, b.life.dead.list().length]).toEqual([[1, 1], 1]);
      },
      { methods: { fail: () => Promise.reject(new Error("thrown")) } }
    ));
});

describe("[S12] what older releases wrote", () => {
  const legacy = (b: WorkBench, rows: string) => {
    b.storage.sql
      .exec(`CREATE TABLE cf_agents_schedules (id TEXT PRIMARY KEY NOT NULL DEFAULT (randomblob(9)), callback TEXT, payload TEXT,
      type TEXT NOT NULL CHECK(type IN ('scheduled', 'delayed', 'cron', 'interval')), time INTEGER, delayInSeconds INTEGER,
      cron TEXT, intervalSeconds INTEGER, running INTEGER DEFAULT 0, created_at INTEGER DEFAULT (unixepoch()),
      execution_started_at INTEGER, retry_options TEXT)`);
    b.storage.sql.exec(
      `INSERT INTO cf_agents_schedules (id, callback, payload, type, time, intervalSeconds, running) VALUES ${rows}`
    );
    b.kill();
  };
  it("is read and runs, after any wake, also what was running", () =>
    bench(async (b) => {
      const seconds = b.at(0) / 1_000;
      legacy(
        b,
        `('a', 'note', '1', 'scheduled', ${seconds - 5}, NULL, 0), ('b', 'note', '2', 'interval', ${seconds - 3}, 10, 1),
         ('c', 'note', NULL, 'delayed', ${seconds + 60}, NULL, 0)`
      );
      b.wake();
      expect(b.schedules.list().map(({ id, time }) => [id, time - seconds])).toEqual([
        ["a", -5],
        ["b", -3],
        ["c", 60]
      ]);
      await b.pass(minute);
      expect(b.payloads).toEqual([1, 2, 2, 2, 2, 2, 2, 2, undefined]);
    }));

  it("by an alarm of their own is found, although we have been here before", () =>
    bench(async (b) => {
      b.schedules.cancel(b.schedules.add(5, "note", 0).id);
      b.kill();
      b.storage.sql.exec(
        "INSERT INTO cf_agents_schedules (id, callback, payload, type, time) VALUES ('a', 'note', '1', 'scheduled', ?)",
        b.at(2_000) / 1_000
      );
      b.alarmMs = b.at(2_000);
      await b.pass(2_000);
      expect([b.payloads, b.schedules.list(), b.alarmMs]).toEqual([[1], [], undefined]);
    }));

  it("and nobody can read ends among the dead letters, and keeps no other from running", () =>
    bench(async (b) => {
      const seconds = b.at(0) / 1_000;
      legacy(
        b,
        `('bad', 'note', '{', 'scheduled', ${seconds}, NULL, 0), ('never', 'note', '1', 'interval', ${seconds}, NULL, 0),
         ('cron', 'note', '1', 'cron', ${seconds}, NULL, 0), ('good', 'note', '2', 'scheduled', ${seconds + 1}, NULL, 0)`
      );
      b.wake();
      expect(b.schedules.get("bad")).toMatchObject({ payload: "{" });
      await b.pass(minute);
      expect([b.payloads, b.schedules.list(), b.alarmMs]).toEqual([[2], [], undefined]);
      expect(b.life.dead.list().map(({ id, error }) => [id, error.slice(0, 20)])).toEqual([
        ["bad", "Expected property na"],
        ["never", "The interval must be"],
        ["cron", "The cron expression "]
      ]);
    }));
});
