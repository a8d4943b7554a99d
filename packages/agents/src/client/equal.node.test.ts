import { expect, it } from "vitest";
import { isEqual } from "./equal";

it.each([
  [1, 1],
  ["", ""],
  [null, null],
  [NaN, NaN],
  [undefined, undefined],
  [{}, {}],
  [[], []],
  [
    { a: [1, { b: null }], c: "x" },
    { c: "x", a: [1, { b: null }] }
  ]
])("finds %j and %j equal", (a, b) => expect(isEqual(a, b)).toBe(true));

it.each([
  [1, 2],
  [1, "1"],
  [0, null],
  [null, {}],
  [{}, []],
  [[], {}],
  [{ a: 1 }, {}],
  [{}, { a: 1 }],
  [{ a: undefined }, { b: undefined }],
  [{ a: 1 }, { a: 2 }],
  [[1], [1, 2]],
  [{ 0: 1 }, [1]],
  [[{ a: [1] }], [{ a: [2] }]],
  [new Date(0), new Date(0)],
  [new Map(), {}],
  [{ toString: 1 }, { valueOf: 1 }]
])("finds %j and %j different", (a, b) => expect(isEqual(a, b)).toBe(false));

it("compares what is deeper than the stack", () => {
  const deep = (end: number) => JSON.parse(`${"[".repeat(100_000)}${end}${"]".repeat(100_000)}`) as unknown;
  expect([isEqual(deep(1), deep(1)), isEqual(deep(1), deep(2))]).toEqual([true, false]);
});
