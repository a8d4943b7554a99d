// A longer timer rings at once. Whoever waits that long looks again, and waits for the rest.
const maxDelayMs = 2 ** 31 - 1;

/** Resolves after `delayMs` (at most 24 days), or as soon as the signal is aborted. */
export function wait(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.min(delayMs, maxDelayMs));
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
