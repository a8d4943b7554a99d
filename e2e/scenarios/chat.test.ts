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
let foreign: string[];

before(async () => {
  // One after the other: whichever fails, the other is known, and is ended.
  server = await Server.start();
  browser = await launch();
  ({ context, problems, foreign } = await openContext(browser, { timezoneId: "Asia/Tokyo" }));
  // In a fresh clone the server finds out what pages need when the first one is open, and loads that again.
  const first = await ChatPage.open(context, server.url, "first");
  await first.page.close();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// proves starter#tool-server, configuration#vite-dev
test("asks the weather tool, shows it at work, and streams the answer", async () => {
  const chat = await ChatPage.open(context, server.url, "weather");
  await chat.say("What is the weather in Tokyo?");
  await chat.toolWas("getWeather", "input-available");
  await chat.toolIs("getWeather", "output-available");
  await chat.lastContains("It is");
  const early = await chat.lastText();
  await chat.answered();
  assert.ok((await chat.lastText()).length > early.length, "the answer grew while it was shown");
  assert.match(await chat.lastText(), /Tokyo/);
});

// proves starter#tool-client
test("asks the browser for its time zone", async () => {
  const chat = await ChatPage.open(context, server.url, "zone");
  assert.match(await chat.ask("What timezone am I in?"), /Asia\/Tokyo/);
});

// proves starter#tool-approval
test("calculates when it is approved", async () => {
  const chat = await ChatPage.open(context, server.url, "approve");
  await chat.say("What is 5000 times 3?");
  await chat.button("Approve").click();
  await chat.lastContains("15000");
  await chat.answered();
});

// proves starter#tool-approval
test("does not calculate when it is rejected, and says so", async () => {
  const chat = await ChatPage.open(context, server.url, "reject");
  await chat.say("What is 5000 times 3?");
  await chat.button("Reject").click();
  await chat.lastContains("declined");
  await chat.answered();
  assert.doesNotMatch(await chat.lastText(), /15000/);
  await chat.toolIs("calculate", "output-denied");
});

// proves starter#history
test("has the same messages in the same order after a reload", async () => {
  const chat = await ChatPage.open(context, server.url, "history");
  await chat.ask("hello");
  await chat.ask("What is the weather in Paris?");
  const before = [await chat.order(), await chat.messages.allInnerTexts()];
  await chat.reload();
  await chat.messages.nth(3).waitFor();
  assert.deepEqual([await chat.order(), await chat.messages.allInnerTexts()], before);
});

// proves starter#stop
test("keeps what was said, and goes on", async () => {
  const chat = await ChatPage.open(context, server.url, "stop");
  await chat.say("Count to 500");
  await chat.lastLongerThan(60);
  await chat.button("Stop").click();
  await chat.status("ready");
  const kept = textOf((await stored(server.url, "stop")).at(-1));
  assert.ok(kept.length > 10 && !kept.includes("500"), `kept: ${kept.slice(-40)}`);
  await chat.reload();
  await chat.messages.nth(1).waitFor();
  assert.match(await chat.ask("hello"), /\w/);
  assert.equal((await chat.order()).length, 4);
});

// proves starter#clear
test("empties the conversation everywhere", async () => {
  const here = await ChatPage.open(context, server.url, "clear");
  const there = await ChatPage.open(context, server.url, "clear");
  await here.ask("hello");
  await there.messages.nth(1).waitFor();
  await here.button("Clear history").click();
  await here.button("Delete messages").click();
  await here.messages.first().waitFor({ state: "detached" });
  await there.messages.first().waitFor({ state: "detached" });
  await here.reload();
  assert.equal(await here.messages.count(), 0);
  assert.deepEqual(await stored(server.url, "clear"), []);
});

// proves starter#tabs
test("shows messages and state in the other tab while they change", async () => {
  const one = await ChatPage.open(context, server.url, "tabs");
  const two = await ChatPage.open(context, server.url, "tabs");
  await one.say("Count to 200");
  await two.lastLongerThan(40);
  const middle = await two.lastText();
  const late = await ChatPage.open(context, server.url, "tabs");
  await late.lastLongerThan(middle.length);
  await one.answered();
  await two.answered();
  await late.answered();
  assert.deepEqual(await two.order(), await one.order());
  assert.deepEqual(await late.messages.allInnerTexts(), await one.messages.allInnerTexts());
  await one.page.getByRole("textbox", { name: "Shared notes" }).fill("from one");
  await two.page.waitForFunction(() =>
    [...document.querySelectorAll("textarea")].some(({ value }) => value === "from one")
  );
  await two.page.getByRole("radio", { name: "Fahrenheit" }).check();
  await one.page
    .locator('input[type="radio"]:checked')
    .and(one.page.getByRole("radio", { name: "Fahrenheit" }))
    .waitFor();
});

// proves starter#private
test("asks nobody but its own server, and logs no error", () => {
  assert.deepEqual(foreign, []);
  assert.deepEqual(problems, []);
});
