// Takes the pictures of the documentation: `npm run screenshots --workspace e2e`.
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions } from "playwright-core";
import { launch, openContext } from "./harness/browser.ts";
import { ChatPage } from "./harness/chat-page.ts";
import { Server } from "./harness/server.ts";

const folder = fileURLToPath(new URL("../docs/screenshots/", import.meta.url));
const phone = { width: 390, height: 844 };

async function talk(chat: ChatPage): Promise<void> {
  await chat.ask("What is the weather in Tokyo?");
  await chat.ask("What timezone am I in?");
}

async function waitForApproval(chat: ChatPage): Promise<void> {
  await chat.say("What is 5000 times 3?");
  await chat.button("Approve").waitFor();
}

async function editAndAnswerAgain(chat: ChatPage): Promise<void> {
  await chat.ask("What is the weather in Tokyo?");
  await chat.button("Answer again").click();
  await chat.version("2 of 2").waitFor();
  await chat.button("Edit message").click();
}

async function remind(chat: ChatPage): Promise<void> {
  await chat.ask("Remind me every day at 9 to write my journal");
  await chat.ask("Remind me in 1 second to stretch");
  await chat.reminder("Stretch").waitFor();
}

const pictures: [string, BrowserContextOptions, (chat: ChatPage) => Promise<void>][] = [
  ["chat-light", { colorScheme: "light" }, talk],
  ["chat-dark", { colorScheme: "dark" }, talk],
  ["chat-phone", { colorScheme: "light", viewport: phone }, talk],
  ["approval", { colorScheme: "light" }, waitForApproval],
  ["approval-phone-dark", { colorScheme: "dark", viewport: phone }, waitForApproval],
  ["edit", { colorScheme: "light" }, editAndAnswerAgain],
  ["edit-phone-dark", { colorScheme: "dark", viewport: phone, hasTouch: true, isMobile: true }, editAndAnswerAgain],
  ["reminder", { colorScheme: "light" }, remind],
  ["reminder-phone-dark", { colorScheme: "dark", viewport: phone }, remind],
  ["empty", { colorScheme: "light" }, async () => {}]
];

const [server, browser] = await Promise.all([Server.start(), launch()]);
try {
  for (const [name, options, act] of pictures) {
    const { context } = await openContext(browser, { timezoneId: "Europe/Berlin", ...options });
    const chat = await ChatPage.open(context, server.url, name);
    await act(chat);
    // Settled: what the page animates is over.
    await chat.page.evaluate(() =>
      Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined)))
    );
    await chat.page.screenshot({ path: `${folder}${name}.png` });
    await context.close();
  }
} finally {
  await browser.close();
  await server.stop();
}
