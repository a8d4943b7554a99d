import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { scenario } from "../harness/scenario.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const wide = { width: 1280, height: 800 };
const narrow = { width: 390, height: 844 };

const everything = [
  "Say: ## A heading",
  "Some **text** with `code` and a [link](https://example.com).",
  "1. One\n2. Two",
  "> A quotation",
  "| City | °C |\n| --- | --- |\n| Tokyo | 18 |",
  "```ts\nconst answer = 42;\n```"
].join("\n\n");

scenario(["accessible-page"], "Axe finds nothing serious, in light and dark, wide and narrow", async (stage) => {
  const tab = await stage.tab({ context: await stage.browser({ reducedMotion: "reduce" }) });
  const { page } = tab;
  await looksGood(page, "empty");

  await tab.askAndWait(everything);
  await tab.askAndWait("What is the weather in Tokyo?", /It is .* in Tokyo/);
  await tab.tool("getWeather").locator("summary").click();
  await looksGood(page, "chat");

  await tab.ask("Simulate an error for axe");
  await page.getByRole("alert").waitFor();
  await looksGood(page, "error");

  await tab.ask("What is 5000 times 3?");
  await tab.approval.waitFor();
  await tab.status("ready");
  await looksGood(page, "approval");

  await tab.button("Clear history").click();
  await page.getByRole("dialog", { name: "Clear this conversation?" }).waitFor();
  await looksGood(page, "dialog");
  await tab.button("Cancel").click();

  await page.setViewportSize(narrow);
  await tab.button("Preferences").click();
  await tab.preferences.waitFor();
  await looksGood(page, "preferences", [narrow]);
});

scenario(["keyboard-only", "tool-approval"], "Everything works with the keyboard", async (stage) => {
  const tab = await stage.tab();
  const { keyboard } = tab.page;
  // The page is ready to type.
  await keyboard.type("What is 5000 times 3?");
  await keyboard.press("Enter");
  await tab.approval.waitFor();
  await tab.status("ready");
  await walkTo(tab.page, "Approve", "Shift+Tab");
  await keyboard.press("Enter");
  assert.match(await tab.answer(/=/), /15,?000/);

  await keyboard.type("Tell me a long story");
  await keyboard.press("Enter");
  await tab.answerHas("lighthouse");
  await walkTo(tab.page, "Stop", "Tab");
  await keyboard.press("Enter");
  await tab.status("ready");

  await walkTo(tab.page, "Clear history", "Shift+Tab");
  await keyboard.press("Enter");
  await walkTo(tab.page, "Delete messages", "Tab");
  await keyboard.press("Enter");
  await tab.page.getByRole("heading", { name: "What would you like to know?" }).waitFor();
  await keyboard.type("Hello");
  await keyboard.press("Enter");
  assert.match(await tab.answer(), /^Hello!/);
});

interface AxeResults {
  violations: { id: string; impact: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[];
}

async function looksGood(page: Page, when: string, viewports = [wide, narrow]): Promise<void> {
  await page.evaluate(axe);
  for (const viewport of viewports) {
    await page.setViewportSize(viewport);
    assert.ok(await fits(page), `${when}: nothing makes a page of ${viewport.width} pixels scroll sideways`);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await seriousProblems(page), [], `${when}, ${colorScheme}, ${viewport.width} pixels wide`);
    }
  }
}

async function seriousProblems(page: Page): Promise<string[]> {
  // Colours on their way from one theme to the other are no colours of either.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)));
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run()
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => {
      const places = nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`);
      return [`${id}: ${help}`, ...places].join("\n");
    });
}

const fits = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

/** Presses a key until the element with this name has the focus, and can be seen to have it. */
async function walkTo(page: Page, name: string, key: string): Promise<void> {
  const focus = page.locator(":focus");
  for (let step = 0; step < 30; step++) {
    const label =
      (await focus.count()) === 0 ? "" : ((await focus.getAttribute("aria-label")) ?? (await focus.innerText()));
    if (label === name) {
      const outline = await focus.evaluate((element) => getComputedStyle(element).outlineStyle);
      return assert.notEqual(outline, "none", `${name} shows that it has the focus`);
    }
    await page.keyboard.press(key);
  }
  assert.fail(`${key} does not lead to “${name}”`);
}
