import { EventEmitter, once } from "node:events";

const waitMs = 10_000;

/** Things that happen, in order, and a way to wait for one of them. */
export class Log<T> {
  readonly items: T[] = [];
  readonly #what: string;
  readonly #events = new EventEmitter();

  /** @param what names the things in an error */
  constructor(what: string) {
    this.#what = what;
    this.#events.setMaxListeners(0);
  }

  add(item: T): void {
    this.items.push(item);
    this.#events.emit("item");
  }

  /** @returns the first item that is `wanted`, now or later */
  async first(wanted: (item: T) => boolean = () => true): Promise<T> {
    await this.until((items) => items.some(wanted));
    return this.items.find(wanted)!;
  }

  /** Resolves when there are `count` items. */
  async reaches(count: number): Promise<T[]> {
    return this.until((items) => items.length >= count);
  }

  async until(isEnough: (items: T[]) => boolean): Promise<T[]> {
    const signal = AbortSignal.timeout(waitMs);
    while (!isEnough(this.items)) {
      await once(this.#events, "item", { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
        throw new Error(`Waited ${waitMs} ms for other ${this.#what} than ${JSON.stringify(this.items)}`);
      });
    }
    return this.items;
  }
}
