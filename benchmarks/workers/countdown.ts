/** Tells when so many tasks have run. */
export class Countdown {
  readonly over: Promise<void>;
  readonly #end: () => void;
  #left: number;

  constructor(count = 0) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
    this.#left = count;
  }

  count(): void {
    if (--this.#left === 0) this.#end();
  }
}
