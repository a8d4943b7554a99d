import { describe, expect, it, vi } from "vitest";
import { AgentError } from "../protocol/errors";
import { backoffMs, resolveRetry, retry, type ShouldRetry } from "./retry";
import { defaultRetryOptions } from "./retry-options";

const thrownBy = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("[Y1] options", () => {
  it("are filled in field by field", () => {
    const defaults = { maxAttempts: 7, baseDelayMs: 20, maxDelayMs: 900 };
    expect(resolveRetry(undefined, defaults)).toEqual(defaults);
    expect(resolveRetry({ maxAttempts: 1, baseDelayMs: undefined }, defaults)).toEqual({ ...defaults, maxAttempts: 1 });
    expect(resolveRetry({ baseDelayMs: 900 }, defaults)).toEqual({ ...defaults, baseDelayMs: 900 });
  });

  // proves retries#maxAttempts-minimum, retries#baseDelayMs-positive, retries#maxAttempts-integer
  // proves retries#baseDelayMs-below-max
  it.each<[options: unknown, message: string]>([
    [{ maxAttempts: 0 }, "retry.maxAttempts must be >= 1"],
    [{ maxAttempts: -1 }, "retry.maxAttempts must be >= 1"],
    [{ maxAttempts: 2.5 }, "retry.maxAttempts must be an integer"],
    [{ maxAttempts: Number.NaN }, "retry.maxAttempts must be an integer"],
    [{ maxAttempts: Number.POSITIVE_INFINITY }, "retry.maxAttempts must be an integer"],
    [{ maxAttempts: "3" }, "retry.maxAttempts must be an integer"],
    [{ baseDelayMs: -100 }, "retry.baseDelayMs must be > 0"],
    [{ baseDelayMs: 0 }, "retry.baseDelayMs must be > 0"],
    [{ baseDelayMs: Number.NaN }, "retry.baseDelayMs must be a finite number"],
    [{ baseDelayMs: "100" }, "retry.baseDelayMs must be a finite number"],
    [{ maxDelayMs: 0 }, "retry.maxDelayMs must be > 0"],
    [{ maxDelayMs: Number.POSITIVE_INFINITY }, "retry.maxDelayMs must be a finite number"],
    [{ baseDelayMs: 5_000 }, "retry.baseDelayMs must be <= retry.maxDelayMs"],
    [{ maxDelayMs: 99 }, "retry.baseDelayMs must be <= retry.maxDelayMs"],
    [5, "retry must be an object, as { maxAttempts: 5 }"],
    [null, "retry must be an object, as { maxAttempts: 5 }"]
  ])("%o is refused: %s", (options, message) => {
    const error = thrownBy(() => resolveRetry(options as object, defaultRetryOptions));
    expect(AgentError.isInstance(error, "RETRY_OPTIONS_INVALID")).toBe(true);
    expect((error as Error).message).toBe(message);
  });

  it("of a class are checked like those of a call", () => {
    expect(() => resolveRetry(undefined, { ...defaultRetryOptions, maxAttempts: 0 })).toThrow("must be >= 1");
  });
});

describe("[Y2] the wait after an attempt", () => {
  // proves retries#formula, retries#waits-default, retries#waits-example, retries#backoff, retries#jitter
  it.each([
    [1, defaultRetryOptions, 200],
    [2, defaultRetryOptions, 400],
    [1, { baseDelayMs: 500, maxDelayMs: 3_000 }, 1_000],
    [2, { baseDelayMs: 500, maxDelayMs: 3_000 }, 2_000],
    [3, { baseDelayMs: 500, maxDelayMs: 3_000 }, 3_000],
    [4, { baseDelayMs: 500, maxDelayMs: 3_000 }, 3_000],
    [5_000, defaultRetryOptions, 3_000]
  ])("number %i of %o is anything up to %i ms", (attempt, options, bound) => {
    expect([0, 0.25, 1].map((value) => backoffMs(attempt, options, () => value))).toEqual([0, bound / 4, bound]);
  });
});

function build(outcomes: readonly unknown[]) {
  const waits: number[] = [];
  const wait = (delayMs: number) => Promise.resolve(void waits.push(delayMs));
  const attempt = vi.fn((number: number) => {
    const outcome = outcomes[number - 1];
    if (outcome instanceof Error) throw outcome;
    return Promise.resolve(outcome);
  });
  const run = (maxAttempts: number, shouldRetry?: ShouldRetry) =>
    retry(attempt, { ...defaultRetryOptions, maxAttempts }, { wait, random: () => 0.5 }, shouldRetry);
  return { attempt, run, waits };
}

describe("[Y3] trying again", () => {
  const [first, second, third] = [new Error("first"), new Error("second"), new Error("third")];

  // proves retries#attempt, retries#returns
  it("ends with the first success, and numbers the attempts from 1", async () => {
    const { attempt, run, waits } = build([first, second, "done"]);
    expect(await run(5)).toBe("done");
    expect(attempt.mock.calls).toEqual([[1], [2], [3]]);
    expect(waits).toEqual([100, 200]);
  });

  // proves retries#throws
  it("ends with the last error when the attempts are spent, without another wait", async () => {
    const { attempt, run, waits } = build([first, second, third]);
    await expect(run(2)).rejects.toBe(second);
    expect([attempt.mock.calls.length, waits.length]).toEqual([2, 1]);
  });

  it("does not happen with one attempt", async () => {
    const { run, waits } = build([first, "done"]);
    await expect(run(1)).rejects.toBe(first);
    expect(waits).toEqual([]);
  });

  // proves retries#shouldRetry
  it("is up to shouldRetry, which is told the error and the number of the next attempt", async () => {
    const { attempt, run } = build([first, second, "done"]);
    const shouldRetry = vi.fn<ShouldRetry>((error) => error === first);
    await expect(run(5, shouldRetry)).rejects.toBe(second);
    expect(shouldRetry.mock.calls).toEqual([
      [first, 2],
      [second, 3]
    ]);
    expect(attempt).toHaveBeenCalledTimes(2);
  });

  it("is not asked about when there is no attempt left", async () => {
    const { run } = build([first, second]);
    const shouldRetry = vi.fn<ShouldRetry>(() => true);
    await expect(run(2, shouldRetry)).rejects.toBe(second);
    expect(shouldRetry).toHaveBeenCalledTimes(1);
  });

  it("ends with what shouldRetry throws", async () => {
    const { run } = build([first, "done"]);
    await expect(
      run(5, () => {
        throw third;
      })
    ).rejects.toBe(third);
  });
});
