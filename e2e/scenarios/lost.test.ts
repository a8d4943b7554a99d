import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, BrowserContext } from "playwright-core";
import { launch, openContext } from "../harness/browser.ts";
import { ChatPage, stored, textOf } from "../harness/chat-page.ts";
import { Server } from "../harness/server.ts";

let server: Server;
let browser: Browser;
let context: BrowserContext;

before(async () => {
  // One after the other: whichever fails, the other is known, and is ended.
  server = await Server.start();
  browser = await launch();
  ({ context } = await openContext(browser));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const story = "Tell me a long story";

// proves starter#resume
test("goes on after a reload in the middle of a stream, to the letter", async () => {
  const whole = await ChatPage.open(context, server.url, "whole");
  const cut = await ChatPage.open(context, server.url, "cut");
  await cut.say(story);
  await whole.say(story);
  await cut.lastLongerThan(100);
  await cut.reload();
  await cut.lastLongerThan(300);
  await cut.reload();
  await cut.answered();
  await whole.answered();
  assert.equal(await cut.lastText(), await whole.lastText());
  assert.equal(textOf((await stored(server.url, "cut")).at(-1)), textOf((await stored(server.url, "whole")).at(-1)));
  assert.equal(await cut.messages.count(), 2);
});

// proves starter#offline
test("finds a lost connection again in the middle of an answer", async () => {
  const page = await context.newPage();
  const sockets: { close(options: { code: number; reason: string }): Promise<void> }[] = [];
  // Between the page and the server, so that the connection can be cut.
  await page.routeWebSocket(/\/agents\//, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  await page.goto(`${server.url}/?chat=offline`);
  const chat = new ChatPage(page);
  await chat.connected();
  await chat.say("Count to 300");
  await chat.lastLongerThan(100);
  await sockets.at(-1)!.close({ code: 1001, reason: "going away" });
  await chat.disconnected();
  await chat.connected();
  await chat.answered();
  const text = textOf((await stored(server.url, "offline")).at(-1));
  assert.match(text, /300/);
  assert.equal(normal(await chat.lastText()).includes("299"), true);
  assert.equal(await chat.messages.count(), 2);
  const numbers = normal(await chat.lastText())
    .match(/\b\d+\b/g)!
    .map(Number);
  const counted = numbers.slice(numbers.indexOf(1));
  assert.deepEqual(
    counted.slice(0, 300),
    Array.from({ length: 300 }, (_, index) => index + 1)
  );
});

// proves starter#restart
test("has its history after the server was killed, and reconnects by itself", async () => {
  const chat = await ChatPage.open(context, server.url, "restart", { liveReload: false });
  await chat.ask("hello");
  const order = await chat.order();
  await server.kill();
  await chat.disconnected();
  await server.run();
  await chat.connected();
  assert.deepEqual(await chat.order(), order);
  await chat.ask("What is the weather in Oslo?");
  await chat.reload();
  await chat.messages.nth(3).waitFor();
  assert.deepEqual((await chat.order()).slice(0, 2), order);
});

// proves starter#restart-stream
test("answers again what was cut, until it is stopped, and goes on", async () => {
  const chat = await ChatPage.open(context, server.url, "cut-off", { liveReload: false });
  await chat.say("Count to 2000");
  await chat.lastLongerThan(200);
  await server.kill();
  await chat.disconnected();
  await server.run();
  await chat.connected();
  await chat.status("streaming");
  await chat.lastLongerThan(200);
  await chat.button("Stop").click();
  await chat.status("ready");
  assert.match(await chat.ask("What is the weather in Rome?"), /Rome/);
  const messages = await stored(server.url, "cut-off");
  assert.deepEqual(messages.filter(({ role }) => role === "user").map(textOf), [
    "Count to 2000",
    "What is the weather in Rome?"
  ]);
});

// proves starter#restart-approval
test("still waits for approval after a reload and a restart", async () => {
  const chat = await ChatPage.open(context, server.url, "waiting", { liveReload: false });
  await chat.say("What is 7000 times 2?");
  await chat.button("Approve").waitFor();
  await chat.reload();
  await chat.button("Approve").waitFor();
  await server.kill();
  await chat.disconnected();
  await server.run();
  await chat.connected();
  await chat.button("Approve").click();
  await chat.lastContains("14000");
  await chat.answered();
});

const normal = (text: string): string => text.replace(/\s+/g, " ");
