import { inject, onTestFailed } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    fuzz: { seeds: number; firstSeed: number };
  }
}

const { seeds, firstSeed } = inject("fuzz");

/** How many seeds a property test tries: 300 in `npm test`, or what `npm run fuzz` was told. */
export const fuzzSeeds = seeds;

/** The time that a property test may take, by what it may take for 300 seeds. */
export const fuzzTimeoutMs = (for300Ms: number): number => Math.max(1, seeds / 300) * for300Ms;

/**
 * Runs a property test once for each seed. Its title ends in `(${fuzzSeeds} seeds)`, by which `npm run fuzz` finds it.
 *
 * @param run gets numbers that are its own; what it throws is told with the seed
 * @param parallel how many run at the same time
 */
export async function eachSeed(run: (random: Random) => unknown, parallel = 1): Promise<void> {
  const running = new Set<number>();
  onTestFailed(() => running.forEach((seed) => console.error(`This did not end: npm run fuzz -- --seed ${seed}`)));
  const tried = async (seed: number) => {
    running.add(seed);
    try {
      await run(new Random(seed));
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      error.message = `seed ${seed} (npm run fuzz -- --seed ${seed}): ${error.message}`;
      throw error;
    } finally {
      running.delete(seed);
    }
  };
  const end = firstSeed + seeds;
  for (let first = firstSeed; first < end; first += parallel) {
    await Promise.all(Array.from({ length: Math.min(parallel, end - first) }, (_, i) => tried(first + i)));
  }
}

/** Numbers that look random and are the same for the same seed, so that a failing test can be repeated. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed;
  }

  /** 32 bits (mulberry32). */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return this.#next() % below;
  }

  /** Whether something happens that happens so often: 0.3 of the time. */
  chance(share: number): boolean {
    return this.#next() < share * 2 ** 32;
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
