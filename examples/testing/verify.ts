// Runs the tests of this example, and fails if one of them does: node verify.ts
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const vitest = createRequire(import.meta.url).resolve("vitest/package.json");
const { status, stdout, stderr } = spawnSync(process.execPath, [join(dirname(vitest), "vitest.mjs"), "run"], {
  cwd: import.meta.dirname,
  env: { ...process.env, NO_COLOR: "1" },
  encoding: "utf8"
});
assert.equal(status, 0, stdout + stderr);
const [, passed] = /Tests\s+(\d+) passed/.exec(stdout) ?? [];
assert.ok(Number(passed) >= 9, stdout);
console.log(`${passed} tests of agents have passed.`);
