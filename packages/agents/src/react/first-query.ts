import type { Query } from "../client";
import { isEqual } from "../client/equal";
import type { LoadedQuery } from "./query-cache";

/** What else a boundary waits for may take long, and nobody can say whether the component will be there in the end. */
const unclaimedMs = 30_000;
/** React asks at once why it failed. */
const failedMs = 1000;
/** Turns of the event loop, not only time: on a slow machine that may be over before React has had one. */
const retryTasks = 8;
const retryMs = 4;

interface Load {
  /** What the query is for: an address, and what the query depends on. */
  key: unknown;
  result: { promise: Promise<void> } | { loaded: LoadedQuery } | { error: unknown };
  timer?: ReturnType<typeof setTimeout>;
}

// React keeps nothing of a component that suspends before it was ever there, so this cannot be kept in it. Only what such
// components wait for is here: one that is there takes its query out, and the next to come loads another.
let loads: readonly Load[] = [];

/**
 * The query with which a component connects for the first time. Suspends the component while it loads; components that wait for
 * the same share one load.
 *
 * @throws what `load` throws or rejects with
 */
export function firstQuery(key: unknown, load: () => Query | Promise<Query>): LoadedQuery {
  const found = loads.find((other) => isEqual(other.key, key)) ?? begin(key, load);
  const { result } = found;
  // This is how React wants to be told.
  // oxlint-disable-next-line typescript/only-throw-error
  if ("promise" in result) throw result.promise;
  if ("loaded" in result) {
    keep(found, unclaimedMs);
    return result.loaded;
  }
  // React tries once more before it believes it, perhaps after other work. Whoever tries after that wants another answer.
  keep(found, retryMs, retryTasks);
  throw result.error;
}

/** A component that is there has this query. */
export function claimQuery(query: LoadedQuery): void {
  for (const load of loads) if ("loaded" in load.result && load.result.loaded === query) drop(load);
}

function begin(key: unknown, load: () => Query | Promise<Query>): Load {
  const query = load();
  const entry: Load = { key, result: isPromise(query) ? { promise: query.then(loaded, failed) } : resultOf(query) };
  // Nobody may wait for it any more, and it may never end.
  keep(entry, unclaimedMs);
  return entry;

  function loaded(value: Query): void {
    entry.result = resultOf(value);
    keep(entry, unclaimedMs);
  }
  function failed(error: unknown): void {
    entry.result = { error };
    keep(entry, failedMs);
  }
}

const resultOf = (query: Query) => ({ loaded: { query, loadedAtMs: Date.now() } });

/** Also what took so long that it was dropped: whoever still waits for it asks now. */
function keep(load: Load, durationMs: number, times = 1): void {
  drop(load);
  if (times === 0) return;
  loads = [load, ...loads];
  load.timer = setTimeout(() => keep(load, durationMs, times - 1), durationMs);
}

function drop(load: Load): void {
  clearTimeout(load.timer);
  loads = loads.filter((other) => other !== load);
}

const isPromise = (query: Query | Promise<Query>): query is Promise<Query> => typeof query?.then === "function";
