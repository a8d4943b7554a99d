/** Time, as the parts of a client need it. */
export interface Clock {
  /** Milliseconds since some moment. It never goes back. */
  now(): number;
  /** Calls `run` once. @returns ends that */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  }
};
