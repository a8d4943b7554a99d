import type { Meta } from "./meta";

/** The one alarm that an instance has. A sub-agent, which cannot set one, gets another implementation. */
export interface AlarmPort {
  set(atMs: number): void;
  clear(): void;
}

/** Whoever wants to be woken. `nextWake` is asked only after `changed(name)`, and on the wake itself. */
export interface Waker {
  readonly name: string;
  /** Its work is in memory, and gone with it: so is its wake, which is not stored. */
  readonly isVolatile?: boolean;
  nextWake?(): number | undefined;
  onWake?(nowMs: number): void | Promise<void>;
}

const retryMs = 1_000;
const maxRetryMs = 60_000;

/**
 * Shares one alarm among all capabilities: the earliest wake wins. What each asked for is in the meta row, so that the
 * reason of an alarm can always be told, and an alarm without a reason is never set.
 */
export class Alarms {
  readonly #meta: Meta;
  readonly #port: AlarmPort;
  readonly #wakers = new Map<string, Waker>();
  readonly #volatile = new Map<string, number>();
  #ended = false;
  /** Alarms in a row at which something failed. An eviction forgets them, which costs an early retry. */
  #failures = 0;

  constructor(meta: Meta, port: AlarmPort) {
    this.#meta = meta;
    this.#port = port;
  }

  add(waker: Waker): void {
    this.#wakers.set(waker.name, waker);
  }

  /** The capability's work changed: ask it again, and move the alarm if the earliest wake moved. */
  changed(name: string): void {
    const before = this.#earliest();
    const wake = this.#wakers.get(name)?.nextWake?.();
    if (!this.#setWake(name, wake)) return;
    const after = this.#earliest();
    if (after === before || this.#ended) return;
    if (after === undefined) this.#port.clear();
    else this.#port.set(after);
  }

  #setWake(name: string, atMs: number | undefined): boolean {
    if (!this.#wakers.get(name)?.isVolatile) return this.#meta.setWake(name, atMs);
    const changes = this.#volatile.get(name) !== atMs;
    if (atMs === undefined) this.#volatile.delete(name);
    else this.#volatile.set(name, atMs);
    return changes;
  }

  /** Sets the alarm for the last time: whatever anybody asks for later, it stays. */
  end(atMs: number): void {
    this.#ended = true;
    this.#port.set(atMs);
  }

  #wakes(): readonly [name: string, atMs: number][] {
    return this.#volatile.size === 0 ? this.#meta.wakes() : [...this.#meta.wakes(), ...this.#volatile];
  }

  /** Why the alarm is set: each capability's next wake in ms since the epoch, earliest first. */
  reasons(): readonly { name: string; atMs: number }[] {
    return this.#wakes()
      .map(([name, atMs]) => ({ name, atMs }))
      .sort((a, b) => a.atMs - b.atMs);
  }

  /** The alarm went off. One failing capability does not keep the others from their work. */
  async ring(nowMs: number, failed: (error: unknown) => Promise<void> | void): Promise<void> {
    let failures = 0;
    const attempt = async (work: () => unknown) => {
      try {
        await work();
      } catch (error) {
        failures++;
        await failed(error);
      }
    };
    for (const { name, atMs } of this.reasons()) {
      if (atMs > nowMs || this.#ended) break;
      const waker = this.#wakers.get(name);
      await attempt(() => waker?.onWake?.(nowMs));
      await attempt(() => this.#setWake(name, waker?.nextWake?.()));
    }
    if (this.#ended) return;
    if (failures > 0) return this.again(nowMs);
    this.#failures = 0;
    // The runtime cleared the alarm when it rang.
    const next = this.#earliest();
    if (next !== undefined) this.#port.set(next);
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
