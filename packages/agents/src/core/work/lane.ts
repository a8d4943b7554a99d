import { runOutside } from "../context";

/** A task that may run now. */
export interface Candidate {
  readonly id: string;
  /** An earlier attempt was ended by a crash. */
  readonly interrupted: boolean;
  /** It starts only while fewer run. */
  readonly concurrency: number;
}

export interface Look {
  /** Those that may run now, in order, and not many. */
  readonly ready: readonly Candidate[];
  /** When to look again if nothing happens before, in ms since the epoch. */
  readonly nextMs: number | undefined;
}

export interface LaneDeps {
  /** Reads up to so many tasks that may run. A promise: looks again after it. */
  look(limit: number): Look | Promise<void>;
  /** Runs one. Returns whether those after it are still to run in the order in which they were seen. */
  run(candidate: Candidate): Promise<boolean>;
  now(): number;
  /** Resolves after `delayMs`, or as soon as the signal is aborted. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
  /** How long a task may keep the others from starting, in ms. It goes on after that. */
  patienceMs(): number;
  /** A task has ended for which the lane does not wait any more: it took too long, or another one has failed at the storage. */
  outlived(): void;
  /** An error of the storage, when nobody waits for the lane any more. */
  failed(error: unknown): void;
}

interface Slot {
  readonly startedMs: number;
}

/** How many are seen at once. */
const batch = 100;
/** Whatever else waits for its turn gets it after so many looks. Each turn has its own commit, which costs more than a task. */
const looksATurn = 10;
const never = new AbortController().signal;

/** Starts tasks in their order, so many at once, until none is left that may run. */
export class Lane {
  /** When to look again, as far as is known. */
  nextMs: number | undefined;
  readonly #deps: LaneDeps;
  /** Those that keep others from starting. */
  readonly #slots = new Set<Slot>();
  #loop: Promise<void> | undefined;
  /** Somebody asked for another look. */
  #asked = false;
  /** What was seen does not hold any more. */
  #moved = false;
  #error: { readonly error: unknown } | undefined;
  #timer: { readonly atMs: number; stop(): void } | undefined;
  #changed: (() => void) | undefined;

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  get isBusy(): boolean {
    return this.#loop !== undefined;
  }

  /** Resolves when nothing is left that may run. */
  idle(): Promise<void> {
    return this.#loop ?? Promise.resolve();
  }

  /** Runs what may run. Resolves when nothing is left, or what is left takes longer than it may. */
  drain(): Promise<void> {
    this.#asked = true;
    this.#signal();
    return (this.#loop ??= runOutside(() => this.#run()));
  }

  /** Something is to run at this time. */
  note(atMs: number): void {
    if (this.nextMs !== undefined && this.nextMs <= atMs) return;
    this.nextMs = atMs;
    if (this.#loop && atMs <= this.#deps.now()) void this.drain();
    else if (this.#changed) this.#arm();
  }

  async #run(): Promise<void> {
    try {
      // After `#loop` is set.
      await Promise.resolve();
      for (let looks = 1; ; looks++) {
        this.#asked = false;
        this.#moved = false;
        const look = this.#deps.look(batch);
        if (look instanceof Promise) {
          await look;
          continue;
        }
        const { ready, nextMs } = look;
        this.nextMs = nextMs;
        await this.#startAll(ready);
        if (ready.length === batch) this.#asked = true;
        if (looks % looksATurn === 0) await this.#deps.wait(0, never);
        while (this.#slots.size > 0 && this.#isQuiet) await this.#change();
        if (this.#error) throw this.#error.error;
        if (this.#isQuiet) return;
      }
    } catch (error) {
      // Nobody knows what is left.
      this.nextMs = this.#deps.now();
      throw error;
    } finally {
      this.#loop = undefined;
      this.#error = undefined;
      this.#timer?.stop();
      this.#timer = undefined;
    }
  }

  get #isQuiet(): boolean {
    return !this.#asked && !this.#moved && !this.#error;
  }

  async #startAll(ready: readonly Candidate[]): Promise<void> {
    for (const candidate of ready) {
      while (this.#slots.size >= candidate.concurrency && !this.#moved && !this.#error) await this.#change();
      if (this.#moved || this.#error) return;
      this.#start(candidate);
    }
  }

  #start(candidate: Candidate): void {
    const slot: Slot = { startedMs: this.#deps.now() };
    this.#slots.add(slot);
    this.#deps.run(candidate).then(
      (isAsSeen) => {
        if (!isAsSeen) this.#moved = true;
        this.#end(slot);
      },
      (error: unknown) => {
        if (this.#loop) this.#error ??= { error };
        else {
          // Nobody knows what is left.
          this.nextMs = this.#deps.now();
          this.#deps.failed(error);
        }
        this.#end(slot);
      }
    );
  }

  #end(slot: Slot): void {
    this.#slots.delete(slot);
    if (this.#loop) return this.#signal();
    try {
      this.#deps.outlived();
    } catch (error) {
      this.#deps.failed(error);
    }
  }

  #signal(): void {
    this.#changed?.();
  }

  /** Resolves when something has ended, has come, or has taken too long. */
  #change(): Promise<void> {
    this.#arm();
    return new Promise((resolve) => {
      this.#changed = () => {
        this.#changed = undefined;
        resolve();
      };
    });
  }

  #arm(): void {
    const atMs = Math.min(this.nextMs ?? Infinity, this.#overdueMs());
    if (atMs === Infinity || (this.#timer && this.#timer.atMs <= atMs)) return;
    this.#timer?.stop();
    const stopped = new AbortController();
    this.#timer = { atMs, stop: () => stopped.abort() };
    void this.#deps.wait(Math.max(0, atMs - this.#deps.now()), stopped.signal).then(() => {
      if (!stopped.signal.aborted) this.#ring();
    });
  }

  #overdueMs(): number {
    let firstMs = Infinity;
    for (const { startedMs } of this.#slots) firstMs = Math.min(firstMs, startedMs);
    return firstMs + this.#deps.patienceMs();
  }

  #ring(): void {
    this.#timer = undefined;
    const nowMs = this.#deps.now();
    const patienceMs = this.#deps.patienceMs();
    let released = false;
    for (const slot of this.#slots) {
      if (slot.startedMs + patienceMs > nowMs) continue;
      this.#slots.delete(slot);
      released = true;
    }
    if (this.nextMs !== undefined && this.nextMs <= nowMs) this.#moved = true;
    if (released || this.#moved) this.#signal();
    else this.#arm();
  }
}
