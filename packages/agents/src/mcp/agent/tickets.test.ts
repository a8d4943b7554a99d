import { expect, it } from "vitest";
import { Tickets } from "./tickets";

/** A clock that strikes when it is told to. */
function clock() {
  const waiting = new Set<() => void>();
  return {
    wait: (_delayMs: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        waiting.add(resolve);
        signal.addEventListener("abort", () => resolve());
      }),
    strike: () => waiting.forEach((resolve) => resolve())
  };
}

it("joins the two messages of one ticket, whichever comes first", async () => {
  const tickets = new Tickets<string>(clock().wait);
  tickets.announce("a", Promise.resolve("first"));
  const early = tickets.use("b");
  tickets.announce("b", Promise.resolve("second"));
  expect([await tickets.use("a"), await early]).toEqual(["first", "second"]);
});

it("is good once, and not for a command that has failed", async () => {
  const { wait, strike } = clock();
  const tickets = new Tickets<string>(wait);
  tickets.announce("a", Promise.resolve("it"));
  tickets.announce("b", Promise.reject(new Error("failed")));
  expect([await tickets.use("a"), await tickets.use("b")]).toEqual(["it", undefined]);
  const again = tickets.use("a");
  strike();
  expect(await again).toBeUndefined();
});

it("lets nobody wait for long who has no ticket, nor many", async () => {
  const { wait, strike } = clock();
  const tickets = new Tickets<string>(wait);
  const forged = Array.from({ length: 1_000 }, (_, index) => tickets.use(`forged-${index}`));
  expect(await tickets.use("one more")).toBeUndefined();
  strike();
  expect(new Set(await Promise.all(forged))).toEqual(new Set([undefined]));
});
