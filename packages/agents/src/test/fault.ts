/**
 * Stops a program at any of its awaits, as a crash would.
 *
 * The Vite plugin `scripts/vite/count-awaits.ts` makes every `await` of our own source a point. Usually a point does
 * nothing. A test counts the points of an operation, then runs the operation once for each, stopped there, and looks
 * at what is left:
 *
 * ```ts
 * const points = await fault.count(() => stub.work());
 * for (let n = 1; n <= points; n++) {
 *   const context = await runInDurableObject(stub(), (_, context) => context);
 *   fault.stopAt(n, () => context.storage.sync().then(() => context.abort()));
 *   await expect(stub().work()).rejects.toThrow();
 *   // ... what must hold now, whatever n is; `fault.stoppedAt` tells where it was
 * }
 * ```
 *
 * `storage.sync()` keeps what was written before the stop. With `context.abort()` alone the writes that no await has
 * confirmed are lost, which is the other half of what a crash may do. Do not call `abortAllDurableObjects()` or
 * `evictDurableObject()` in `onStop`: there it runs inside the object that it ends, and takes workerd down.
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
  /** Where the program was stopped since `stopAt`; `undefined` if it has not come that far. */
  readonly stoppedAt: string | undefined;
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
  get stoppedAt() {
    return stoppedAt;
  },
  reset() {
    armed = undefined;
    stoppedAt = undefined;
  }
};
