/** A call that runs. */
export interface RunningCall<Final> {
  final: Promise<Final>;
  /** A value was read. */
  read(): void;
  cancel(): void;
}

/**
 * The values of a streaming call, each given once, in order. The agent stays at most 32 values ahead of the reader, if it is one
 * of ours.
 */
export class AgentStream<Chunk, Final = unknown> implements AsyncIterable<Chunk> {
  /**
   * What the stream ends with. It settles when all values were read, or when the call failed or was cancelled: read them, or
   * use `call()`.
   */
  readonly final: Promise<Final>;
  readonly #call: RunningCall<Final>;
  readonly #chunks: Chunk[] = [];
  #isOver = false;
  #wake: () => void = () => {};

  /** @param start makes the call, and has `received` called with each value */
  constructor(start: (received: (chunk: Chunk) => void) => RunningCall<Final>) {
    this.#call = start((chunk) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    this.final = this.#call.final;
    const end = () => {
      this.#isOver = true;
      this.#wake();
    };
    // A reader sees the failure too; a program need not look in two places.
    this.final.then(end, end);
  }

  /** Leaving the loop before the end cancels the call. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk, void, undefined> {
    try {
      for (;;) {
        while (this.#chunks.length > 0) {
          // Not `undefined`: there is one.
          yield this.#chunks.shift() as Chunk;
          this.#call.read();
        }
        if (this.#isOver) break;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      await this.final;
    } finally {
      this.#call.cancel();
    }
  }
}
