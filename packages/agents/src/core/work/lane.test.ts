import { describe, expect, it } from "vitest";
import { TestClock, tick } from "../../test/clock";
import { Lane, type Candidate } from "./lane";

/** A table of tasks in memory, and code that ends when the test says so. */
function build(patienceMs = Infinity) {
  const clock = new TestClock();
  const due: { id: string; atMs: number; concurrency: number }[] = [];
  const started: string[] = [];
  const looks: number[] = [];
  const ends = new Map<string, (isAsSeen: boolean | Error) => void>();
  const failed: unknown[] = [];
  const lane = new Lane({
    look: (limit) => {
      looks.push(limit);
      const ready = due.filter(({ id, atMs }) => atMs <= clock.nowMs && !started.includes(id)).slice(0, limit);
      const next = due.filter(({ atMs }) => atMs > clock.nowMs).map(({ atMs }) => atMs);
      return {
        ready: ready.map(({ id, concurrency }) => ({ id, interrupted: false, concurrency })),
        nextMs: next.length > 0 ? Math.min(...next) : undefined
      };
    },
    run: ({ id }: Candidate) => {
      started.push(id);
      return new Promise((resolve, reject) =>
        ends.set(id, (result) => (result instanceof Error ? reject(result) : resolve(result)))
      );
    },
    now: () => clock.nowMs,
    wait: (delayMs, signal) => clock.wait(delayMs, signal),
    patienceMs: () => patienceMs,
    outlived: () => {},
    failed: (error) => void failed.push(error)
  });
  const add = (id: string, atMs = 0, concurrency = 1) => due.push({ id, atMs, concurrency });
  const end = async (id: string, result: boolean | Error = true) => {
    ends.get(id)!(result);
    await tick();
  };
  return { clock, lane, add, due, started, looks, end, failed };
}

describe("[W2] a lane", () => {
  it("starts one after another, and looks once for all that it has seen", async () => {
    const { lane, add, started, looks, end } = build();
    for (const id of ["a", "b", "c"]) add(id);
    const drained = lane.drain();
    await tick();
    expect(started).toEqual(["a"]);
    await end("a");
    await end("b");
    expect([started, looks.length, lane.isBusy]).toEqual([["a", "b", "c"], 1, true]);
    await end("c");
    await drained;
    expect([looks.length, lane.isBusy]).toEqual([1, false]);
  });

  it("looks again before the next one when one has not left the order as it was", async () => {
    const { lane, add, due, started, end } = build();
    for (const id of ["a", "b", "c"]) add(id);
    void lane.drain();
    await tick();
    due.splice(1, 1);
    await end("a", false);
    expect(started).toEqual(["a", "c"]);
  });

  it("reads a bounded batch, and then the next", async () => {
    const { lane, add, started, looks, end } = build();
    for (let n = 0; n < 250; n++) add(String(n), 0, 300);
    void lane.drain();
    await tick();
    await tick();
    await tick();
    expect([started.length, new Set(looks)]).toEqual([250, new Set([100])]);
    for (let n = 0; n < 250; n++) await end(String(n));
    expect(lane.isBusy).toBe(false);
  });

  it("starts as many at once as the next one allows", async () => {
    const { lane, add, started, end } = build();
    for (const [id, concurrency] of [
      ["a", 2],
      ["b", 2],
      ["c", 1],
      ["d", 2]
    ] as const)
      add(id, 0, concurrency);
    void lane.drain();
    await tick();
    expect(started).toEqual(["a", "b"]);
    await end("a");
    expect(started).toEqual(["a", "b"]);
    await end("b");
    expect(started).toEqual(["a", "b", "c", "d"]);
  });

  it("starts what becomes due while another one runs, if it may, and is told of it", async () => {
    const { clock, lane, add, started } = build();
    add("a", 0, 2);
    add("b", 100, 2);
    void lane.drain();
    await clock.advance(99);
    expect(started).toEqual(["a"]);
    await clock.advance(1);
    expect(started).toEqual(["a", "b"]);
    add("c", 150, 3);
    lane.note(150);
    await clock.advance(50);
    expect(started).toEqual(["a", "b", "c"]);
  });

  it("does not wait for one that takes too long, which may still fail", async () => {
    const { clock, lane, add, started, end, failed } = build(1_000);
    add("a");
    add("b");
    const drained = lane.drain();
    await clock.advance(999);
    expect(started).toEqual(["a"]);
    await clock.advance(1);
    expect(started).toEqual(["a", "b"]);
    await end("b");
    await drained;
    await end("a", new Error("storage"));
    expect([failed.map(String), lane.nextMs]).toEqual([["Error: storage"], clock.nowMs]);
  });

  it("ends with an error of the storage, and starts again when it is asked to", async () => {
    const { lane, add, started, end } = build();
    add("a");
    add("b");
    const drained = lane.drain().catch(String);
    await tick();
    await end("a", new Error("storage"));
    expect([await drained, started, lane.isBusy]).toEqual(["Error: storage", ["a"], false]);
    void lane.drain();
    await tick();
    expect(started).toEqual(["a", "b"]);
  });
});
