/** One frame of a screen. */
const frameMs = 16;

/** Tells listeners that something has changed: soon, once for all changes of a moment, and of a stream at most once a frame. */
export class Notifier {
  readonly #listeners = new Set<() => void>();
  #isQueued = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastMs = -frameMs;

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param isStream more of the same is to be expected */
  changed(isStream: boolean): void {
    if (this.#isQueued) return;
    const restMs = isStream ? frameMs - (performance.now() - this.#lastMs) : 0;
    if (restMs > 0) {
      this.#timer ??= setTimeout(this.#tell, restMs);
      return;
    }
    this.#isQueued = true;
    queueMicrotask(this.#tell);
  }

  readonly #tell = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isQueued = false;
    this.#lastMs = performance.now();
    for (const listener of this.#listeners) listener();
  };
}
