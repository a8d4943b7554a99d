import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { requirements } from "./requirements.ts";

test("every requirement is proved by a scenario, and every scenario cites known requirements", async () => {
  const folder = new URL("scenarios/", import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".test.ts"));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), "utf8")));
  const cited = new Set(
    texts.flatMap((text) => [...text.matchAll(/test\(\s*["'`]\[([a-z-]+)\]/g)].map((match) => match[1]!))
  );
  assert.deepEqual([...cited].sort(), Object.keys(requirements).sort());
});
