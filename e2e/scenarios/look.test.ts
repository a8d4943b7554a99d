import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { violations } from "../harness/axe.ts";
import { launch, openContext } from "../harness/browser.ts";
import { ChatPage } from "../harness/chat-page.ts";
import { Server } from "../harness/server.ts";

let server: Server;
let browser: Browser;

before(async () => {
  // One after the other: whichever fails, the other is known, and is ended.
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const phone = { width: 390, height: 844 };
const looks: [string, BrowserContextOptions][] = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["light on a phone", { colorScheme: "light", viewport: phone }],
  ["dark on a phone", { colorScheme: "dark", viewport: phone }]
];

for (const [name, options] of looks) {
  // proves starter#accessible
  test(`has no serious violation, ${name}`, async () => {
    const { context } = await openContext(browser, options);
    const chat = await ChatPage.open(context, server.url, `axe-${name.replaceAll(" ", "-")}`);
    assert.deepEqual(await violations(chat.page), []);
    await chat.ask("What is the weather in Tokyo?");
    await chat.button("Answer again").click();
    await chat.version("2 of 2").waitFor();
    await chat.ask("Remind me every day at 9 to write my journal");
    await chat.ask("Remind me in 1 second to stretch");
    await chat.reminder("Stretch").waitFor();
    await chat.say("What is 5000 times 3?");
    await chat.button("Approve").waitFor();
    await chat.button("Edit message").first().click();
    assert.deepEqual(await violations(chat.page), []);
    const overflow = await chat.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    await context.close();
  });
}

// proves starter#accessible
test("can be used with the keyboard alone", async () => {
  const { context } = await openContext(browser);
  const chat = await ChatPage.open(context, server.url, "keyboard");
  await tabTo(chat.page, "Message");
  await chat.page.keyboard.type("What is 5000 times 3?");
  await chat.page.keyboard.press("Enter");
  await chat.button("Approve").waitFor();
  await tabTo(chat.page, "Approve");
  await chat.page.keyboard.press("Enter");
  await chat.lastContains("15000");
  await chat.answered();
  await tabTo(chat.page, "Edit message");
  await chat.page.keyboard.press("Enter");
  await chat.page.keyboard.press("ControlOrMeta+A");
  await chat.page.keyboard.type("Count to 9");
  await chat.page.keyboard.press("Enter");
  await chat.lastContains("every number up to 9");
  await chat.answered();
  await chat.version("2 of 2").waitFor();
  await tabTo(chat.page, "Previous version");
  await chat.page.keyboard.press("Enter");
  await chat.lastContains("15000");
  await context.close();
});

async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      return element?.getAttribute("aria-label") ?? element?.textContent?.trim() ?? "";
    });
    if (focused === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`"${name}" cannot be reached with the Tab key`);
}
