import { AgentError } from "../protocol/errors";

/** A connection that lasted this long had been accepted. */
const acceptedAfterMs = 5000;

/**
 * What the code of a close says of the next attempt:
 * - "retry": an accident, or the server is being replaced
 * - "refused": the server means to keep this client out, and the same request would get the same answer
 * - "fault": it could not take what this client sent, and would not take it a second time
 */
export type Consequence = "retry" | "refused" | "fault";

const consequences: { readonly [code: number]: Consequence } = {
  // protocol, kind of data, not UTF-8, too big
  1002: "fault",
  1003: "fault",
  1007: "fault",
  1009: "fault",
  // policy; as IANA lists them: unauthorized, forbidden
  1008: "refused",
  3000: "refused",
  3003: "refused"
};

/** Codes from 4000 are the application's own: it closes on purpose. */
export const consequenceOf = (code: number): Consequence =>
  consequences[code] ?? (code >= 4000 && code <= 4999 ? "refused" : "retry");

/** Our own close of a connection on which nothing comes back (IANA: timeout). */
export const deadCode = 3008;

/** Why a client has no connection and makes none: the server closed it for good. */
export class ConnectionError extends AgentError {
  /** The code of the close. */
  readonly closeCode: number;
  /** What the server said, or an empty text. */
  readonly reason: string;

  constructor({ code, reason }: Pick<CloseEvent, "code" | "reason">) {
    super("CONNECTION_CLOSED", `The agent closed the connection for good (${code}${reason && `: ${reason}`})`);
    this.closeCode = code;
    this.reason = reason;
  }
}

/**
 * Decides whether to connect again after the server closed. After a refusal it is of no use, but a token may have run
 * out: where the query can be made anew, it deserves one more attempt.
 */
export class Refusals {
  #inARow = 0;

  /** The program wants another attempt. */
  reset(): void {
    this.#inARow = 0;
  }

  /** @param uptimeMs how long the connection lasted */
  shouldReconnect(code: number, uptimeMs: number, canRefresh: boolean): boolean {
    if (consequenceOf(code) !== "refused") return true;
    if (uptimeMs >= acceptedAfterMs) this.#inARow = 0;
    this.#inARow++;
    return canRefresh && this.#inARow === 1;
  }
}
