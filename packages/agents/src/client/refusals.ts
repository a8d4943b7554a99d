/** A connection that lasted this long had been accepted. */
const acceptedAfterMs = 5000;

/**
 * Decides whether to connect again after the server closed. 1008 and 4000 to 4999 are answers, not accidents: the same
 * request would get the same one. But a token may have run out, and where the query can be made anew, it deserves one more
 * attempt.
 */
export class Refusals {
  #openedAtMs = 0;
  #inARow = 0;

  opened(nowMs: number): void {
    this.#openedAtMs = nowMs;
  }

  /** The program wants another attempt. */
  reset(): void {
    this.#inARow = 0;
  }

  shouldReconnect(code: number, nowMs: number, canRefresh: boolean): boolean {
    if (code !== 1008 && (code < 4000 || code > 4999)) return true;
    if (nowMs - this.#openedAtMs >= acceptedAfterMs) this.#inARow = 0;
    this.#inARow++;
    return canRefresh && this.#inARow === 1;
  }
}
