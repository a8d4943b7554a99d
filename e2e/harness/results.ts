// A reporter of node:test that leaves what the JSON reporter of vitest leaves, for `scripts/requirements.ts`.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TestEvent } from "node:test/reporters";

const folder = fileURLToPath(new URL("../../test-results/", import.meta.url));

// oxlint-disable-next-line require-yield -- nothing of it is for the screen.
export default async function* results(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const startTime = Date.now();
  const byFile = new Map<string, { ancestorTitles: string[]; title: string; status: string }[]>();
  const path: string[] = [];
  for await (const { type, data } of source) {
    if (type === "test:start") path.splice(data.nesting, Infinity, data.name);
    if ((type !== "test:pass" && type !== "test:fail") || !data.file) continue;
    const tests = byFile.get(data.file) ?? [];
    byFile.set(data.file, tests);
    const leftOut = data.skip !== undefined || data.todo !== undefined;
    const status = leftOut ? "skipped" : type === "test:pass" ? "passed" : "failed";
    tests.push({ ancestorTitles: path.slice(0, data.nesting), title: data.name, status });
  }
  const testResults = [...byFile].map(([name, assertionResults]) => ({ name, assertionResults }));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}e2e.json`, JSON.stringify({ startTime, testResults }));
}
