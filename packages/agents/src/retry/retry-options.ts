/** How often, and how patiently, something that failed is tried again. */
export interface RetryOptions {
  /** All attempts, the first included. Default 3. */
  maxAttempts?: number;
  /** The wait before attempt n is random, up to 2ⁿ times this. Default 100. */
  baseDelayMs?: number;
  /** No wait is longer. Default 3,000. */
  maxDelayMs?: number;
}

export const defaultRetryOptions: Readonly<Required<RetryOptions>> = {
  maxAttempts: 3,
  baseDelayMs: 100,
  maxDelayMs: 3_000
};
