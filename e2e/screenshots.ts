// Takes the pictures of the documentation: `npm run screenshots --workspace e2e`.
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";
import { launch, openContext } from "./harness/browser.ts";
import { ChatPage } from "./harness/chat-page.ts";
import { Server, toolboxApp } from "./harness/server.ts";
import { ToolboxPage } from "./harness/toolbox-page.ts";
import { allow, ToolServers } from "./harness/tool-servers.ts";

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

/** Three servers: one to sign in at, one that does not answer, and the one whose tool was called. */
async function addServers(toolbox: ToolboxPage, { openHost, closedHost }: ToolServers): Promise<void> {
  await toolbox.add("Notebook", `http://${closedHost}/notebook`, "authenticating");
  await allow(await toolbox.signIn());
  await toolbox.is("Notebook", "ready");
  await toolbox.add("Greeter", `http://${closedHost}/mcp`, "authenticating");
  await toolbox.add("Temperatures", `http://${openHost}/mcp`, "ready");
  await toolbox.use("convert", '{\n  "kelvin": 300,\n  "unit": "celsius"\n}');
}

const toolboxPictures: [string, BrowserContextOptions, (toolbox: ToolboxPage) => Promise<void>][] = [
  ["mcp-client", { colorScheme: "light" }, async () => {}],
  ["mcp-client-sign-in-dark", { colorScheme: "dark" }, (toolbox) => toolbox.choose("Greeter")],
  ["mcp-client-phone-dark", { colorScheme: "dark", viewport: phone }, (toolbox) => toolbox.choose("Temperatures")]
];

/** Settled: what the page animates is over. */
async function shoot(page: Page, name: string): Promise<void> {
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined)))
  );
  await page.screenshot({ path: `${folder}${name}.png` });
}

const browser = await launch();
const chats = await Server.start();
try {
  for (const [name, options, act] of pictures) {
    const { context } = await openContext(browser, { timezoneId: "Europe/Berlin", ...options });
    const chat = await ChatPage.open(context, chats.url, name);
    await act(chat);
    await shoot(chat.page, name);
    await context.close();
  }
} finally {
  await chats.stop();
}

const servers = await ToolServers.start();
const toolboxes = await Server.start("dev", toolboxApp);
try {
  for (const [index, [name, options, act]] of toolboxPictures.entries()) {
    const { context } = await openContext(browser, options);
    const toolbox = await ToolboxPage.open(context, toolboxes.url, "default");
    if (index === 0) await addServers(toolbox, servers);
    await act(toolbox);
    await shoot(toolbox.page, name);
    await context.close();
  }
} finally {
  await browser.close();
  await toolboxes.stop();
  await servers.stop();
}
