/** A connection that lasted this long had been accepted. */
const acceptedAfterMs = 5000;

/** Whether the server means to keep this client out: the same request would get the same answer. */
export const isRefusal = (code: number): boolean => code === 1008 || (code >= 4000 && code <= 4999);

/**
 * Decides whether to connect again after the server closed. After a refusal it is of no use, but a token may have run
 * out: where the query can be made anew, it deserves one more attempt.
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
    if (!isRefusal(code)) return true;
    if (nowMs - this.#openedAtMs >= acceptedAfterMs) this.#inARow = 0;
    this.#inARow++;
    return canRefresh && this.#inARow === 1;
  }
}
