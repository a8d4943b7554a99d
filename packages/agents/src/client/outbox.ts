import type { Message } from "partysocket/ws";

type Entry = { data: Message; key: string | undefined };

/** Frames that no socket has been given yet, in order. It belongs to one address, and what it holds goes nowhere else. */
export class Outbox {
  #entries: Entry[] = [];

  get bytes(): number {
    return this.#entries.reduce((sum, { data }) => sum + sizeOf(data), 0);
  }

  /** @param key by which `has` and `remove` know the frame */
  push(data: Message, key?: string): void {
    this.#entries.push({ data, key });
  }

  has(key: string): boolean {
    return this.#entries.some((entry) => entry.key === key);
  }

  remove(key: string): void {
    this.#entries = this.#entries.filter((entry) => entry.key !== key);
  }

  /** Hands all frames over, as long as `isOpen`. */
  flush(isOpen: () => boolean, transmit: (data: Message) => void): void {
    while (this.#entries.length > 0 && isOpen()) {
      // Taken out first: a frame that the socket refuses would block all that come after it.
      const [entry] = this.#entries.splice(0, 1);
      if (entry) transmit(entry.data);
    }
  }
}

function sizeOf(data: Message): number {
  if (typeof data === "string") return data.length;
  return data instanceof Blob ? data.size : data.byteLength;
}
