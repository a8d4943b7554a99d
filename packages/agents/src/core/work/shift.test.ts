import { describe, expect, it } from "vitest";
import { withStorage } from "../../test/kit";
import { WorkBench } from "../../test/work-bench";

const bench = (run: (bench: WorkBench) => unknown) =>
  withStorage(async (test) => {
    const b = new WorkBench(test, { methods: { hang: () => new Promise(() => {}) } });
    await run(b);
  });
const minute = 60_000;

describe("[W6] an alarm", () => {
  it("of a schedule lasts as long as what it started, up to 14 minutes; then it comes less and less often", () =>
    bench(async (b) => {
      b.schedules.add(60, "hang", 1);
      await b.pass(14 * minute);
      expect(b.alarmMs).toBe(undefined);
      await b.pass(minute);
      expect(b.alarmMs).toBe(b.at(29 * minute));
      await b.pass(14 * minute);
      expect(b.alarmMs).toBe(b.at(57 * minute));
      expect(b.payloads).toEqual([1]);
    }));

  it("looks after what is queued, which nothing else does, and does the same", () =>
    bench(async (b) => {
      b.queue.add("hang", 1);
      await b.settle();
      expect(b.alarmMs).toBe(b.at(10_000));
      await b.pass(14 * minute + 9_999);
      expect(b.alarmMs).toBe(undefined);
      await b.pass(1);
      expect(b.alarmMs).toBe(b.at(2 * (14 * minute + 10_000)));
      await b.pass(14 * minute + 10_000);
      expect(b.alarmMs).toBe(b.at(4 * (14 * minute + 10_000)));
    }));

  it("is over at once when what it started is", () =>
    bench(async (b) => {
      let end = () => {};
      b.methods.note = () => new Promise<void>((resolve) => (end = resolve));
      b.schedules.add(1, "note", 1);
      b.schedules.add(3_600, "note", 2);
      await b.pass(50_000);
      expect(b.alarmMs).toBe(undefined);
      end();
      await b.settle();
      expect(b.alarmMs).toBe(b.at(3_600_000));
    }));

  it("starts what is made for a time within it", () =>
    bench(async (b) => {
      b.schedules.add(1, "hang", "hangs");
      await b.pass(2 * minute);
      b.schedules.add(60, "note", "later");
      b.queue.add("note", "queued");
      await b.pass(minute);
      expect([b.payloads, b.times.at(-1)]).toEqual([["hangs", "queued", "later"], 3 * minute]);
    }));

  it.each([
    ["a look", /ORDER BY/],
    ["a claim", /SET lease = \?, attempt/],
    ["the end of an attempt", /^DELETE/]
  ])("whose work has failed at %s of the storage tells it, and comes again", (_title, statements) =>
    bench(async (b) => {
      b.schedules.add(1, "note", 1);
      await b.pass(500);
      b.queue.add("note", 2);
      b.breakStorage(statements);
      await b.pass(500);
      expect(b.errors.every((error) => String(error).includes("broken storage"))).toBe(true);
      expect([b.errors.length >= 2, b.alarmMs === undefined]).toEqual([true, false]);
      b.breakStorage(undefined);
      await b.pass(minute);
      expect([new Set(b.payloads), b.schedules.list(), b.queue.find("a", 1)]).toEqual([new Set([1, 2]), [], []]);
      expect([b.alarmMs, b.life.meta.wakes()]).toEqual([undefined, []]);
    })
  );
});

it.each(["queue", "schedule"])(
  "[W6] a task of the %s that ends when its lane waits for nobody any more, at an error of the storage, comes again",
  (kind) =>
    bench(async (b) => {
      const ends: (() => void)[] = [];
      b.methods.note = () => new Promise<void>((resolve) => ends.push(resolve));
      const add = (n: number) =>
        kind === "queue" ? b.queue.add("note", n, { concurrency: 2 }) : b.schedules.add(0, "note", n);
      const endBroken = async (n: number) => {
        b.breakStorage(/^DELETE/);
        ends[n]!();
        await b.settle();
        b.breakStorage(undefined);
        await b.pass(minute);
      };
      for (const n of [1, 2]) add(n);
      await b.pass(minute);
      expect(b.payloads).toEqual([1, 2]);
      await endBroken(0);
      ends.at(-1)!();
      await b.settle();
      await endBroken(1);
      expect(b.payloads).toEqual([1, 2, 1, 2]);
      ends.at(-1)!();
      await b.settle();
      expect([b.schedules.list(), b.queue.find("a", 1), b.alarmMs]).toEqual([[], [], undefined]);
    })
);

describe("[W6] a queue that has failed at the storage goes on soon", () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])("when another one fails right after it: %i turns", (turns) =>
    bench(async (b) => {
      let end = () => {};
      const over = new Promise<void>((resolve) => (end = resolve));
      b.methods.note = async (queue: string) => {
        await over;
        for (let turn = 0; queue === "b" && turn < turns; turn++) await null;
      };
      for (const queue of ["a", "b"]) b.queue.add("note", queue, { queue });
      await b.settle();
      b.breakStorage(/^DELETE/);
      end();
      await b.clock.tick();
      b.breakStorage(undefined);
      await b.pass(minute);
      expect([b.payloads, b.alarmMs]).toEqual([["a", "b", "a", "b"], undefined]);
    })
  );

  it("although another one runs for long", () =>
    bench(async (b) => {
      b.queue.add("hang", 1, { queue: "a" });
      await b.pass(15 * minute);
      b.breakStorage(/ORDER BY/);
      b.queue.add("note", 2);
      await b.settle();
      b.breakStorage(undefined);
      await b.pass(minute);
      expect(b.payloads).toEqual([1, 2]);
    }));
});

describe("[W3] an error of the platform", () => {
  it("counts when it comes for the eleventh time in a row", () =>
    bench(async (b) => {
      b.methods.note = () => Promise.reject(new Error("Network connection lost."));
      const id = b.queue.add("note", 1, { retry: { maxAttempts: 1 } });
      await b.pass(30 * minute);
      expect([b.payloads.length, b.life.dead.list().map((letter) => letter.id)]).toEqual([11, [id]]);
    }));
});
