// How long a socket waits for the command that announces it.
const patienceMs = 5_000;
// More than one object has under way at a time; what is beyond is somebody who tries.
const maxWaiting = 1_000;

/**
 * Joins two messages that belong together: a command by RPC, which nobody outside can send, and the request that opens its socket,
 * which RPC cannot carry. They are sent in one go, and either may be the first to arrive. Each ticket is good once.
 */
export class Tickets<Announced> {
  readonly #announced = new Map<string, Promise<Announced>>();
  readonly #waiting = new Map<string, (announced: Promise<Announced>) => void>();
  readonly #wait: (delayMs: number, signal: AbortSignal) => Promise<void>;

  constructor(wait: (delayMs: number, signal: AbortSignal) => Promise<void>) {
    this.#wait = wait;
  }

  announce(ticket: string, announced: Promise<Announced>): void {
    // Whoever sent the command is told of its errors.
    announced.catch(() => {});
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    if (waiting) return waiting(announced);
    this.#announced.set(ticket, announced);
    // The Worker that sent it may be gone.
    const [oldest] = this.#announced.keys();
    if (this.#announced.size > maxWaiting) this.#announced.delete(oldest!);
  }

  /** What was announced; nothing if the ticket is none, or its command has failed. */
  async use(ticket: string): Promise<Announced | undefined> {
    const known = this.#announced.get(ticket);
    this.#announced.delete(ticket);
    if (!known && this.#waiting.size >= maxWaiting) return undefined;
    return (known ?? this.#expect(ticket)).catch(() => undefined);
  }

  async #expect(ticket: string): Promise<Announced> {
    const over = new AbortController();
    try {
      return await new Promise<Announced>((resolve, reject) => {
        this.#waiting.set(ticket, resolve);
        void this.#wait(patienceMs, over.signal).then(() => reject(new Error("Nobody has announced this socket")));
      });
    } finally {
      over.abort();
      this.#waiting.delete(ticket);
    }
  }
}
