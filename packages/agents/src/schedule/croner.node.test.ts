// What the build makes of the library that reads cron expressions (bundle-libraries.ts), against the whole of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Cron } from "croner";
import { expect, it, onTestFinished } from "vitest";
import { bundleLibrary } from "../../bundle-libraries.ts";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../test/random";

async function built(): Promise<typeof Cron> {
  const folder = mkdtempSync(join(tmpdir(), "croner-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "croner.mjs");
  await bundleLibrary("schedule/croner", join(import.meta.dirname, "croner.ts"), file);
  return ((await import(pathToFileURL(file).href)) as { Cron: typeof Cron }).Cron;
}

/** What an agent asks of the library, several times in a row. */
function answers(Library: typeof Cron, expression: string, afterMs: number, timeZone?: string): unknown[] {
  const found: unknown[] = [];
  try {
    for (let next: number | undefined = afterMs; next !== undefined && found.length < 5; found.push(next)) {
      const cron = new Library(expression, {
        mode: "5-or-6-parts",
        fixedTimeRule: "no-wildcard",
        ...(timeZone === undefined ? { utcOffset: 0 } : { timezone: timeZone })
      });
      next = cron.nextRun(new Date(next))?.getTime();
    }
  } catch (error) {
    found.push(String(error));
  }
  return found;
}

type Field = [least: number, most: number, names: string[], own: string[]];

const fields: Field[] = [
  [0, 59, [], []],
  [0, 59, [], []],
  [0, 23, [], []],
  [1, 31, [], ["L", "LW", "15W", "1W", "31W", "l", "L,3", "?"]],
  [1, 12, ["jan", "FEB", "mar", "Oct", "dec"], []],
  [0, 7, ["mon", "TUE", "fri", "Sun"], ["5L", "fri#1", "1#5", "2#2", "+5", "0L", "?", "1#L"]]
];
const nicknames = [..."@yearly @annually @monthly @weekly @daily @midnight @HOURLY".split(" "), " @daily "];
const wrong = ["", "* * *", "* * * * * * *", "@reboot", "@never", "0 0 30 2 *"];
// The library takes what has a colon for a date.
const dates = ["2025-06-02T10:00:00", "0 0 * * 1:2", "1 2 3 4 5:6", "x:y"];
const junk = ["", ..."- / */0 */x 2/5 7-3 1-2-3 1-99/2 99 -1 1,,2 W 1W-5 LW,3 # 1#9 janx é".split(" ")];

function fieldOf([least, most, names, own]: Field, random: Random): string {
  if (random.chance(0.01)) return random.pick(junk);
  const number = () => least + random.below(most - least + 1);
  const value = () => (names.length > 0 && random.chance(0.3) ? random.pick(names) : String(number()));
  const range = () => {
    const [from, to] = [number(), number()].sort((a, b) => a - b);
    return `${from}-${to}`;
  };
  const step = () => 1 + random.below(most);
  switch (random.below(own.length > 0 ? 9 : 8)) {
    case 0:
    case 1:
      return value();
    case 2:
      return range();
    case 3:
      return `${range()}/${step()}`;
    case 4:
      return `*/${step()}`;
    case 5:
      return [value(), random.chance(0.5) ? range() : value(), value()].join(",");
    case 8:
      return random.pick(own);
    default:
      return "*";
  }
}

function expressionFrom(random: Random): string {
  if (random.chance(0.05)) return random.pick(nicknames);
  if (random.chance(0.03)) return random.pick([...wrong, ...dates]);
  const used = random.chance(0.3) ? fields : fields.slice(1);
  return used.map((field) => fieldOf(field, random)).join(random.chance(0.05) ? "  " : " ");
}

const zones = [undefined, "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];

// The clocks of Berlin, New York and Lord Howe Island change in these hours; a leap day; the ends of what there is.
const times =
  "2025-03-30T01 2025-10-26T01 2025-03-09T07 2025-11-02T06 2025-10-04T15 2025-04-05T15 2024-02-29T00 1970-01-01T00 2400-02-28T23 9998-06-01T00"
    .split(" ")
    .map((hour) => Date.parse(`${hour}:30Z`));

function timeFrom(random: Random): number {
  if (random.chance(0.2)) return random.below(2 ** 32) * 1000 + random.below(1000);
  const hours = random.pick([2, 30, 24 * 40]);
  return random.pick(times) + (random.below(hours * 7200) - hours * 3600) * 1000 + random.below(2) * random.below(1000);
}

it(`answers as the whole library does (${fuzzSeeds} seeds)`, { timeout: fuzzTimeoutMs(60_000) }, async () => {
  const Built = await built();
  const seen = new Set<string>();
  await eachSeed((random) => {
    for (let i = 0; i < 20; i++) {
      const asked = [expressionFrom(random), timeFrom(random), random.pick(zones)] as const;
      const expected = answers(Cron, ...asked);
      expect([...asked, ...answers(Built, ...asked)]).toEqual([...asked, ...expected]);
      seen.add(typeof expected.at(-1));
    }
  });
  // Times, that there is none, and errors, if there were many.
  const all = ["number", "string", "undefined"];
  expect(all.filter((answer) => fuzzSeeds >= 300 && !seen.has(answer))).toEqual([]);
});
