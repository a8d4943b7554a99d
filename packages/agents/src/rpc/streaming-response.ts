import type { RpcResponseFrame } from "../protocol/frames";

/**
 * What a streaming method sends its values to. It is its first parameter.
 *
 * @example
 * @callable({ streaming: true })
 * async count(stream: StreamingResponse, to: number) {
 *   for (let i = 1; i <= to; i++) await stream.send(i);
 *   stream.end("done");
 * }
 */
export class StreamingResponse<Chunk = unknown, Final = unknown> {
  readonly #id: string;
  readonly #transmit: (frame: RpcResponseFrame) => void;
  #closed = false;

  constructor(id: string, transmit: (frame: RpcResponseFrame) => void) {
    this.#id = id;
    this.#transmit = transmit;
  }

  /** Whether `end` or `error` was called. What is sent afterwards is dropped. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Sends one value.
   *
   * @param chunk any JSON value
   * @returns resolves when the next value may be sent; `false` when the stream is closed
   * @throws at once when the value cannot be written as JSON: most callers do not wait
   */
  send(chunk: Chunk): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    this.#transmit({ type: "rpc", id: this.#id, success: true, result: chunk, done: false });
    return Promise.resolve(true);
  }

  /** Another name of `send`. */
  write(chunk: Chunk): Promise<boolean> {
    return this.send(chunk);
  }

  /** Ends the stream, with a final value if there is one. */
  end(final?: Final): void {
    if (this.#closed) return;
    // Not closed by a value that cannot be written: the caller still has to be told.
    this.#transmit({ type: "rpc", id: this.#id, success: true, result: final, done: true });
    this.#closed = true;
  }

  /** Ends the stream with an error that the caller sees. */
  error(message: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#transmit({ type: "rpc", id: this.#id, success: false, error: message });
  }
}
