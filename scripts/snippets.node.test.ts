import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkSnippets, snippetsOf, type Page } from "./snippets.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const ambient = fileURLToPath(new URL("snippets-ambient.d.ts", import.meta.url));

const pages = globSync(["README.md", "docs/**/*.md", "packages/*/README.md"], { cwd: root })
  .map((path): Page => ({ path: path.replaceAll("\\", "/"), text: readFileSync(root + path, "utf8") }))
  .sort((a, b) => (a.path < b.path ? -1 : 1));

// The build comes first in `npm test` and in `npm run check`. Without one there is nothing to check against.
const built = ["agents", "ai-chat", "hono-agents"].every((name) => existsSync(`${root}packages/${name}/dist`));

describe.skipIf(!built)("the code in the documentation", () => {
  it("type-checks", { timeout: 60_000 }, async () => {
    expect(pages.flatMap(snippetsOf).length).toBeGreaterThan(50);
    expect(await checkSnippets(pages, ambient)).toEqual([]);
  });

  it("is told by page and line where it does not", { timeout: 60_000 }, async () => {
    const text = readFileSync(`${root}scripts/snippets-planted.md`, "utf8");
    const wrong = text.split("\n").flatMap((line, index) => (line.includes("// wrong") ? [index + 1] : []));
    expect(wrong.length).toBeGreaterThan(4);
    const errors = await checkSnippets([{ path: "planted.md", text }], ambient);
    const found = errors.map((error) => error.split(": ", 1)[0]);
    expect(new Set(found)).toEqual(new Set(wrong.map((line) => `planted.md:${line}`)));
  });
});
