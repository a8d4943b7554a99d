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

const numbersOf = (places: { id: string }[]): number[] =>
  places.flatMap(({ id }) => (/^m\d+$/.test(id) ? [Number(id.slice(1))] : []));

/**
 * Scrolls up, and waits until all is shown that two frames bring about. All in one go: an answer that grows moves what is in view as
 * long as nobody has scrolled up.
 *
 * @returns how far it went (not beyond the top of what is loaded), and before and after it the messages that are there, and of which
 * something was in view first
 */
const scrollUp = (page: Page, px: number) =>
  page.evaluate(async (distancePx) => {
    const box = document.querySelector(".log")!;
    const edge = box.getBoundingClientRect().top;
    const look = () => {
      const places = [...box.querySelectorAll<HTMLElement>(".message")].map((each) => {
        const { top, bottom } = each.getBoundingClientRect();
        return { id: each.dataset.messageId!, top, bottom };
      });
      return { places, read: places.find(({ bottom }) => bottom > edge)! };
    };
    // As it is painted: the page puts its place right when it is told of new sizes, just before.
    const painted = () =>
      new Promise<ReturnType<typeof look>>((resolve) => {
        const sizes = new ResizeObserver(() => {
          sizes.disconnect();
          resolve(look());
        });
        sizes.observe(box.firstElementChild!);
      });
    const before = await painted();
    const top = box.scrollTop;
    box.scrollBy({ top: -distancePx });
    const distance = top - box.scrollTop;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const after = await painted();
    const isAtTop = box.scrollTop === 0 && !document.querySelector(".earlier");
    return { before, distance, after, isAtTop };
  }, px);

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
  for (let isAtTop = false; !isAtTop;) {
    const step = await scrollUp(page, 300);
    const { read } = step.before;
    const { top = Number.NaN } = step.after.places.find(({ id }) => id === read.id) ?? {};
    const moved = top - read.top;
    assert.ok(Math.abs(moved - step.distance) < 2, `${read.id} moved by ${moved} instead of ${step.distance} px`);
    seen.push(...numbersOf(step.before.places), ...numbersOf(step.after.places));
    isAtTop = step.isAtTop;
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

/** Runs in the page, before anything else there: what it is sent of earlier messages waits to be let through. */
function holdPages(): void {
  window.heldPages = [];
  const { addEventListener } = WebSocket.prototype;
  WebSocket.prototype.addEventListener = function (type: string, listener: (event: Event) => void, options?: object) {
    const held = (event: Event) => {
      const hear = () => listener.call(this, event);
      const isPage = event instanceof MessageEvent && String(event.data).startsWith('{"type":"cf_agent_chat_page"');
      if (isPage) window.heldPages.push(hear);
      else hear();
    };
    addEventListener.call(this, type, held, options);
  };
}

declare global {
  interface Window {
    heldPages: (() => void)[];
  }
}

// proves starter#long
test("keeps what is read in its place when earlier messages come before the page is told of a scroll to its top", async () => {
  await seed(server.url, "held", conversation(300));
  const page = await context.newPage();
  await page.addInitScript(holdPages);
  await page.goto(`${server.url}/?chat=held`);
  await message(page, "m299").waitFor();
  await page.evaluate(() => document.querySelector(".log")!.scrollTo({ top: 300 }));
  await page.waitForFunction(() => window.heldPages.length === 1);
  await message(page, "m200").waitFor();
  const moved = await page.evaluate(async () => {
    const box = document.querySelector(".log")!;
    const edge = box.getBoundingClientRect().top;
    const read = [...box.querySelectorAll(".message")].find((each) => each.getBoundingClientRect().bottom > edge)!;
    const { top } = read.getBoundingClientRect();
    const distance = box.scrollTop;
    const groups = () => box.querySelectorAll(".message-group").length;
    const before = groups();
    box.scrollTo({ top: 0 });
    window.heldPages.shift()!();
    // Without a frame between: that would tell the page of the scroll.
    const channel = new MessageChannel();
    while (groups() === before) {
      await new Promise((resolve) => {
        channel.port1.onmessage = resolve;
        channel.port2.postMessage(undefined);
      });
    }
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
    // As it is painted.
    await new Promise((resolve) => new ResizeObserver(resolve).observe(box.firstElementChild!));
    return { by: read.getBoundingClientRect().top - top, distance, isThere: read.isConnected };
  });
  assert.equal(moved.isThere, true);
  assert.ok(Math.abs(moved.by - moved.distance) < 2, `moved by ${moved.by} instead of ${moved.distance} px`);
  await page.close();
});

test("logs no error", () => {
  assert.deepEqual(problems, []);
});
