export interface ShiftDeps {
  now(): number;
  /** Resolves after `delayMs`, or as soon as the signal is aborted. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
  /** An error of the storage, when nobody waits for the alarm any more. */
  failed(error: unknown): void;
}

/** Whoever has tasks to run. */
export interface Worker {
  /** Runs what is due. */
  drain(): Promise<void>;
  /** When something is due that nobody is about to start, in ms since the epoch. */
  idleUntilMs(): number;
  /** Whether anything runs that did not start before this time. */
  isBusySince(ms: number): boolean;
}

/** How long an alarm may last: the runtime ends it after 15 minutes. What is left gets the next one. */
const maxShiftMs = 14 * 60_000;

/**
 * One alarm after the other. Each lasts as long as what it was set for, since an instance is kept in memory while its alarm
 * is; what becomes due meanwhile is started too, because there is no other alarm before this one is over.
 */
export class Shift {
  /** Whether an alarm is going on. */
  isOn = false;
  readonly #deps: ShiftDeps;
  readonly #worker: Worker;
  #changed: (() => void) | undefined;

  constructor(deps: ShiftDeps, worker: Worker) {
    this.#deps = deps;
    this.#worker = worker;
  }

  /** A task has ended, or is due at another time. */
  changed(): void {
    this.#changed?.();
  }

  async run(): Promise<void> {
    const endMs = this.#deps.now() + maxShiftMs;
    let failure: { readonly error: unknown } | undefined;
    const drain = () =>
      void this.#worker.drain().then(
        () => this.changed(),
        (error: unknown) => {
          if (!this.isOn) return this.#deps.failed(error);
          failure ??= { error };
          this.changed();
        }
      );
    this.isOn = true;
    try {
      drain();
      for (;;) {
        const nowMs = this.#deps.now();
        if (failure) throw failure.error;
        if (this.#worker.idleUntilMs() <= nowMs) drain();
        if (nowMs >= endMs || !this.isNeeded) return;
        await this.#change(Math.min(this.#worker.idleUntilMs(), endMs) - nowMs);
      }
    } finally {
      this.isOn = false;
    }
  }

  /** Whether there is work for which an alarm is to go on. What never ends is not. */
  get isNeeded(): boolean {
    return this.#worker.isBusySince(this.#deps.now() - maxShiftMs);
  }

  async #change(withinMs: number): Promise<void> {
    const over = new AbortController();
    const changed = new Promise<void>((resolve) => (this.#changed = resolve));
    await Promise.race([changed, this.#deps.wait(withinMs, over.signal)]);
    this.#changed = undefined;
    over.abort();
  }
}
