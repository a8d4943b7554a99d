import type { Connection } from "../core/connection";
import { send } from "../core/connections";
import { departure, type Departure } from "../core/gate";
import { publicMessage } from "../core/public-message";
import { AgentError } from "../protocol/errors";
import type { RpcResponseFrame } from "../protocol/frames";

/** Sends a frame to a client. */
type Transmit = (connection: Connection, frame: RpcResponseFrame) => void;

/** One call of a client, from its request to its answer. */
export class Call implements Departure {
  readonly id: string;
  readonly method: string;
  /** Goes on when its connection closes. */
  readonly isDetached: boolean;
  readonly #connection: Connection;
  readonly #transmit: Transmit;
  #controller: AbortController | undefined;
  #abortReason: AgentError | undefined;
  #isOver = false;
  /** How many values the reader can take; without a limit, any number. */
  #credit: number;
  #waiting: (() => void)[] | undefined;
  #text = "";

  constructor(
    { id, method, credit }: { id: string; method: string; credit?: number | undefined },
    isDetached: boolean,
    connection: Connection,
    transmit: Transmit
  ) {
    this.id = id;
    this.method = method;
    this.isDetached = isDetached;
    // Who asks for a stream can take one value: a method learns that it has to wait only from what it has sent.
    this.#credit = Math.max(credit ?? Infinity, 1);
    this.#connection = connection;
    this.#transmit = transmit;
  }

  /** The call has its answer, or nobody wants one. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Aborted when the caller does not want the result any more. Made when somebody looks at it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Sends a value of a stream. Resolves when the reader can take another. */
  send(chunk: unknown): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    this.#transmit(this.#connection, { type: "rpc", id: this.id, success: true, result: chunk, done: false });
    this.#credit--;
    if (this.#credit > 0) return Promise.resolve(true);
    return new Promise((resolve) => (this.#waiting ??= []).push(() => resolve(!this.#isOver)));
  }

  /** The reader can take so many values more. */
  grant(credit: number): void {
    this.#credit += credit;
    if (this.#credit > 0) this.#release();
  }

  end(result: unknown): void {
    if (this.#isOver) return;
    // Not over by a value that cannot be written: the caller still has to be told.
    this.#transmit(this.#connection, this.#last(result));
    this.finish();
  }

  /**
   * Writes its result, which is sent when the context has been left; nothing if the call is over already.
   *
   * @throws what `JSON.stringify` does: the caller is still to be told
   */
  conclude(result: unknown): Departure | undefined {
    if (this.#isOver) return undefined;
    this.#text = JSON.stringify(this.#last(result));
    return this;
  }

  [departure](): void {
    const text = this.#text;
    // Whatever the call has left behind keeps the call.
    this.#text = "";
    try {
      send(this.#connection, text);
    } catch (error) {
      // The connection is open, and does not take this answer. Its caller is to hear something.
      this.fail(publicMessage(error));
      throw error;
    }
    this.finish();
  }

  #last(result: unknown): RpcResponseFrame {
    return { type: "rpc", id: this.id, success: true, result, done: true };
  }

  fail(error: string, code?: AgentError["code"]): void {
    if (this.#isOver) return;
    this.finish();
    this.#transmit(
      this.#connection,
      code
        ? { type: "rpc", id: this.id, success: false, error, code }
        : { type: "rpc", id: this.id, success: false, error }
    );
  }

  /** The caller does not want the result: tells it so, and the method. */
  cancel(): void {
    this.fail("The call was cancelled", "CALL_CANCELLED");
    this.#abort(new AgentError("CALL_CANCELLED", `The call of ${this.method} was cancelled`));
  }

  /** The caller is gone: tells the method. */
  abandon(): void {
    this.finish();
    this.#abort(new AgentError("CONNECTION_CLOSED", `The connection that called ${this.method} was closed`));
  }

  #abort(reason: AgentError): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(this.#abortReason);
  }

  /** It has its answer, or nobody wants one: nothing more is sent. */
  finish(): void {
    this.#isOver = true;
    this.#release();
  }

  #release(): void {
    if (this.#waiting) for (const resume of this.#waiting.splice(0)) resume();
  }
}
