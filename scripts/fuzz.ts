// `npm run fuzz`: the property tests, with many seeds that nobody has tried.
//   npm run fuzz                           10,000 seeds, from a random one on
//   npm run fuzz -- --seeds 500 converge   fewer, and only in files with this in their path
//   npm run fuzz -- --seed 42              this one, as a failure says it
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  options: { seed: { type: "string" }, seeds: { type: "string" } },
  allowPositionals: true
});
const seeds = Number(values.seeds ?? (values.seed === undefined ? 10_000 : 1));
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(Number.isSafeInteger(seeds) && seeds > 0 && Number.isSafeInteger(first) && first >= 0)) {
  throw new Error(`--seeds and --seed are whole numbers, got ${values.seeds} and ${values.seed}`);
}

const files = globSync("packages/*/src/**/*.test.ts")
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .filter((file) => readFileSync(file, "utf8").includes("eachSeed("));

console.log(`${seeds} seeds from ${first} on`);
const only = ["--project", "!browser", "--testNamePattern", "seeds.$", "--hideSkippedTests", ...files];
const { status } = spawnSync("vitest", ["run", ...only], {
  env: {
    ...process.env,
    PATH: [resolve("node_modules/.bin"), process.env.PATH].join(delimiter),
    FUZZ_SEEDS: String(seeds),
    FUZZ_SEED: String(first)
  },
  stdio: "inherit",
  shell: process.platform === "win32"
});
process.exitCode = status ?? 1;
