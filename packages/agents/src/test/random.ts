/** Numbers that look random and are the same for the same seed, so that a failing test can be repeated. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed = Math.floor(Math.random() * 2 ** 31)) {
    this.seed = seed;
    this.#state = seed;
  }

  /** A whole number from 0 to `below` - 1 (mulberry32). */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }
}

const oddities: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  "",
  "\u0000",
  "__proto__",
  [],
  [[]],
  {},
  { toString: 1 },
  { __proto__: null },
  { length: -1 }
];

/** A text that is nearly the JSON of `frame`: a field gone, replaced or added, or the text itself cut or changed. */
export function mutate(frame: object, random: Random): string {
  const fields: Record<string, unknown> = { ...frame };
  const key = random.pick(Object.keys(fields));
  const text = () => JSON.stringify(fields);
  const cut = () => random.below(text().length);
  switch (random.below(7)) {
    case 0:
      delete fields[key];
      return text();
    case 1:
      return JSON.stringify({ ...fields, [key]: random.pick(oddities) });
    case 2:
      return JSON.stringify({
        ...fields,
        [random.pick(["__proto__", "constructor", "toJSON", "then", "x"])]: random.pick(oddities)
      });
    case 3:
      return text().slice(0, cut());
    case 4: {
      const at = cut();
      return text().slice(0, at) + String.fromCharCode(random.below(0x110)) + text().slice(at + 1);
    }
    case 5:
      return JSON.stringify([fields, random.pick(oddities)]);
    default:
      return text().replace(/"type":"([^"]*)"/, `"type":"$1${random.pick(["x", "", "\\u0000", "__proto__"])}"`);
  }
}
