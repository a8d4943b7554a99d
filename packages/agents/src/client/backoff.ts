import { systemClock, type Clock } from "./clock";

export interface BackoffOptions {
  /** @default at random from 1 to 5 s, so that the clients of a server that restarts do not come back all at once */
  minReconnectionDelay?: number;
  /** @default 10 s */
  maxReconnectionDelay?: number;
  /** @default 1.3 */
  reconnectionDelayGrowFactor?: number;
}

/** How long to wait before the nth attempt in a row; the first is made at once. */
export function delayMs(attempt: number, options: BackoffOptions, random = Math.random): number {
  if (attempt < 1) return 0;
  const {
    minReconnectionDelay = 1000 + random() * 4000,
    maxReconnectionDelay = 10_000,
    reconnectionDelayGrowFactor = 1.3
  } = options;
  return Math.min(minReconnectionDelay * reconnectionDelayGrowFactor ** (attempt - 1), maxReconnectionDelay);
}

/** A wait that can be cut short. */
export class Wait {
  readonly #clock: Clock;
  /** Ends the wait that is on, if one is. */
  skip: () => void = () => {};

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  start(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(durationMs, resolve);
      this.skip = () => {
        cancel();
        resolve();
      };
    });
  }
}
