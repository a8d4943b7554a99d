import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

interface Axe {
  run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
}

let script: Promise<string> | undefined;

/** Serious violations of what makes a page accessible, as text. */
export async function violations(page: Page): Promise<string[]> {
  script ??= readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(await script);
  const found = await page.evaluate(() =>
    (window as unknown as { axe: Axe }).axe.run().then(({ violations }) => violations)
  );
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}
