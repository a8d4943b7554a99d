import type { Clock } from "./clock";

/** How long an answer to a ping may take. */
const pongMs = 10_000;

export interface HeartbeatDeps {
  clock: Clock;
  ping(): void;
  /** Nothing came back. */
  dead(): void;
}

/**
 * Finds out that a connection is dead which looks open: a line that broke without a word never closes. Whatever arrives proves
 * that it is alive; where nothing does, it asks.
 */
export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  #intervalMs = 0;
  #heardAtMs = 0;
  #isAsked = false;
  #cancel: () => void = () => {};

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
  }

  /** @param intervalMs how long nothing may arrive before it asks; 0 for never */
  start(intervalMs: number): void {
    this.stop();
    this.#intervalMs = intervalMs;
    this.#heardAtMs = this.#deps.clock.now();
    if (intervalMs) this.#wait(intervalMs);
  }

  stop(): void {
    this.#intervalMs = 0;
    this.#isAsked = false;
    this.#cancel();
  }

  /** Something arrived. */
  heard(): void {
    this.#heardAtMs = this.#deps.clock.now();
    if (!this.#isAsked) return;
    this.#isAsked = false;
    this.#cancel();
    this.#wait(this.#intervalMs);
  }

  /** Asks now, and waits so long for the answer. */
  probe(answerMs = pongMs): void {
    if (!this.#intervalMs || this.#isAsked) return;
    this.#isAsked = true;
    this.#cancel();
    this.#cancel = this.#deps.clock.after(answerMs, this.#deps.dead);
    this.#deps.ping();
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#deps.clock.after(delayMs, () => {
      // One timer for many messages: it waits for the rest when something arrived meanwhile.
      const rest = this.#heardAtMs + this.#intervalMs - this.#deps.clock.now();
      if (rest > 0) this.#wait(rest);
      else this.probe();
    });
  }
}
