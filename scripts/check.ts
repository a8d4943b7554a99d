// `npm run check`: everything that can be said about the code without running it. One line for each step; the whole
// output of a step that fails.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { performance } from "node:perf_hooks";

// As in an npm script, also when this file is run by hand.
process.env.PATH = [resolve("node_modules/.bin"), process.env.PATH].join(delimiter);

const published = readdirSync("packages")
  .map((folder) => `packages/${folder}`)
  .filter((folder) => !JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).private);

const steps: [name: string, command: string[], folder?: string][] = [
  ["format", ["oxfmt", "--check", "."]],
  ["build", ["npm", "run", "build"]],
  // Some rules look at types, and one package's types come from the build of another.
  ["lint", ["oxlint", "--deny-warnings"]],
  ["types", ["npm", "run", "types"]],
  ["requirements", ["node", "scripts/requirements.ts"]],
  ["unused code", ["knip", "--no-progress", "--no-config-hints"]],
  ["imports", ["vitest", "run", "--project", "node", "scripts/imports.node.test.ts"]],
  ...published.flatMap((folder): typeof steps => [
    [`exports of ${folder}`, ["publint", "run", "--strict", "--pack", "npm"], folder],
    [`types of ${folder}`, ["attw", "--pack", ".", "--profile", "esm-only"], folder]
  ])
];

const failed = steps.filter(([name, [command, ...args], folder]) => !passes(name, command!, args, folder));
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.map(([name]) => name).join(", ")}`);
  process.exitCode = 1;
}

function passes(name: string, command: string, args: string[], folder = "."): boolean {
  const start = performance.now();
  // On Windows these are .cmd files, which only a shell runs. No argument here has a space or a special character.
  const shell = process.platform === "win32";
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: "utf8", shell });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (status === 0) return true;
  console.error(`${stdout}${stderr}${error?.message ?? ""}`);
  return false;
}
