/** A clock that goes when a test says so. */
export class TestClock {
  nowMs: number;
  #waiting: { readonly atMs: number; resolve(): void }[] = [];

  /** Lets everything run that waits for nothing. */
  readonly tick: () => Promise<void>;

  constructor(nowMs = 0, letRun = tick) {
    this.nowMs = nowMs;
    this.tick = letRun;
  }

  /** The next time at which somebody is woken. */
  get nextMs(): number | undefined {
    return this.#waiting.length === 0 ? undefined : Math.min(...this.#waiting.map(({ atMs }) => atMs));
  }

  wait(delayMs: number, signal: AbortSignal): Promise<void> {
    // What gives way to others does not wait for the clock.
    if (delayMs <= 0) return this.tick();
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
    await this.tick();
    for (;;) {
      const next = this.#waiting.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.#waiting = this.#waiting.filter((other) => other !== next);
      next.resolve();
      await this.tick();
    }
    this.nowMs = untilMs;
  }
}

/** The same, where it is known to be little: a hundred times as fast. */
export async function hop(): Promise<void> {
  for (let hops = 0; hops < 100; hops++) await Promise.resolve();
}

/** Lets everything run that waits for nothing. */
export const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
