import { describe, expect, it } from "vitest";
import { applyPatch, type JsonPatch } from "../protocol/json-patch";
import { diffTexts } from "./diff";

const filler = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [`key${i}`, { id: i, text: `value ${i}`, tags: ["a", "b"] }])
);

/** The patch between two values, after checking that it leads from one to the other. */
function patchBetween(before: unknown, after: unknown): JsonPatch | undefined {
  const text = diffTexts(JSON.stringify(before), JSON.stringify(after));
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
    expect(diffTexts('{"n":1}', '{"n":2}')).toBeUndefined();
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

  it("leads from any value to any other that grew out of it (300 random pairs)", () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1e6);
    const random = mulberry(seed);
    for (let round = 0; round < Number(process.env.FUZZ ?? 300); round++) {
      const before = { root: randomValue(random, 4), filler };
      const after = mutate(before, random);
      const text = diffTexts(JSON.stringify(before), JSON.stringify(after));
      if (text === undefined) continue;
      const result = applyPatch(before, JSON.parse(text) as JsonPatch);
      expect(result?.value, `seed ${seed}, round ${round}`).toEqual(after);
    }
  });
});

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const pick = <T>(random: () => number, values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
const keys = ["a", "b", "c/d", "e~f", 'g"h', "", "i\\"];

function randomValue(random: () => number, depth: number): unknown {
  const kind = depth === 0 ? random() * 0.5 : random();
  if (kind < 0.5) return pick(random, [null, true, false, 0, 1, -2.5, 1e21, "", "x", 'q"\\', "€😀", "{[,:"]);
  const size = Math.floor(random() * 5);
  if (kind < 0.75) return Array.from({ length: size }, () => randomValue(random, depth - 1));
  return Object.fromEntries(Array.from({ length: size }, () => [pick(random, keys), randomValue(random, depth - 1)]));
}

/** Changes some places of a value, in place or not, as programs do. */
function mutate(value: unknown, random: () => number): unknown {
  if (random() < 0.1) return randomValue(random, 2);
  if (Array.isArray(value)) {
    const copy = value.map((element) => (random() < 0.3 ? mutate(element, random) : element));
    if (random() < 0.3)
      copy.splice(Math.floor(random() * (copy.length + 1)), Math.floor(random() * 2), randomValue(random, 1));
    return copy;
  }
  if (typeof value === "object" && value !== null) {
    const copy: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(value))
      if (random() > 0.05) copy[key] = random() < 0.4 ? mutate(inner, random) : inner;
    if (random() < 0.2) copy[pick(random, keys)] = randomValue(random, 2);
    return copy;
  }
  return random() < 0.5 ? value : randomValue(random, 1);
}
