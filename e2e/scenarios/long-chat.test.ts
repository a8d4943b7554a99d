import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launch, openContext } from "../harness/browser.ts";
import { ChatPage } from "../harness/chat-page.ts";
import { conversation, seed } from "../harness/seed.ts";
import { Server } from "../harness/server.ts";

let server: Server;
let browser: Browser;
let context: BrowserContext;
let problems: string[];

before(async () => {
  // One after the other: whichever fails, the other is known, and is ended.
  server = await Server.start();
  browser = await launch();
  ({ context, problems } = await openContext(browser));
  // In a fresh clone the server finds out what pages need when the first one is open, and loads that again.
  const first = await ChatPage.open(context, server.url, "first");
  await first.page.close();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a chat, and counts the messages of the conversation that its page is sent. */
async function openCounting(name: string): Promise<{ chat: ChatPage; loaded: () => Promise<number> }> {
  const page = await context.newPage();
  let loaded = 0;
  page.on("websocket", (socket) => {
    socket.on("framereceived", ({ payload }) => {
      if (!/^\{"type":"cf_agent_chat_(snapshot|page)"/.test(String(payload))) return;
      loaded += String(payload).match(/"role":"(user|assistant)"/g)?.length ?? 0;
    });
  });
  await page.goto(`${server.url}/?chat=${name}`);
  const chat = new ChatPage(page);
  await chat.connected();
  return { chat, loaded: async () => loaded };
}

const message = (page: Page, id: string) => page.locator(`[data-message-id="${id}"]`);

/** The messages that are there, and the first that is in view: `read`, so many pixels below the edge. */
const look = (page: Page) =>
  page.evaluate(() => {
    const box = document.querySelector(".log")!;
    const edge = box.getBoundingClientRect().top;
    const messages = [...box.querySelectorAll<HTMLElement>(".message")];
    const places = messages.map((each) => ({
      id: each.dataset.messageId!,
      top: each.getBoundingClientRect().top - edge
    }));
    const index = messages.findIndex((each) => each.getBoundingClientRect().bottom > edge);
    return { places, read: places[index]!, isAtTop: box.scrollTop === 0 && !document.querySelector(".earlier") };
  });

const numbersOf = (places: { id: string }[]): number[] =>
  places.flatMap(({ id }) => (/^m\d+$/.test(id) ? [Number(id.slice(1))] : []));

/**
 * Scrolls up, and resolves when all is shown that two frames bring about.
 *
 * @returns how far it went: not beyond the top of what is loaded
 */
const scrollUp = (page: Page, px: number) =>
  page.evaluate(async (top) => {
    const box = document.querySelector(".log")!;
    const before = box.scrollTop;
    box.scrollBy({ top });
    const distance = before - box.scrollTop;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return distance;
  }, -px);

// proves starter#long
test("shows the end of ten thousand messages, and loads no more than that", async () => {
  await seed(server.url, "long", conversation(10_000));
  const { chat, loaded } = await openCounting("long");
  await message(chat.page, "m9999").waitFor();
  assert.equal(
    await message(chat.page, "m9999").evaluate((last) => last.getBoundingClientRect().bottom < innerHeight),
    true
  );
  await chat.page.getByRole("textbox", { name: "Message" }).fill("Count to 20");
  await chat.page.keyboard.press("Enter");
  await chat.lastContains("every number up to 20");
  await chat.answered();
  assert.equal(await loaded(), 100);
  assert.ok((await chat.messages.count()) < 60, "what is far from view is not there");
});

// proves starter#long
test("loads earlier messages as one scrolls up, each once, and what is read keeps its place, also while an answer is given", async () => {
  const length = 600;
  await seed(server.url, "scrolled", conversation(length));
  const { chat, loaded } = await openCounting("scrolled");
  const { page } = chat;
  await message(page, `m${length - 1}`).waitFor();
  await page.getByRole("textbox", { name: "Message" }).fill("Count to 600");
  await page.keyboard.press("Enter");
  await chat.lastLongerThan(100);
  const seen: number[] = [];
  for (let before = await look(page); !before.isAtTop;) {
    seen.push(...numbersOf(before.places));
    const distance = await scrollUp(page, 300);
    const after = await look(page);
    const read = after.places.find(({ id }) => id === before.read.id);
    const moved = (read?.top ?? Number.NaN) - before.read.top;
    assert.ok(Math.abs(moved - distance) < 2, `${before.read.id} moved by ${moved} instead of ${distance} px`);
    if (after.isAtTop) seen.push(...numbersOf(after.places));
    before = after;
  }
  assert.deepEqual(
    [...new Set(seen)].sort((a, b) => a - b),
    Array.from({ length }, (_, index) => index)
  );
  assert.equal(await loaded(), length);
  await chat.button("Jump to latest").click();
  await chat.lastContains("every number up to 600");
  await chat.answered();
});

test("logs no error", () => {
  assert.deepEqual(problems, []);
});
