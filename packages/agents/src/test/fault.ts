/**
 * Stops a program at any of its awaits, as a crash would.
 *
 * The Vite plugin `scripts/vite/count-awaits.ts` makes every `await` of our own source a point. Usually a point does
 * nothing. A test counts the points of an operation, then runs the operation once for each, stopped there, and looks
 * at what is left:
 *
 * ```ts
 * const points = await fault.count(() => work("counted"));
 * for (let n = 1; n <= points; n++) {
 *   const place = await fault.killAt(n, () => work(`killed at ${n}`), abortAllDurableObjects);
 *   // ... what must hold now, whatever n is; `place` tells where it was
 * }
 * ```
 *
 * That keeps what was written before the stop. With `fault.stopAt(n, () => context.abort(fault.reason))` the writes that
 * the object has not confirmed are lost with it, which is the other half of what a crash may do. Only `context.abort()`
 * may be called there: `abortAllDurableObjects()` and `evictDurableObject()` would run inside the object that they end,
 * which takes workerd down.
 *
 * Tests and Durable Objects share one isolate, so points of every object that is awake count.
 */
export interface Fault {
  /** How many points pass until what `run` returns has settled. */
  count(run: () => unknown): Promise<number>;
  /**
   * At the `n`-th point from now (the first is 1), calls `onStop` with the place in the source and never continues
   * after that await. Other code goes on: `onStop` has to end what should die with it, an object for instance.
   */
  stopAt(n: number, onStop: (place: string) => unknown): void;
  /**
   * Runs `run`, and calls `kill` (from outside of what is stopped) when it has come to its `n`-th point.
   *
   * @returns where that was, or `undefined` when `run` ended before
   */
  killAt(n: number, run: () => Promise<unknown>, kill: () => unknown): Promise<string | undefined>;
  /** Where the program was stopped since `stopAt`; `undefined` if it has not come that far. */
  readonly stoppedAt: string | undefined;
  /** For `context.abort(fault.reason)`: the one reason about which the test runner prints nothing. */
  readonly reason: string;
  /** Forgets what `stopAt` asked for. */
  reset(): void;
}

/** What the rewritten code calls. */
export interface AwaitPoints {
  point<T>(value: T, place: string): T;
  each<T>(values: AsyncIterable<T> | Iterable<T>, place: string): AsyncIterable<T> | Iterable<T>;
}

let passed = 0;
let armed: { at: number; onStop: (place: string) => unknown } | undefined;
let stoppedAt: string | undefined;

function point<T>(value: T, place: string): T {
  passed++;
  if (armed === undefined || passed < armed.at) return value;
  const { onStop } = armed;
  armed = undefined;
  stoppedAt = place;
  onStop(place);
  // Nobody waits for it any more, who could have handled that it fails: what was called may end with what is killed now.
  if (value instanceof Promise) value.catch(() => {});
  // An awaited value may be anything; a promise that never settles stands in for it.
  return new Promise<never>(() => {}) as T;
}

/** `for await` waits for each step: every `next()` is a point. */
function each<T>(values: AsyncIterable<T> | Iterable<T>, place: string): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const steps = Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : asyncSteps(values);
      return {
        next: () => point(steps.next(), place),
        return: async (value?: unknown) => (await steps.return?.(value)) ?? { done: true, value: undefined }
      };
    }
  };
}

/** A plain iterator, whose values `for await` waits for too. */
async function* asyncSteps<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values;
}

// Taken now: a test may put the clock away later.
const { setTimeout } = globalThis;
const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

const points: AwaitPoints = { point, each };
(globalThis as { __awaitPoints?: AwaitPoints }).__awaitPoints = points;

export const fault: Fault = {
  async count(run) {
    const before = passed;
    await run();
    return passed - before;
  },
  stopAt(n, onStop) {
    armed = { at: passed + n, onStop };
    stoppedAt = undefined;
  },
  async killAt(n, run, kill) {
    fault.stopAt(n, () => {});
    let ended = false;
    const end = () => {
      ended = true;
    };
    run().then(end, end);
    // Asked for again and again: what runs after a promise that the stopped object settles would run inside that object.
    while (stoppedAt === undefined && !ended) await wait();
    armed = undefined;
    if (stoppedAt !== undefined) await kill();
    return stoppedAt;
  },
  get stoppedAt() {
    return stoppedAt;
  },
  reason: "Instance dispose",
  reset() {
    armed = undefined;
    stoppedAt = undefined;
  }
};
