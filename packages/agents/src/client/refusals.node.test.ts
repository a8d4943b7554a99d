import { expect, it } from "vitest";
import { Refusals } from "./refusals";

it.each([
  [1000, true],
  [1001, true],
  [1006, true],
  [1008, false],
  [1011, true],
  [3999, true],
  [4000, false],
  [4001, false],
  [4999, false]
])("after %i without a query to refresh: %s", (code, again) => {
  expect(new Refusals().shouldReconnect(code, 0, false)).toBe(again);
});

it("tries once more with a fresh query, then no more", () => {
  const refusals = new Refusals();
  refusals.opened(1000);
  expect(refusals.shouldReconnect(4001, 1100, true)).toBe(true);
  refusals.opened(2000);
  expect(refusals.shouldReconnect(4001, 2100, true)).toBe(false);
});

it("starts over after a connection that was accepted", () => {
  const refusals = new Refusals();
  refusals.opened(1000);
  expect(refusals.shouldReconnect(4001, 1100, true)).toBe(true);
  refusals.opened(2000);
  expect(refusals.shouldReconnect(4001, 3_602_000, true)).toBe(true);
});

it("starts over when the program asks", () => {
  const refusals = new Refusals();
  refusals.opened(1000);
  refusals.shouldReconnect(4001, 1100, true);
  refusals.reset();
  expect(refusals.shouldReconnect(4001, 1200, true)).toBe(true);
});
