import { expect, it } from "vitest";
import { consequenceOf, Refusals } from "./refusals";

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
  expect(refusals.shouldReconnect(4001, 100, true)).toBe(true);
  expect(refusals.shouldReconnect(4001, 100, true)).toBe(false);
});

it("starts over after a connection that was accepted", () => {
  const refusals = new Refusals();
  expect(refusals.shouldReconnect(4001, 100, true)).toBe(true);
  expect(refusals.shouldReconnect(4001, 3_600_000, true)).toBe(true);
});

it("starts over when the program asks", () => {
  const refusals = new Refusals();
  refusals.shouldReconnect(4001, 100, true);
  refusals.reset();
  expect(refusals.shouldReconnect(4001, 100, true)).toBe(true);
});

it.each([
  [1002, "fault"],
  [1003, "fault"],
  [1007, "fault"],
  [1009, "fault"],
  [1008, "refused"],
  [3000, "refused"],
  [3003, "refused"],
  [4000, "refused"],
  [4999, "refused"],
  [1000, "retry"],
  [1001, "retry"],
  [1005, "retry"],
  [1006, "retry"],
  [1011, "retry"],
  [1012, "retry"],
  [1013, "retry"],
  [3008, "retry"],
  [5000, "retry"]
])("takes %i for: %s", (code, consequence) => expect(consequenceOf(code)).toBe(consequence));
