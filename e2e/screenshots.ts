// Takes the pictures of the documentation: `npm run screenshots --workspace e2e`.
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions } from "playwright-core";
import { closeBrowser, newContext } from "./harness/browser.ts";
import { ChatTab } from "./harness/chat-tab.ts";
import { Server } from "./harness/server.ts";

const folder = fileURLToPath(new URL("../docs/screenshots/", import.meta.url));
const desktop = { viewport: { width: 1280, height: 900 } };
const phone = { viewport: { width: 390, height: 844 } };
const seen = async () => {};

const pictures: [name: string, chat: string, options: BrowserContextOptions, act: (tab: ChatTab) => Promise<void>][] = [
  ["empty", "default", desktop, seen],
  ["chat-light", "default", desktop, talk],
  ["chat-dark", "default", { ...desktop, colorScheme: "dark" }, seen],
  ["chat-phone", "default", phone, seen],
  ["tool-running", "cities", desktop, runTools],
  ["approval", "sums", desktop, waitForApproval],
  ["approval-phone-dark", "sums", { ...phone, colorScheme: "dark" }, seen]
];

async function talk(tab: ChatTab): Promise<void> {
  await tab.askAndWait("What is the weather in Tokyo?", /It is .* in Tokyo/);
  await tab.askAndWait("What timezone am I in?", /where it is now/);
}

async function runTools(tab: ChatTab): Promise<void> {
  await tab.askAndWait("Hello");
  await tab.ask("What is the weather in Tokyo, Paris and Nairobi?");
  await tab.tool("getWeather", "input-available").nth(2).waitFor();
}

async function waitForApproval(tab: ChatTab): Promise<void> {
  await tab.askAndWait("What is the weather in Tokyo?", /It is .* in Tokyo/);
  await tab.ask("What is 5000 times 3?");
  await tab.approval.waitFor();
  await tab.status("ready");
}

const server = await Server.start();
try {
  for (const [name, chat, options, act] of pictures) {
    const context = await newContext({ timezoneId: "Europe/Berlin", reducedMotion: "reduce", ...options });
    const tab = await ChatTab.open(context, server.url, chat);
    await tab.page.getByTestId("model-badge").waitFor();
    await act(tab);
    await tab.page.screenshot({ path: `${folder}${name}.png` });
    await context.close();
  }
} finally {
  await closeBrowser();
  await server.stop();
}
