import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, BrowserContext } from "playwright-core";
import { launch, openContext } from "../harness/browser.ts";
import { ChatPage, stored, textOf } from "../harness/chat-page.ts";
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

/** What is said by whom: the first words of each message. */
const said = (chat: ChatPage): Promise<string[]> =>
  chat.messages.evaluateAll((elements) =>
    elements.map((element) => element.querySelector(".message-body")!.textContent.trim().slice(0, 20))
  );

async function edit(chat: ChatPage, nth: number, text: string): Promise<void> {
  await chat.button("Edit message").nth(nth).click();
  await chat.page.getByRole("textbox", { name: "Edited message" }).fill(text);
  await chat.page.keyboard.press("Enter");
}

// proves starter#edit
test("asks an edited question instead of the first, and what followed is gone, in all tabs", async () => {
  const chat = await ChatPage.open(context, server.url, "edit");
  const other = await ChatPage.open(context, server.url, "edit");
  await chat.ask("Count to 3");
  await chat.ask("Count to 4");
  await chat.ask("Count to 5");
  await edit(chat, 1, "Count to 44");
  await chat.lastContains("every number up to 44");
  await chat.answered();
  const shown = await said(chat);
  assert.deepEqual([shown[0], shown[2], shown.length], ["Count to 3", "Count to 44", 4]);
  await other.lastContains("every number up to 44");
  await other.answered();
  assert.deepEqual(await other.order(), await chat.order());
  await chat.reload();
  await chat.messages.nth(3).waitFor();
  assert.deepEqual(await said(chat), shown);
  const asked = (await stored(server.url, "edit")).filter(({ role }) => role === "user");
  assert.deepEqual(asked.map(textOf), ["Count to 3", "Count to 44"]);
});

// proves starter#edit
test("leaves a question as it was when its editing is cancelled, or changes nothing", async () => {
  const chat = await ChatPage.open(context, server.url, "unedited");
  await chat.ask("Count to 3");
  const before = await chat.order();
  for (const key of ["Escape", "Enter"]) {
    await chat.button("Edit message").click();
    if (key === "Escape") await chat.page.keyboard.type(" and more");
    await chat.page.keyboard.press(key);
    await chat.page.getByRole("textbox", { name: "Edited message" }).waitFor({ state: "detached" });
    assert.equal(await chat.page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Edit message");
  }
  assert.deepEqual(await chat.order(), before);
  assert.match((await said(chat))[0]!, /^Count to 3$/);
});

// proves starter#regenerate
test("answers again, with the first answer a step away", async () => {
  const chat = await ChatPage.open(context, server.url, "again");
  await chat.ask("Count to 30");
  const [question, first] = await chat.order();
  await chat.button("Answer again").click();
  await chat.page.locator(`[data-message-id="${first!.split(" ")[1]}"]`).waitFor({ state: "detached" });
  await chat.lastContains("every number up to 30");
  await chat.answered();
  const [sameQuestion, second] = await chat.order();
  assert.equal(sameQuestion, question);
  assert.notEqual(second, first);
  await chat.version("2 of 2").waitFor();
  await chat.button("Previous version").click();
  await chat.version("1 of 2").waitFor();
  assert.deepEqual(await chat.order(), [question, first]);
  assert.equal((await stored(server.url, "again"))[1]!.id, first!.split(" ")[1]);
});

// proves starter#branches
test("goes back to what was said before an edit, and forth, in all tabs and after a reload", async () => {
  const chat = await ChatPage.open(context, server.url, "branches");
  const other = await ChatPage.open(context, server.url, "branches");
  await chat.ask("Count to 3");
  await chat.ask("Count to 4");
  await edit(chat, 0, "Count to 7");
  await chat.lastContains("every number up to 7");
  await chat.answered();
  await edit(chat, 0, "Count to 8");
  await chat.lastContains("every number up to 8");
  await chat.answered();
  await chat.reload();
  await chat.version("3 of 3").waitFor();
  // With the keyboard: the focus stays with what was pressed, although it is another message then.
  await chat.button("Previous version").focus();
  await chat.page.keyboard.press("Enter");
  await chat.version("2 of 3").waitFor();
  await chat.page.keyboard.press("Enter");
  await chat.version("1 of 3").waitFor();
  await chat.messages.nth(3).waitFor();
  assert.deepEqual(
    (await said(chat)).filter((_, index) => index % 2 === 0),
    ["Count to 3", "Count to 4"]
  );
  await other.version("1 of 3").waitFor();
  await other.messages.nth(3).waitFor();
  assert.deepEqual(await other.order(), await chat.order());
  await other.button("Next version").click();
  await other.button("Next version").click();
  await chat.version("3 of 3").waitFor();
  assert.equal((await said(chat))[0], "Count to 8");
  assert.equal((await chat.order()).length, 2);
  assert.match(await chat.ask("Count to 9"), /9/);
});

test("logs no error", () => {
  assert.deepEqual(problems, []);
});
