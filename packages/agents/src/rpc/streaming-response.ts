import { publicMessage } from "../core/public-message";
import type { Call } from "./call";

/**
 * What a streaming method sends its values to. It is its first parameter.
 *
 * @example
 * @callable({ streaming: true })
 * async count(stream: StreamingResponse, to: number) {
 *   for (let i = 1; i <= to && !stream.isClosed; i++) await stream.send(i);
 *   stream.end("done");
 * }
 */
export class StreamingResponse<Chunk = unknown, Final = unknown> {
  readonly #call: Call;

  /** Made for every call of a streaming method. */
  constructor(call: Call) {
    this.#call = call;
  }

  /** Whether the stream has ended, was cancelled, or lost its connection. What is sent afterwards is dropped. */
  get isClosed(): boolean {
    return this.#call.isOver;
  }

  /** Aborted when the caller cancels, or its connection closes. Pass it to whatever makes the values. */
  get signal(): AbortSignal {
    return this.#call.signal;
  }

  /**
   * Sends one value.
   *
   * @param chunk any JSON value
   * @returns resolves when the reader can take another; `false` when the stream is closed
   * @throws at once when the value cannot be written as JSON: most callers do not wait
   */
  send(chunk: Chunk): Promise<boolean> {
    return this.#call.send(chunk);
  }

  /** Another name of `send`. */
  write(chunk: Chunk): Promise<boolean> {
    return this.#call.send(chunk);
  }

  /** Ends the stream, with a final value if there is one. */
  end(final?: Final): void {
    this.#call.end(final);
  }

  /**
   * Ends the stream with an error that the caller sees.
   *
   * @param message what the caller reads, or an error that was caught: then what clients may read of it
   */
  error(message: string | Error): void {
    this.#call.fail(typeof message === "string" ? message : publicMessage(message));
  }
}
