import { expect, it } from "vitest";
import { withStorage } from "../../test/kit";
import { WorkBench } from "../../test/work-bench";

const bench = (run: (bench: WorkBench) => unknown) =>
  withStorage(async (test) => {
    const b = new WorkBench(test, { methods: { hang: () => new Promise(() => {}) } });
    await run(b);
  });

it("[W1] the first claim of a life is on disk before its code runs, and nobody passes it meanwhile", () =>
  bench(async (b) => {
    let synced = () => {};
    b.synced = new Promise((resolve) => (synced = resolve));
    for (const n of [1, 2, 3]) b.queue.add("note", n, { concurrency: 3 });
    await b.settle();
    expect(b.payloads).toEqual([]);
    synced();
    await b.settle();
    expect([b.payloads, b.syncs]).toEqual([[1, 2, 3], 1]);
    b.queue.add("note", 4);
    await b.settle();
    expect(b.syncs).toBe(1);
  }));

it("[W1] after a crash was seen, so are the next hundred claims", () =>
  bench(async (b) => {
    b.queue.add("hang", 0);
    await b.settle();
    b.kill();
    b.methods.hang = () => {};
    for (let n = 1; n <= 150; n++) b.queue.add("note", n);
    b.syncs = 0;
    b.wake();
    await b.settle();
    expect([b.payloads.length, b.syncs]).toEqual([152, 100]);
  }));

it.each<[string, (b: WorkBench) => unknown]>([
  ["by its id", (b) => b.queue.remove(b.queue.find("n", 1)[0]!.id)],
  ["with those of its method", (b) => b.queue.removeByCallback("note")],
  ["with all others", (b) => b.queue.removeAll()],
  ["as a schedule", (b) => b.schedules.cancel(b.schedules.list()[0]!.id)]
])("[Q2] [S8] what is removed before its claim is on disk does not start: %s", (title, remove) =>
  bench(async (b) => {
    let synced = () => {};
    b.synced = new Promise((resolve) => (synced = resolve));
    if (title === "as a schedule") b.schedules.add(0, "note", { n: 1 });
    else b.queue.add("note", { n: 1 });
    await b.settle();
    remove(b);
    synced();
    await b.settle();
    b.queue.add("note", 2);
    b.schedules.add(0, "note", 3);
    await b.settle();
    expect([new Set(b.payloads), b.alarmMs, b.errors]).toEqual([new Set([2, 3]), undefined, []]);
  })
);

it("[W1] an attempt that has lost its lease settles nothing", () =>
  bench(async (b) => {
    const ends: ((error?: Error) => void)[] = [];
    b.methods.note = () =>
      new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    const { id } = b.schedules.addInterval(10, "note", 1);
    b.hungMs = 15_000;
    await b.pass(40_000);
    // The first is taken for dead, and the second has the row.
    expect(b.times.slice(0, 2)).toEqual([10_000, 30_000]);
    ends[0]!(new Error("late"));
    await b.settle();
    expect([b.errors.map(String), b.schedules.get(id)?.id]).toEqual([["Error: late"], id]);
    ends[1]!();
    await b.settle();
    expect(b.schedules.get(id)).toMatchObject({ timeMs: b.at(50_000) });
  }));
