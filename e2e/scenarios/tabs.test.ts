import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launch, openContext } from "../harness/browser.ts";
import { ChatPage, stored, textOf } from "../harness/chat-page.ts";
import { Network } from "../harness/network.ts";
import { Server } from "../harness/server.ts";

let server: Server;
let browser: Browser;
let context: BrowserContext;

before(async () => {
  // One after the other: whichever fails, the other is known, and is ended.
  server = await Server.start();
  browser = await launch();
  ({ context } = await openContext(browser));
  // In a fresh clone the server finds out what pages need when the first one is open, and loads that again.
  const first = await ChatPage.open(context, server.url, "first");
  await first.page.close();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

declare global {
  interface Window {
    /** All that the last message has been. */
    texts: string[];
  }
}

/** Remembers each text that an answer has while it is shown. */
const rememberTexts = (page: Page) =>
  page.evaluate(() => {
    window.texts = [];
    new MutationObserver(() => {
      const text = [...document.querySelectorAll(".message-assistant .prose")].at(-1)?.textContent ?? "";
      if (text !== window.texts.at(-1)) window.texts.push(text);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });

const normal = (text: string): string => text.replace(/\s+/g, " ").trim();
const shownAnswer = async (chat: ChatPage): Promise<string> =>
  normal(await chat.page.locator(".message-assistant .prose").last().innerText());

// proves starter#tabs
test("streams the same answer into two tabs, to the letter", async () => {
  const one = await ChatPage.open(context, server.url, "letters");
  const two = await ChatPage.open(context, server.url, "letters");
  await rememberTexts(one.page);
  await rememberTexts(two.page);
  await one.say("Count to 100");
  await one.answered();
  await two.answered();
  const text = normal(textOf((await stored(server.url, "letters")).at(-1)));
  for (const { page } of [one, two]) {
    const texts = (await page.evaluate(() => window.texts)).map(normal).filter(Boolean);
    assert.ok(texts.length > 10, `${texts.length} steps`);
    assert.equal(texts.at(-1), text);
    // Nothing that was shown was ever taken back.
    assert.deepEqual(
      texts.filter((shown) => !text.startsWith(shown)),
      []
    );
  }
});

// proves starter#offline-minute
test("has all of an answer after a minute without a network in the middle of it", async () => {
  const { context: elsewhere } = await openContext(browser);
  const watcher = await ChatPage.open(elsewhere, server.url, "minute");
  const page = await context.newPage();
  const network = await Network.of(page);
  // The page's clock, so that a minute can pass.
  await page.clock.install();
  await page.goto(`${server.url}/?chat=minute`);
  const chat = new ChatPage(page);
  await chat.connected();
  await chat.say("Count to 800");
  await chat.lastLongerThan(200);

  await network.goDown();
  // It does not answer a ping, and no new connection comes about.
  await page.clock.fastForward(30_000);
  await page.clock.fastForward(15_000);
  await chat.disconnected();
  await page.clock.fastForward(15_000);
  const shown = await shownAnswer(chat);
  await watcher.lastLongerThan(shown.length + 500);
  assert.equal(await shownAnswer(chat), shown);

  await network.comeBack();
  await chat.connected();
  await chat.lastLongerThan(shown.length + 200);
  await chat.status("streaming");
  await chat.answered();
  await watcher.answered();
  const text = normal(textOf((await stored(server.url, "minute")).at(-1)));
  assert.match(text, /1, 2, 3, .*799, 800\. That was every number/);
  assert.equal(await shownAnswer(chat), text);
  assert.equal(await shownAnswer(watcher), text);
  assert.deepEqual(await chat.order(), await watcher.order());
  await elsewhere.close();
});

// proves starter#offline-minute
test("sends what was said without a network when there is one again, once", async () => {
  const page = await context.newPage();
  const network = await Network.of(page);
  await page.clock.install();
  await page.goto(`${server.url}/?chat=unsent`);
  const chat = new ChatPage(page);
  await chat.connected();
  await network.goDown();
  await chat.say("Count to 3");
  await chat.status("submitted");
  await page.clock.fastForward(60_000);
  await page.clock.fastForward(30_000);
  await chat.disconnected();
  await network.comeBack();
  await chat.connected();
  await chat.answered();
  const messages = await stored(server.url, "unsent");
  assert.deepEqual(
    messages.map(({ role, id }) => `${role} ${id}`),
    await chat.order()
  );
  assert.equal(messages.length, 2);
});
