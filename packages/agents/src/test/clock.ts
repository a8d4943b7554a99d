/** A clock that goes when a test says so. */
export class TestClock {
  nowMs: number;
  #waiting: { readonly atMs: number; resolve(): void }[] = [];

  constructor(nowMs = 0) {
    this.nowMs = nowMs;
  }

  /** The next time at which somebody is woken. */
  get nextMs(): number | undefined {
    return this.#waiting.length === 0 ? undefined : Math.min(...this.#waiting.map(({ atMs }) => atMs));
  }

  wait(delayMs: number, signal: AbortSignal): Promise<void> {
    // What gives way to others does not wait for the clock.
    if (delayMs <= 0) return tick();
    return new Promise((resolve) => {
      const waiting = { atMs: this.nowMs + delayMs, resolve };
      this.#waiting.push(waiting);
      signal.addEventListener("abort", () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        resolve();
      });
    });
  }

  /** Lets time pass: whoever waits is woken at the time for which it waits, one after the other. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.nowMs + byMs;
    await tick();
    for (;;) {
      const next = this.#waiting.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.#waiting = this.#waiting.filter((other) => other !== next);
      next.resolve();
      await tick();
    }
    this.nowMs = untilMs;
  }
}

/** Lets everything run that waits for nothing. */
export const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
