import { describe, expect, it, vi } from "vitest";
import { applyPatch, type JsonPatch } from "../protocol/json-patch";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../test/random";
import { diffTexts } from "./diff";
import type { Mark, MarkedText } from "./diff-walk";

const filler = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [`key${i}`, { id: i, text: `value ${i}`, tags: ["a", "b"] }])
);
/** 1,000 entries, about 60 KB. */
const many = Array.from({ length: 1_000 }, (_, id) => ({ id, text: `entry ${id}`, done: false, tags: ["one", "two"] }));
const marked = (value: unknown): MarkedText => ({ text: JSON.stringify(value) });

interface Found {
  patch: JsonPatch | undefined;
  length: number;
  /** The longest text that was parsed for it. */
  parsed: number;
}

/** The patch between two texts, after checking that it leads from one to the other. */
function find(before: MarkedText, after: MarkedText): Found {
  const parse = vi.spyOn(JSON, "parse");
  const text = diffTexts(before, after);
  const parsed = Math.max(0, ...parse.mock.calls.map(([argument]) => argument.length));
  parse.mockRestore();
  checkMarks(after);
  if (text === undefined) return { patch: undefined, length: 0, parsed };
  const patch = JSON.parse(text) as JsonPatch;
  expect(applyPatch(JSON.parse(before.text), patch)?.value).toEqual(JSON.parse(after.text));
  expect(text.length).toBeLessThan(after.text.length);
  return { patch, length: text.length, parsed };
}

const patchBetween = (before: unknown, after: unknown) => find(marked(before), marked(after)).patch;

/** Marks have to tell what is open where they are, as counting from the start of the text does. */
function checkMarks({ text, marks = [] }: MarkedText): void {
  const open: [start: number, index: number][] = [];
  let isString = false;
  let next = 0;
  for (let index = 0; index < text.length && next < marks.length; index++) {
    if (marks[next]![0] === index) expect(indexesOfLists(text, marks[next++]!)).toEqual([index, ...open.flat()]);
    const char = text[index];
    if (char === "\\" && isString) index++;
    else if (char === '"') isString = !isString;
    else if (isString) continue;
    else if (char === "[" || char === "{") open.push([index, 0]);
    else if (char === "]" || char === "}") open.pop();
    else if (char === "," && text[open.at(-1)![0]] === "[") open.at(-1)![1]++;
  }
  expect(next).toBe(marks.length);
}

/** A mark without the numbers of fields, which mean nothing. */
const indexesOfLists = (text: string, mark: Mark): number[] =>
  mark.map((number, at) => (at > 0 && at % 2 === 0 && text[mark[at - 1]!] === "{" ? 0 : number));

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

  it.each([
    ["a number at the start and an entry", (state: State) => ({ ...edit(state, 700, { text: "new" }), n: 1 }), 2, 120],
    ["three fields of an entry", (state: State) => edit(state, 500, threeFields), 1, 130],
    ["both ends", (state: State) => ({ ...edit(edit(state, 0, { id: 7 }), 999, { id: 7 }), z: 9 }), 3, 160],
    ["ten entries", (state: State) => ten.reduce((next, i) => edit(next, i, { done: true }), state), 10, 600],
    ["an entry gone, one changed", (state: State) => without(edit(state, 900, { done: true }), 3), 2, 120],
    ["an entry inserted, one changed", (state: State) => inserted(edit(state, 900, { done: true }), 3), 2, 170],
    ["a window that moves on", (state: State) => inserted(without(state, 0), 999), 2, 150],
    ["eight entries gone", (state: State) => range(8).reduce((next) => without(next, 500), state), 8, 400],
    [
      "a field that comes, one that goes",
      ({ n: _, ...state }: State) => ({ m: 1, ...edit(state, 9, { id: 0 }) }),
      3,
      140
    ],
    ["a field that moved", ({ n, ...state }: State) => ({ ...edit(state, 9, { id: 0 }), n }), 1, 60],
    ["a field that moved and changed", ({ n: _, ...state }: State) => ({ ...state, n: 5 }), 1, 60],
    ["a field that moved to the front", ({ z, ...state }: State) => ({ z, ...edit(state, 9, { id: 0 }) }), 1, 60],
    ["all elements of a short list", (state: State) => edit(state, 9, { tags: range(50) }), 1, 200],
    ["an entry of another kind", (state: State) => ({ ...state, n: [1], z: { n: 1 } }), 2, 120],
    ["a first element", (state: State) => ({ ...edit(state, 9, { tags: [] }), empty: [{}] }), 2, 120],
    ["fields of an entry, and another", (state: State) => edit(edit(state, 99, threeFields), 900, { id: 0 }), 2, 170],
    ["an element like the next one", (state: State) => edit(state, 9, { tags: ["two", "two"] }), 1, 70],
    ["an empty list that fills", (state: State) => ({ ...state, empty: [1, 2], none: { a: 1 } }), 2, 150]
  ])("finds %s without parsing the state", (_, change, operations, bytes) => {
    const state: State = { n: 0, entries: many, empty: [], none: {}, z: 0 };
    // The second time, there are marks.
    const before = marked({ ...state, entries: [...many.slice(0, 990), ...many.slice(991)] });
    const between = marked(state);
    expect(find(before, between).patch).toHaveLength(1);
    for (const start of [marked(state), between]) {
      const { patch, length, parsed } = find(start, marked(change(state)));
      expect(patch).toHaveLength(operations);
      expect(length).toBeLessThan(bytes);
      expect(parsed).toBeLessThan(20);
    }
  });

  it.each([
    ["the order of fields", ({ n, ...state }: State) => ({ ...state, n })],
    ["nothing", (state: State) => state],
    ["everything", (state: State) => ({ list: state.entries.map(({ text }) => text.repeat(4)) })]
  ])("sends the whole state, without parsing it, when what changed is %s", (_, change) => {
    const state: State = { n: 0, entries: many };
    expect(find(marked(state), marked(change(state)))).toMatchObject({
      patch: undefined,
      parsed: expect.closeTo(0, -1.5)
    });
  });

  it("parses the state when more of a list has moved than it looks for", () => {
    const { patch, parsed } = find(marked({ many }), marked({ many: [...many.slice(500, 530).toReversed(), ...many] }));
    expect(patch).toHaveLength(30);
    expect(parsed).toBeGreaterThan(10_000);
  });

  const few = many.slice(0, 100);
  const numbers = range(800);
  it.each<[string, object, object, number]>([
    ["a list of numbers that all change", { few, numbers }, { few, numbers: numbers.map((n) => -n - 1) }, 1],
    ["many entries", { few }, { few: few.map((entry, i) => (i % 3 ? entry : { ...entry, ...threeFields })) }, 34],
    [
      "a long field that moved, and another",
      { a: "a".repeat(3_600), b: 2, x: "x".repeat(3_500), y: "y".repeat(8_200) },
      { x: "x".repeat(3_500), a: "a".repeat(3_600), b: 2, y: "z".repeat(8_200) },
      1
    ],
    [
      "an entry, and long ones at the end",
      { list: [{ a: 1, text: "t".repeat(300), b: 2 }, ...few] },
      { list: [{ a: 1_234, text: "t".repeat(300), b: 3 }, ...few, "x".repeat(3_000)] },
      3
    ],
    [
      "the end of a very long element, and one behind it",
      { list: [["x".repeat(5_000), 1]] },
      { list: [["x".repeat(5_000), 2], "y".repeat(3_000)] },
      2
    ]
  ])("finds %s, as a large patch, without parsing the state", (_, before, after, operations) => {
    const { patch, parsed } = find(marked(before), marked(after));
    expect(patch).toHaveLength(operations);
    expect(parsed).toBeLessThan(20);
  });

  it("takes the shorter patch when a list has changed more than it looks for", () => {
    const added = range(30).map((id) => ({ id: -id, text: "added" }));
    const both = { few, many: many.slice(0, 200) };
    expect(find(marked(both), marked({ ...both, few: [...added, ...few] })).patch).toHaveLength(30);
    // Parsing finds no window that moves on.
    const window = [...few.slice(1, 20), ...added.slice(0, 9), ...few.slice(29), added[0]];
    const { patch, parsed } = find(marked({ few }), marked({ few: window }));
    expect(patch).toHaveLength(11);
    expect(parsed).toBeGreaterThan(1_000);
  });

  it("stops looking when the patch is too long", () => {
    const stringify = vi.spyOn(JSON, "stringify");
    const texts = [range(5_000), range(5_000).map((n) => -n - 1)].map((list) => ({ text: JSON.stringify({ list }) }));
    expect(diffTexts(texts[0]!, texts[1]!)).toBeUndefined();
    // Each operation writes its path.
    expect(stringify.mock.calls.length).toBeLessThan(1_000);
    stringify.mockRestore();
  });

  it("copes with a text before that others wrote, with white space", () => {
    for (const space of [1, "\t"]) {
      const before = { text: JSON.stringify({ n: 1, many }, null, space) };
      expect(find(before, marked({ many, n: 2 })).patch).toEqual([{ op: "replace", path: "/n", value: 2 }]);
    }
  });

  it("starts at the marks of the text before", () => {
    const before = marked({ many });
    const between = marked({ many: many.with(999, many[0]!) });
    find(before, between);
    expect(between.marks!.length).toBeGreaterThan(10);
    const after = marked({ many: many.with(999, many[1]!) });
    expect(diffTexts(between, after)).toContain("/many/999");
    // The index of the current element of the list, as if there were fewer.
    const marks = between.marks!.map((mark) => mark.map((number, at) => (at === 4 ? number - 100 : number)));
    expect(diffTexts({ ...between, marks }, after)).toContain("/many/899");
  });

  it("keeps its marks apart, and makes none deep down", () => {
    let texts = range(20).map(() => "x".repeat(3_000));
    let before = marked({ texts, few });
    for (const index of range(20).toReversed()) {
      const after = marked({ texts: (texts = texts.with(index, "")), few });
      find(before, after);
      before = after;
    }
    // A text of 7 KB, where the first one had 67.
    expect((before.marks ?? []).length).toBeLessThan(4);
    const [deep, changed] = [many, many.with(900, many[0]!)].map((value) =>
      marked(range(40).reduce<unknown>((inner) => [inner], value))
    );
    expect(find(deep!, changed!).patch).toHaveLength(1);
    expect(changed).not.toHaveProperty("marks");
  });

  it("makes no marks for what is small", () => {
    const after = marked({ ...filler, x: 1 });
    find(marked(filler), after);
    expect(after).not.toHaveProperty("marks");
  });

  it(
    `leads from any value to any other that grew out of it, and on from there (${fuzzSeeds} seeds)`,
    async () => {
      const patches = { all: 0, parsed: 0, fromMarks: 0 };
      await eachSeed((random) => {
        let value = randomState(random);
        let before = marked(value);
        for (let step = 0; step < 5; step++) {
          value = mutate(value, random, random.pick([0.003, 0.01, 0.03, 0.1]));
          const after = marked(value);
          const found = find(before, after);
          if (found.patch) patches.all++;
          if (found.patch && found.parsed > 100) patches.parsed++;
          if (found.patch && before.marks) patches.fromMarks++;
          before = after;
        }
      });
      // That has tried what it says, and most patches are found in the texts.
      expect(patches.all).toBeGreaterThan(2 * fuzzSeeds);
      expect(patches.fromMarks).toBeGreaterThan(patches.all / 4);
      expect(patches.parsed).toBeLessThan(patches.all / 20);
    },
    fuzzTimeoutMs(20_000)
  );
});

type State = { n?: number; entries: typeof many; [key: string]: unknown };
const threeFields = { id: -1, text: "new", done: true };
const range = (length: number) => Array.from({ length }, (_, i) => i);
const ten = range(10).map((i) => i * 97 + 20);
const edit = (state: State, index: number, change: Record<string, unknown>): State => ({
  ...state,
  entries: state.entries.with(index, { ...state.entries[index]!, ...change })
});
const without = (state: State, index: number): State => ({ ...state, entries: state.entries.toSpliced(index, 1) });
const inserted = (state: State, index: number): State => ({
  ...state,
  entries: state.entries.toSpliced(index, 0, { ...many[0]!, text: "inserted" })
});

const keys = [
  "a",
  "b",
  "c/d",
  "e~f",
  'g"h',
  "",
  "i\\",
  "~0",
  "~1",
  "__proto__",
  "10",
  "2",
  '"',
  ",",
  '\\"',
  "😀",
  "\ud800"
];
const scalars = [
  null,
  true,
  false,
  0,
  1,
  12,
  123,
  -2.5,
  1e21,
  "",
  "x",
  'q"\\',
  "€😀",
  "😁",
  "\ud83d",
  "{[,:",
  "]},",
  '","'
];
const longTexts = ["x".repeat(50), '"'.repeat(20), "\\".repeat(31), `${"[".repeat(40)}"`];

/** A state of up to 50 KB. */
function randomState(random: Random): unknown {
  const size = random.pick([40, 400]);
  const entries = range(20 + random.below(size)).map((i) => [
    `key${i}`,
    { id: i, text: `value ${i}`, tags: ["a", "b"] }
  ]);
  const list = range(20 + random.below(size)).map((n) =>
    random.chance(0.1) ? randomValue(random, 3) : { n, text: `${n}` }
  );
  const root = { a: randomValue(random, 4), map: Object.fromEntries(entries), b: randomValue(random, 4), list, c: 0 };
  return random.chance(0.1) ? [root, [root]] : root;
}

function randomValue(random: Random, depth: number): unknown {
  if (depth === 0 || random.chance(0.5)) return random.pick(random.chance(0.1) ? longTexts : scalars);
  const size = random.below(random.chance(0.1) ? 12 : 5);
  if (random.chance(0.5)) return Array.from({ length: size }, () => randomValue(random, depth - 1));
  return Object.fromEntries(Array.from({ length: size }, () => [random.pick(keys), randomValue(random, depth - 1)]));
}

/** Changes some places of a value, in place or not, as programs do: the more, the higher the `rate` below 1. */
function mutate(value: unknown, random: Random, rate: number): unknown {
  if (random.chance(rate / 9)) return randomValue(random, 2);
  if (Array.isArray(value)) {
    const share = Math.max(rate, 1 / value.length);
    const copy = value.map((element) => (random.chance(share) ? mutate(element, random, rate) : element));
    while (random.chance(rate)) splice(copy, random, () => randomValue(random, 2));
    if (random.chance(rate / 10)) copy.reverse();
    return copy;
  }
  if (typeof value === "object" && value !== null) {
    const share = Math.max(rate, 1 / Object.keys(value).length);
    const fields = Object.entries(value)
      .filter(() => !random.chance(rate / 8))
      .map(([key, inner]) => [key, random.chance(share) ? mutate(inner, random, rate) : inner]);
    while (random.chance(rate / 2)) splice(fields, random, () => [random.pick(keys), randomValue(random, 2)]);
    // A field that moves.
    if (random.chance(rate / 3)) fields.push(...fields.splice(random.below(fields.length + 1), 1));
    return Object.fromEntries(fields);
  }
  // Often of the same length as before.
  if (typeof value === "number") return random.below(9);
  return random.chance(0.5) ? value : randomValue(random, 1);
}

function splice<Item>(list: Item[], random: Random, create: () => Item): void {
  const created = range(random.below(3)).map(create);
  list.splice(random.below(list.length + 1), random.below(3), ...created);
}
