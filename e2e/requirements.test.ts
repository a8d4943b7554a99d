import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { later, pages } from "./requirements.ts";

test("every file of requirements is a page that is listed", async () => {
  const files = await readdir(new URL("requirements/", import.meta.url));
  const names = files.map((name) => name.replace(/\.ts$/, "")).filter((name) => name !== "page");
  assert.deepEqual(Object.keys(pages).sort(), names.sort());
});

test("what is promised for later is not promised now, and belongs to a later issue", () => {
  for (const [page, ids] of Object.entries(later)) {
    for (const [id, issue] of Object.entries(ids)) {
      assert.equal(Object.hasOwn(pages[page] ?? {}, id), false, `${page}#${id} is in both`);
      assert.ok(issue >= 4, `${page}#${id}`);
    }
  }
});
