import { AgentError } from "../protocol/errors";
import type { RetryOptions } from "./retry-options";

/** Says after each failed attempt whether there is any point in another one. */
export type ShouldRetry = (error: unknown, nextAttempt: number) => boolean;

export interface RetryDeps {
  wait(delayMs: number): Promise<void>;
  /** From 0 to (and without) 1. */
  random(): number;
}

/**
 * Fills in what was not said, and refuses what makes no sense together.
 *
 * @throws RETRY_OPTIONS_INVALID with the field and what it must be
 */
export function resolveRetry(
  options: RetryOptions | undefined,
  defaults: Required<RetryOptions>
): Required<RetryOptions> {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw invalid("retry must be an object, as { maxAttempts: 5 }");
  }
  const resolved = {
    maxAttempts: options?.maxAttempts ?? defaults.maxAttempts,
    baseDelayMs: options?.baseDelayMs ?? defaults.baseDelayMs,
    maxDelayMs: options?.maxDelayMs ?? defaults.maxDelayMs
  };
  if (!Number.isInteger(resolved.maxAttempts)) throw invalid("retry.maxAttempts must be an integer");
  if (resolved.maxAttempts < 1) throw invalid("retry.maxAttempts must be >= 1");
  checkDelay("baseDelayMs", resolved.baseDelayMs);
  checkDelay("maxDelayMs", resolved.maxDelayMs);
  if (resolved.baseDelayMs > resolved.maxDelayMs) throw invalid("retry.baseDelayMs must be <= retry.maxDelayMs");
  return resolved;
}

function checkDelay(field: string, delayMs: unknown): void {
  if (typeof delayMs !== "number" || !Number.isFinite(delayMs)) throw invalid(`retry.${field} must be a finite number`);
  if (delayMs <= 0) throw invalid(`retry.${field} must be > 0`);
}

const invalid = (message: string): AgentError => new AgentError("RETRY_OPTIONS_INVALID", message);

/**
 * How long to wait after an attempt that failed: any time up to a bound that doubles with each ("full jitter"), so that what
 * failed together is not tried again together.
 *
 * @param attempt the one that failed; the first is 1
 * @param random from 0 to (and without) 1
 */
export function backoffMs(
  attempt: number,
  { baseDelayMs, maxDelayMs }: Pick<Required<RetryOptions>, "baseDelayMs" | "maxDelayMs">,
  random: () => number
): number {
  return random() * Math.min(2 ** attempt * baseDelayMs, maxDelayMs);
}

/** Runs `attempt` until it succeeds, its attempts are spent or `shouldRetry` says no; throws the last error then. */
export async function retry<Result>(
  attempt: (attempt: number) => Result | Promise<Result>,
  options: Required<RetryOptions>,
  deps: RetryDeps,
  shouldRetry: ShouldRetry = () => true
): Promise<Result> {
  for (let number = 1; ; number++) {
    try {
      return await attempt(number);
    } catch (error) {
      if (number >= options.maxAttempts || !shouldRetry(error, number + 1)) throw error;
    }
    await deps.wait(backoffMs(number, options, deps.random));
  }
}
