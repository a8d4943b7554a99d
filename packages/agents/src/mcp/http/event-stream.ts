/** How long a stream may be silent, in milliseconds, before a comment keeps it alive. What is between the ends often cuts at 30 s. */
export const keepAliveMs = 25_000;

/** How much may wait for a client that does not read, in bytes, before it is given up. It may come back for it. */
const maxUnreadBytes = 16 * 1024 * 1024;

export interface StreamEvent {
  /** By which a client says what it has (`Last-Event-ID`). */
  id?: string | undefined;
  /** Clients take what has none for `message`. */
  event?: string;
  data: string;
  /** When the client is to come again after the stream has ended, in milliseconds. */
  retryMs?: number | undefined;
}

export interface EventStreamOptions {
  /** Called once, when either end has closed the stream. */
  onClose?(): void;
  /** Calls `run` every `delayMs`, until what it returned is called. The clock of the platform unless told. */
  every?(delayMs: number, run: () => void): () => void;
}

/** Server-sent events on their way to one client, kept alive by comments. */
export class EventStream {
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly #body: ReadableStream<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #onClose: (() => void) | undefined;
  readonly #stopKeepAlive: () => void;

  constructor({ onClose, every = repeat }: EventStreamOptions = {}) {
    this.#onClose = onClose;
    this.#body = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        cancel: () => this.#ended()
      },
      new ByteLengthQueuingStrategy({ highWaterMark: maxUnreadBytes })
    );
    this.#stopKeepAlive = every(keepAliveMs, () => this.comment("keep-alive"));
  }

  get isOpen(): boolean {
    return this.#controller !== undefined;
  }

  /** @returns whether it is on its way: false once the stream is closed */
  send({ id, event, data, retryMs }: StreamEvent): boolean {
    const lines = [event && `event: ${event}`, id && `id: ${id}`, retryMs !== undefined && `retry: ${retryMs}`];
    // Each line of the data is one of the event.
    return this.#write([...lines.filter(Boolean), ...data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`)]);
  }

  /** An event without data: it gives the client an id, from which it can resume before anything was sent. */
  prime(id: string, retryMs?: number): boolean {
    return this.send({ id, data: "", retryMs });
  }

  /** A line that clients skip. */
  comment(text: string): boolean {
    return this.#write([`: ${text}`]);
  }

  /** Ends the stream after what was sent. */
  close(): void {
    const controller = this.#controller;
    if (!controller) return;
    this.#ended();
    controller.close();
  }

  /** The response that carries the events. To be asked for once. */
  toResponse(headers: Record<string, string> = {}): Response {
    return new Response(this.#body, {
      headers: {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache, no-transform",
        // Some proxies collect a response before they hand it on.
        "X-Accel-Buffering": "no",
        ...headers
      }
    });
  }

  #write(lines: readonly unknown[]): boolean {
    const controller = this.#controller;
    if (!controller) return false;
    if ((controller.desiredSize ?? 0) <= 0) {
      this.#ended();
      controller.error(new Error("The client does not read what it is sent"));
      return false;
    }
    controller.enqueue(this.#encoder.encode(`${lines.join("\n")}\n\n`));
    return true;
  }

  #ended(): void {
    this.#controller = undefined;
    this.#stopKeepAlive();
    this.#onClose?.();
  }
}

function repeat(delayMs: number, run: () => void): () => void {
  const timer = setInterval(run, delayMs);
  return () => clearInterval(timer);
}
