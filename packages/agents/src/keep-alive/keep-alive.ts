import type { Capability, Hold } from "../core/capability";

export interface KeepAliveDeps {
  now(): number;
  /** Tells the runtime that there is work until the promise settles. */
  hold(promise: Promise<void>): void;
  /** The next heartbeat moved. */
  changed(): void;
}

/** A heartbeat as `getSchedules()` shows it: the fields of a schedule of type "interval". */
export interface HeartbeatEntry {
  id: string;
  callback: string;
  /** Unix time of the next heartbeat, in seconds. */
  time: number;
  intervalSeconds: number;
}

const intervalSeconds = 30;

/**
 * Heartbeats of those who want the instance to stay in memory. They live in memory themselves, since an evicted instance has
 * no work left. The runtime counts two things, and is given both: an event every 30 s (the alarm), and a promise that has not
 * settled, without which an instance with hibernating sockets goes between two alarms.
 */
export class KeepAlive implements Capability {
  readonly name = "keep-alive";
  readonly isVolatile = true;
  readonly #deps: KeepAliveDeps;
  readonly #heartbeats = new Map<string, { sinceMs: number; nextMs: number; release: () => void }>();

  constructor(deps: KeepAliveDeps) {
    this.#deps = deps;
  }

  /** @returns ends this heartbeat; may be called more than once */
  begin(): () => void {
    const id = crypto.randomUUID();
    const sinceMs = this.#deps.now();
    const { promise, resolve: release } = Promise.withResolvers<void>();
    this.#heartbeats.set(id, { sinceMs, nextMs: sinceMs + intervalSeconds * 1_000, release });
    this.#deps.hold(promise);
    this.#deps.changed();
    return () => void this.end(id);
  }

  /** Ends a heartbeat, if it is there. */
  end(id: string): boolean {
    const heartbeat = this.#heartbeats.get(id);
    if (!heartbeat) return false;
    this.#heartbeats.delete(id);
    heartbeat.release();
    this.#deps.changed();
    return true;
  }

  entries(): HeartbeatEntry[] {
    return [...this.#heartbeats].map(([id, { nextMs }]) => ({
      id,
      callback: "keepAlive",
      time: Math.floor(nextMs / 1_000),
      intervalSeconds
    }));
  }

  holds(): Hold[] {
    return [...this.#heartbeats].map(([id, { sinceMs }]) => ({ id, sinceMs }));
  }

  nextWake(): number | undefined {
    let earliest: number | undefined;
    for (const { nextMs } of this.#heartbeats.values())
      if (earliest === undefined || nextMs < earliest) earliest = nextMs;
    return earliest;
  }

  /** That there was an event is all that was wanted. */
  onWake(nowMs: number): void {
    for (const heartbeat of this.#heartbeats.values()) {
      if (heartbeat.nextMs <= nowMs) heartbeat.nextMs = nowMs + intervalSeconds * 1_000;
    }
  }
}
