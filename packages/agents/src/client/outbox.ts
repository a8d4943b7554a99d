import type { AgentError } from "../protocol/errors";
import type { Message } from "./socket-events";

/** A frame that waits for a socket. */
export interface Entry {
  data: Message;
  /** By which it is found again. */
  key?: string;
  /** What to send when its turn comes, to an agent that knows the extensions or does not. `undefined` for nothing. @default data */
  take?(isExtended: boolean): Message | undefined;
  /** Told that it cannot be sent to this agent, and has been taken out. */
  refuse?(error: AgentError): void;
}

/** Frames that no socket has been given yet, in order. It belongs to one address, and what it holds goes nowhere else. */
export class Outbox {
  #entries: Entry[] = [];
  /** Those that waited when the connection was opened. */
  readonly #older = new WeakSet<Entry>();

  get bytes(): number {
    return this.#entries.reduce((sum, { data }) => sum + sizeOf(data), 0);
  }

  /** @param isFirst before all others: it was made earlier */
  push(entry: Entry, isFirst = false): void {
    if (isFirst) this.#entries.unshift(entry);
    else this.#entries.push(entry);
  }

  /** Whether the frame with this key would be the last to be sent. */
  endsWith(key: string): boolean {
    return this.#entries.at(-1)?.key === key;
  }

  /** @returns whether it was there */
  remove(key: string): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.key !== key);
    return this.#entries.length < before;
  }

  /** A connection was opened. */
  opened(): void {
    for (const entry of this.#entries) this.#older.add(entry);
  }

  /** Takes out what waited before the connection was opened, and refuses it. */
  refuseOlder(error: AgentError): void {
    const older = this.#entries.filter((entry) => this.#older.has(entry));
    this.#entries = this.#entries.filter((entry) => !this.#older.has(entry));
    for (const entry of older) entry.refuse?.(error);
  }

  /** Hands all frames over, as long as `isOpen`. */
  flush(isOpen: () => boolean, transmit: (entry: Entry) => void): void {
    while (this.#entries.length > 0 && isOpen()) {
      // Taken out first: a frame that the socket refuses would block all that come after it.
      const [entry] = this.#entries.splice(0, 1);
      if (entry) transmit(entry);
    }
  }
}

/** Bytes, and of a text: characters. */
export function sizeOf(data: Message): number {
  if (typeof data === "string") return data.length;
  return data instanceof Blob ? data.size : data.byteLength;
}
