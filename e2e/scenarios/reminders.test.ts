import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, BrowserContext } from "playwright-core";
import { launch, openContext } from "../harness/browser.ts";
import { ChatPage } from "../harness/chat-page.ts";
import { Server } from "../harness/server.ts";

let server: Server;
let browser: Browser;
let context: BrowserContext;
let problems: string[];

before(async () => {
  // One after the other: whichever fails, the other is known, and is ended.
  server = await Server.start();
  browser = await launch();
  ({ context, problems } = await openContext(browser, { timezoneId: "Asia/Tokyo" }));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// proves starter#reminder
test("shows a reminder when it is due, everywhere, until it is dismissed", async () => {
  const here = await ChatPage.open(context, server.url, "due");
  const there = await ChatPage.open(context, server.url, "due");
  const answer = await here.ask("Remind me in 1 second to stretch");
  assert.match(answer, /I will remind you: Stretch/);
  await here.toolIs("scheduleReminder", "output-available");
  await here.reminder("Stretch").waitFor();
  await there.reminder("Stretch").waitFor();
  await here.reload();
  await here.reminder("Stretch").waitFor();
  assert.equal(await here.waitingReminders.count(), 0);
  await here.button("Dismiss Stretch").click();
  await here.reminder("Stretch").waitFor({ state: "detached" });
  await there.reminder("Stretch").waitFor({ state: "detached" });
  // What is asked after the page has loaded is answered after the list that it loads.
  await here.reload();
  await here.ask("hello");
  assert.equal(await here.reminder("Stretch").count(), 0);
});

// proves starter#reminder-repeats
test("lists a reminder that repeats, by the user's clock, and cancels it", async () => {
  const chat = await ChatPage.open(context, server.url, "daily");
  assert.match(
    await chat.ask("Remind me every day at 9 to write my journal"),
    /Write my journal, from .* at 09:00:00 on/
  );
  assert.match((await chat.tool("scheduleReminder").textContent()) ?? "", /T09:00:00\+09:00/);
  assert.match(await chat.waitingReminders.innerText(), /Write my journal\s+Every day, 09:00/);
  await chat.ask("Remind me tomorrow at 10 to call mom");
  await chat.reload();
  await chat.waitingReminders.nth(1).waitFor();
  assert.match(await chat.ask("What are my reminders?"), /Write my journal[^]*Call mom/);
  await chat.button("Cancel reminder: Write my journal").click();
  await chat.waitingReminders.nth(1).waitFor({ state: "detached" });
  assert.match(await chat.ask("Cancel the reminder to call mom"), /Cancelled:\s+Call mom/);
  await chat.waitingReminders.first().waitFor({ state: "detached" });
  assert.match(await chat.ask("What are my reminders?"), /There are no reminders/);
});

// proves starter#reminder-restart
test("shows a reminder that became due while the server was killed", async () => {
  const chat = await ChatPage.open(context, server.url, "killed", { liveReload: false });
  await chat.say("Remind me in 3 seconds to breathe");
  await chat.waitingReminders.first().waitFor();
  await chat.reload();
  await chat.waitingReminders.first().waitFor();
  await server.kill();
  await chat.disconnected();
  assert.equal(await chat.reminder("Breathe").count(), 0);
  await server.run();
  await chat.connected();
  await chat.reminder("Breathe").waitFor();
  await chat.waitingReminders.first().waitFor({ state: "detached" });
  await chat.page.close();
  const again = await ChatPage.open(context, server.url, "killed");
  await again.reminder("Breathe").waitFor();
  assert.equal(await again.reminder("Breathe").count(), 1);
});

test("logs no error", () => {
  assert.deepEqual(problems, []);
});
