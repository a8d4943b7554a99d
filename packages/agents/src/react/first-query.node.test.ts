import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Query } from "../client";
import { claimQuery, firstQuery } from "./first-query";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  // What a test leaves behind would be another's.
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
});

/** What a component gets: a query, an error, or a promise to wait for. */
function ask(key: unknown, load: () => Query | Promise<Query>): unknown {
  try {
    return firstQuery(key, load).query;
  } catch (thrown) {
    return thrown;
  }
}

/** A query that a test answers. */
function loader() {
  const answers: { resolve(query: Query): void; reject(error: Error): void }[] = [];
  const load = vi.fn(() => new Promise<Query>((resolve, reject) => answers.push({ resolve, reject })));
  return { load, answers };
}

it("lets all who ask for the same wait for one load, and gives them its result", async () => {
  const { load, answers } = loader();
  const waiting = ask(["a", [{ user: 1 }]], load);
  expect(waiting).toBeInstanceOf(Promise);
  // Another function: a component that waits has none of its own yet.
  expect(ask(["a", [{ user: 1 }]], () => load())).toBe(waiting);
  answers[0]!.resolve({ token: "t" });
  await waiting;
  expect([ask(["a", [{ user: 1 }]], load), ask(["a", [{ user: 1 }]], load)]).toEqual([{ token: "t" }, { token: "t" }]);
  expect(load).toHaveBeenCalledOnce();
});

it("keeps apart what has another address or other dependencies", async () => {
  const { load, answers } = loader();
  const waiting = [
    ["a", [1]],
    ["b", [1]],
    ["a", [2]]
  ].map((key) => ask(key, load));
  answers.forEach(({ resolve }, n) => resolve({ n }));
  await Promise.all(waiting);
  expect(
    [
      ["a", [1]],
      ["b", [1]],
      ["a", [2]]
    ].map((key) => ask(key, load))
  ).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
});

it("loads again for the next component once one has taken it", async () => {
  const { load, answers } = loader();
  const waiting = ask("taken", load);
  answers[0]!.resolve({});
  await waiting;
  claimQuery(firstQuery("taken", load));
  expect(ask("taken", load)).toBeInstanceOf(Promise);
  expect(load).toHaveBeenCalledTimes(2);
});

it("keeps what nobody has taken while somebody asks, and for 30 s after", async () => {
  const { load, answers } = loader();
  const waiting = ask("kept", load);
  answers[0]!.resolve({ n: 1 });
  await waiting;
  vi.advanceTimersByTime(29_999);
  expect(ask("kept", load)).toEqual({ n: 1 });
  vi.advanceTimersByTime(29_999);
  expect(ask("kept", load)).toEqual({ n: 1 });
  vi.advanceTimersByTime(30_000);
  expect(ask("kept", load)).toBeInstanceOf(Promise);
});

it("gives a failure to whoever asks at once, and tries again for whoever asks later", async () => {
  const { load, answers } = loader();
  const waiting = ask("fails", load);
  const error = new Error("no token");
  answers[0]!.reject(error);
  await waiting;
  expect([ask("fails", load), ask("fails", load)]).toEqual([error, error]);
  for (let turn = 0; turn < 7; turn++) vi.runOnlyPendingTimers();
  expect(ask("fails", load)).toBe(error);
  for (let turn = 0; turn < 8; turn++) vi.runOnlyPendingTimers();
  expect(ask("fails", load)).toBeInstanceOf(Promise);
});

it("forgets a failure that nobody asks about", async () => {
  const { load, answers } = loader();
  const waiting = ask("left", load);
  answers[0]!.reject(new Error("no token"));
  await waiting;
  vi.advanceTimersByTime(1000);
  expect(ask("left", load)).toBeInstanceOf(Promise);
});

it("does not make anybody wait for long for a load that hangs; whoever waits for it gets it all the same", async () => {
  const { load, answers } = loader();
  const first = ask("hangs", load);
  vi.advanceTimersByTime(29_999);
  expect(ask("hangs", load)).toBe(first);
  vi.advanceTimersByTime(1);
  expect(ask("hangs", load)).not.toBe(first);
  answers[0]!.resolve({ n: 1 });
  await first;
  expect(ask("hangs", load)).toEqual({ n: 1 });
  expect(load).toHaveBeenCalledTimes(2);
});

it("makes nobody wait for a query that is there", () => {
  const load = vi.fn(() => ({ n: load.mock.calls.length }));
  expect([ask("sync", load), ask("sync", load)]).toEqual([{ n: 1 }, { n: 1 }]);
  claimQuery(firstQuery("sync", load));
  const error = new Error("no");
  const fail = () => {
    throw error;
  };
  expect([ask("sync", fail), ask("sync", load)]).toEqual([error, { n: 2 }]);
});

it("has no timer for what a component has taken", () => {
  claimQuery(firstQuery("claimed", () => ({})));
  expect(vi.getTimerCount()).toBe(0);
});
