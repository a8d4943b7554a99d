import type { Meta } from "./meta";

/** The one alarm that an instance has. A sub-agent, which cannot set one, gets another implementation. */
export interface AlarmPort {
  set(atMs: number): void;
  clear(): void;
  now(): number;
  /** Resolves after `delayMs`, or as soon as the signal is aborted. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
}

/** Whoever wants to be woken. `nextWake` is asked only after `changed(name)`, and on the wake itself. */
export interface Waker {
  readonly name: string;
  /** Its work is in memory, and gone with it: so is its wake, which is not stored. */
  readonly isVolatile?: boolean;
  nextWake?(): number | undefined;
  onWake?(nowMs: number): void | Promise<void>;
  /** The alarm went off and nobody had asked for it. Returns the next wake after a look at the tables themselves. */
  onStrayAlarm?(): number | undefined;
}

/** One alarm, while it lasts. */
interface Ring {
  readonly working: Map<string, Promise<void>>;
  readonly failed: Set<string>;
  report(error: unknown): Promise<void> | void;
}

const retryMs = 1_000;
const maxRetryMs = 60_000;
/** An alarm that was set for a time before that is not on its way any more. */
const lostAfterMs = 2_000;

/**
 * Shares one alarm among all capabilities: the earliest wake wins. What each asked for is in the meta row, so that the
 * reason of an alarm can always be told, and an alarm without a reason is never set.
 */
export class Alarms {
  readonly #meta: Meta;
  readonly #port: AlarmPort;
  readonly #wakers: Waker[] = [];
  #volatile: Map<string, number> | undefined;
  #ended = false;
  #hasArrived = false;
  /** Alarms in a row at which something failed. An eviction forgets them, which costs an early retry. */
  #failures = 0;
  /** While an alarm lasts: what is due meanwhile has changed. */
  #rearm: (() => void) | undefined;

  constructor(meta: Meta, port: AlarmPort) {
    this.#meta = meta;
    this.#port = port;
  }

  add(waker: Waker): void {
    this.#wakers.push(waker);
  }

  /** The capability's work changed: ask it again, and move the alarm if the earliest wake moved. */
  changed(name: string): void {
    const before = this.#earliest();
    const wake = this.#find(name)?.nextWake?.();
    if (!this.#setWake(name, wake)) return;
    this.#rearm?.();
    const after = this.#earliest();
    if (after === before || this.#ended) return;
    if (after === undefined) this.#port.clear();
    else this.#port.set(after);
  }

  #find(name: string): Waker | undefined {
    return this.#wakers.find((waker) => waker.name === name);
  }

  #setWake(name: string, wake: number | undefined): boolean {
    // `Math.min()` of nothing is Infinity: never.
    const atMs = Number.isFinite(wake) ? wake : undefined;
    if (!this.#find(name)?.isVolatile) return this.#meta.setWake(name, atMs);
    const wakes = (this.#volatile ??= new Map<string, number>());
    const changes = wakes.get(name) !== atMs;
    if (atMs === undefined) wakes.delete(name);
    else wakes.set(name, atMs);
    return changes;
  }

  /** An alarm went off; what it is for comes when the instance has started. */
  arrived(): void {
    this.#hasArrived = true;
  }

  /**
   * The instance starts. If the alarm should have rung long ago, it is lost (the runtime gives one up whose handler was ended
   * several times), and set again.
   */
  restore(): void {
    if (this.#hasArrived) return;
    const earliest = this.#earliest();
    if (earliest !== undefined && earliest < this.#port.now() - lostAfterMs) this.#port.set(this.#port.now());
  }

  /** Sets the alarm for the last time: whatever anybody asks for later, it stays. */
  end(atMs: number): void {
    this.#ended = true;
    this.#port.set(atMs);
  }

  #wakes(): readonly [name: string, atMs: number][] {
    return !this.#volatile ? this.#meta.wakes() : [...this.#meta.wakes(), ...this.#volatile];
  }

  /** Why the alarm is set: each capability's next wake in ms since the epoch, earliest first. */
  reasons(): readonly { name: string; atMs: number }[] {
    return this.#wakes()
      .map(([name, atMs]) => ({ name, atMs }))
      .sort((a, b) => a.atMs - b.atMs);
  }

  /**
   * The alarm went off. One failing capability does not keep the others from their work, nor does one that takes its time: the
   * runtime gives no other alarm before this one is over, so what becomes due meanwhile is started by a timer.
   */
  async ring(nowMs: number, failed: (error: unknown) => Promise<void> | void): Promise<void> {
    if (!this.reasons().some(({ atMs }) => atMs <= nowMs)) this.#lookAround();
    const ring: Ring = { working: new Map(), failed: new Set(), report: failed };
    this.#startDue(ring, nowMs);
    while (ring.working.size > 0) {
      await this.#whatever(ring);
      if (ring.working.size > 0) this.#startDue(ring, this.#port.now());
    }
    if (this.#ended) return;
    if (ring.failed.size > 0) return this.again(nowMs);
    this.#failures = 0;
    // The runtime cleared the alarm when it rang.
    const next = this.#earliest();
    if (next !== undefined) this.#port.set(next);
  }

  /** Nobody asked for this alarm: perhaps an older release did, which knows nothing of our reasons. */
  #lookAround(): void {
    for (const waker of this.#wakers) {
      if (waker.onStrayAlarm) this.#setWake(waker.name, waker.onStrayAlarm());
    }
  }

  #startDue(ring: Ring, nowMs: number): void {
    for (const { name, atMs } of this.reasons()) {
      if (atMs > nowMs || this.#ended) break;
      if (!ring.working.has(name) && !ring.failed.has(name)) ring.working.set(name, this.#work(ring, name, nowMs));
    }
  }

  async #work(ring: Ring, name: string, nowMs: number): Promise<void> {
    const waker = this.#find(name);
    const attempt = async (work: () => unknown) => {
      try {
        await work();
      } catch (error) {
        ring.failed.add(name);
        await ring.report(error);
      }
    };
    await attempt(() => waker?.onWake?.(nowMs));
    await attempt(() => this.#setWake(name, waker?.nextWake?.()));
    ring.working.delete(name);
  }

  /** Resolves when one has done its work, or another one is due. */
  async #whatever(ring: Ring): Promise<void> {
    const over = new AbortController();
    const others = new Promise<void>((resolve) => {
      const arm = (): void => {
        const next = this.reasons().find(({ name }) => !ring.working.has(name) && !ring.failed.has(name));
        if (next) void this.#port.wait(Math.max(0, next.atMs - this.#port.now()), over.signal).then(resolve);
      };
      this.#rearm = arm;
      arm();
    });
    await Promise.race([...ring.working.values(), others]);
    this.#rearm = undefined;
    over.abort();
  }

  /** The alarm went off in vain: what is due gets another one, after a pause that grows, so that it does not ring for ever. */
  again(nowMs: number): void {
    if (this.#ended) return this.#port.set(nowMs + retryMs);
    const next = this.#earliest();
    if (next !== undefined) this.#port.set(Math.max(next, nowMs + Math.min(retryMs * 2 ** this.#failures, maxRetryMs)));
    this.#failures++;
  }

  #earliest(): number | undefined {
    let earliest: number | undefined;
    for (const [, atMs] of this.#wakes()) if (earliest === undefined || atMs < earliest) earliest = atMs;
    return earliest;
  }
}
