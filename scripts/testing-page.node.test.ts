import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(`${root}docs/agents/testing.md`, "utf8");
const blocks = [...page.matchAll(/^```ts\n(\/\/ ([\w./-]+)[^]*?)^```$/gm)].map(([, code, path]) => ({ code, path }));

// proves testing-your-agents#setup-examples
it.each(blocks)("$path of the page is the file of the example, which its verify.ts runs", ({ code, path }) => {
  const file = `${root}examples/testing/${path}`;
  expect(existsSync(file)).toBe(true);
  expect(code).toBe(readFileSync(file, "utf8"));
});

it("all code of the page is looked at", () => {
  expect([blocks.length, page.match(/^```ts$/gm)?.length]).toEqual([6, 6]);
});
