import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requirements, type Requirement } from "./requirements.ts";

const folder = join(import.meta.dirname, "scenarios");
const sources = globSync("*.test.ts", { cwd: folder }).map((file) => readFileSync(join(folder, file), "utf8"));
const cited = new Set(
  sources
    .flatMap((source) => [...source.matchAll(/scenario\(\s*\[([^\]]*)\]/g)])
    .flatMap(([, ids]) => [...ids!.matchAll(/"([^"]+)"/g)].map(([, id]) => id))
);

test("Every requirement is proved by a scenario", () => {
  assert.deepEqual(
    Object.keys(requirements).filter((id) => !cited.has(id)),
    []
  );
});

test("A known failure has a reason", () => {
  const all: Requirement[] = Object.values(requirements);
  for (const { knownFailure } of all) if (knownFailure !== undefined) assert.match(knownFailure, /\w+ \w+/);
});
