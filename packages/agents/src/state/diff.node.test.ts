import { describe, expect, it } from "vitest";
import { applyPatch, type JsonPatch } from "../protocol/json-patch";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../test/random";
import { diffTexts } from "./diff";

const filler = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [`key${i}`, { id: i, text: `value ${i}`, tags: ["a", "b"] }])
);

/** The patch between two values, after checking that it leads from one to the other. */
function patchBetween(before: unknown, after: unknown): JsonPatch | undefined {
  const text = diffTexts({ text: JSON.stringify(before) }, { text: JSON.stringify(after) });
  if (text === undefined) return undefined;
  const patch = JSON.parse(text) as JsonPatch;
  expect(applyPatch(before, patch)?.value).toEqual(after);
  expect(text.length).toBeLessThan(JSON.stringify(after).length);
  return patch;
}

describe("diffTexts", () => {
  it("replaces one value in a large state", () => {
    const after = { ...filler, key7: { ...filler.key7, text: "changed" } };
    expect(patchBetween(filler, after)).toEqual([{ op: "replace", path: "/key7/text", value: "changed" }]);
  });

  it("leaves small states alone", () => {
    expect(diffTexts({ text: '{"n":1}' }, { text: '{"n":2}' })).toBeUndefined();
  });

  it("sends the whole state when everything changed", () => {
    expect(patchBetween(filler, { list: Array.from({ length: 500 }, (_, i) => i) })).toBeUndefined();
  });

  it("finds changes in several places", () => {
    const after = { ...filler, key1: 1, key50: { ...filler.key50, id: -1 } };
    expect(patchBetween(filler, after)).toEqual([
      { op: "replace", path: "/key1", value: 1 },
      { op: "replace", path: "/key50/id", value: -1 }
    ]);
  });

  it.each([
    ["at the end", [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]],
    ["at the beginning", [0, 1, 2, 3, 4], [9, 0, 1, 2, 3, 4]],
    ["in the middle", [0, 1, 2, 3, 4], [0, 1, 7, 8, 2, 3, 4]],
    ["away", [0, 1, 2, 3, 4], [0, 4]]
  ])("follows elements of a list that come or go %s", (_, before, after) => {
    const list = (numbers: number[]) => ({ filler, list: numbers.map((n) => ({ n, text: `element number ${n}` })) });
    expect(patchBetween(list(before), list(after))?.length).toBeGreaterThan(0);
  });

  it.each([
    ["quotes and backslashes", { 'a"b\\': 1, s: 'x\\"' }, { 'a"b\\': 2, s: 'x\\"' }],
    ["slashes and tildes in keys", { "a/b~c": { "~1": 1 } }, { "a/b~c": { "~1": 2 } }],
    ["a key called __proto__", JSON.parse('{"__proto__":{"x":1}}'), JSON.parse('{"__proto__":{"x":2}}')],
    ["an empty key", { "": 1 }, { "": 2 }],
    ["surrogate pairs", { s: "😀a" }, { s: "😁a" }],
    ["a number that grows", { n: 12 }, { n: 123 }],
    ["a number that becomes text", { n: 1 }, { n: "1" }],
    ["structure in text", { s: '{"a":[1,2' }, { s: '{"a":[1,3' }]
  ])("copes with %s", (_, before, after) => {
    expect(patchBetween({ ...filler, x: before }, { ...filler, x: after })?.length).toBeGreaterThan(0);
  });

  it(
    `leads from any value to any other that grew out of it (${fuzzSeeds} seeds)`,
    async () => {
      await eachSeed((random) => {
        const before = { root: randomValue(random, 4), filler };
        const after = mutate(before, random, random.pick([0.05, 0.1, 0.4]));
        const text = diffTexts({ text: JSON.stringify(before) }, { text: JSON.stringify(after) });
        if (text === undefined) return;
        expect(applyPatch(before, JSON.parse(text) as JsonPatch)?.value).toEqual(after);
      });
    },
    fuzzTimeoutMs(5_000)
  );
});

const keys = ["a", "b", "c/d", "e~f", 'g"h', "", "i\\", "~0", "~1"];

function randomValue(random: Random, depth: number): unknown {
  if (depth === 0 || random.chance(0.5))
    return random.pick([null, true, false, 0, 1, -2.5, 1e21, "", "x", 'q"\\', "€😀", "{[,:"]);
  const size = random.below(5);
  if (random.chance(0.5)) return Array.from({ length: size }, () => randomValue(random, depth - 1));
  return Object.fromEntries(Array.from({ length: size }, () => [random.pick(keys), randomValue(random, depth - 1)]));
}

/** Changes some places of a value, in place or not, as programs do: the more, the higher the `rate` below 1. */
function mutate(value: unknown, random: Random, rate: number): unknown {
  if (random.chance(rate / 5)) return randomValue(random, 2);
  if (Array.isArray(value)) {
    const copy = value.map((element) => (random.chance(rate) ? mutate(element, random, rate) : element));
    if (random.chance(rate)) copy.splice(random.below(copy.length + 1), random.below(2), randomValue(random, 1));
    return copy;
  }
  if (typeof value === "object" && value !== null) {
    const copy: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(value))
      if (!random.chance(rate / 8)) copy[key] = random.chance(rate) ? mutate(inner, random, rate) : inner;
    if (random.chance(rate / 2)) copy[random.pick(keys)] = randomValue(random, 2);
    return copy;
  }
  // Often of the same length as before.
  if (typeof value === "number") return random.below(9);
  return random.chance(0.5) ? value : randomValue(random, 1);
}
