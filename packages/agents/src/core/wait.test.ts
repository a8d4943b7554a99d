import { expect, it } from "vitest";
import { tick } from "../test/clock";
import { wait } from "./wait";

it.each([2 ** 31, 1e15, Infinity])(
  "a wait of %d ms is not over at once, as a timer of the runtime would be",
  async (delayMs) => {
    const over = new AbortController();
    let isOver = false;
    const waited = wait(delayMs, over.signal).then(() => (isOver = true));
    await tick();
    await tick();
    expect(isOver).toBe(false);
    over.abort();
    expect(await waited).toBe(true);
  }
);
