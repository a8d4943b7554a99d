import type { BrowserContext, Locator, Page } from "playwright-core";
import { withoutLiveReload } from "./live-reload.ts";

const statusTimeoutMs = 45_000;

declare global {
  interface Window {
    /** Tools and the states in which they were shown since the page was loaded. */
    toolStates: Set<string>;
  }
}

/** Runs in the page, before anything else there. */
function rememberToolStates(): void {
  window.toolStates = new Set();
  const look = () => {
    for (const call of document.querySelectorAll<HTMLElement>('[data-testid="tool-call"]')) {
      window.toolStates.add(`${call.dataset.tool} ${call.dataset.state}`);
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
}

/** The starter's page, as its user sees it. */
export class ChatPage {
  readonly page: Page;
  readonly messages: Locator;

  constructor(page: Page) {
    this.page = page;
    this.messages = page.getByTestId("message");
  }

  /** Opens a chat and waits until it is connected and loaded. */
  static async open(
    context: BrowserContext,
    url: string,
    name: string,
    { liveReload = true }: { liveReload?: boolean } = {}
  ): Promise<ChatPage> {
    const chat = new ChatPage(await context.newPage());
    await chat.page.addInitScript(rememberToolStates);
    if (!liveReload) await chat.page.addInitScript(withoutLiveReload);
    await chat.page.goto(`${url}/?chat=${name}`);
    await chat.connected();
    return chat;
  }

  async connected(): Promise<void> {
    await this.page
      .locator('[data-testid="connection-status"][data-status="connected"]')
      .waitFor({ timeout: statusTimeoutMs });
  }

  async disconnected(): Promise<void> {
    await this.page.locator('[data-testid="connection-status"]:not([data-status="connected"])').waitFor();
  }

  /** Waits for a status of the chat. */
  async status(...wanted: ("submitted" | "streaming" | "ready" | "error")[]): Promise<void> {
    const selector = wanted.map((status) => `[data-testid="chat-status"][data-status="${status}"]`).join(", ");
    await this.page.locator(selector).waitFor({ state: "attached", timeout: statusTimeoutMs });
  }

  /** Says something, and resolves when it is on its way. */
  async say(text: string): Promise<void> {
    const before = await this.messages.count();
    await this.page.getByRole("textbox", { name: "Message" }).fill(text);
    await this.page.keyboard.press("Enter");
    await this.messages.nth(before).waitFor();
  }

  /** Says something and waits for the end of the answer. */
  async ask(text: string): Promise<string> {
    await this.say(text);
    await this.answered();
    return this.lastText();
  }

  /** Waits until the last message is a complete answer. */
  async answered(): Promise<void> {
    await this.page.locator('[data-testid="message"]:last-of-type, [data-testid="message"]').last().waitFor();
    await this.page.waitForFunction(
      () => {
        const messages = document.querySelectorAll('[data-testid="message"]');
        const status = document.querySelector('[data-testid="chat-status"]')?.getAttribute("data-status");
        return status === "ready" && messages[messages.length - 1]?.getAttribute("data-role") === "assistant";
      },
      undefined,
      { timeout: statusTimeoutMs }
    );
  }

  async lastText(): Promise<string> {
    return this.messages.last().innerText();
  }

  /** Waits until the last message contains a text. */
  async lastContains(text: string): Promise<void> {
    await this.page.waitForFunction(
      (wanted) =>
        [...document.querySelectorAll<HTMLElement>('[data-testid="message"]')].at(-1)?.innerText.includes(wanted),
      text,
      { timeout: statusTimeoutMs }
    );
  }

  /** Waits until the last message is longer than this. */
  async lastLongerThan(characters: number): Promise<void> {
    await this.page.waitForFunction(
      (length) =>
        ([...document.querySelectorAll<HTMLElement>('[data-testid="message"]')].at(-1)?.innerText.length ?? 0) > length,
      characters,
      { timeout: statusTimeoutMs }
    );
  }

  /** Ids and roles of all messages. */
  order(): Promise<string[]> {
    return this.messages.evaluateAll((elements) =>
      elements.map((element) => `${element.dataset.role} ${element.dataset.messageId}`)
    );
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** What says which version of a message is shown: "2 of 3". */
  version(place: string): Locator {
    return this.page.getByRole("group", { name: `Version ${place}`, exact: true });
  }

  tool(name: string): Locator {
    return this.page.locator(`[data-testid="tool-call"][data-tool="${name}"]`).last();
  }

  /** A reminder that is due, by its text. */
  reminder(text: string): Locator {
    return this.page.getByTestId("reminder").filter({ hasText: text });
  }

  /** What the panel shows of the reminders that wait. */
  get waitingReminders(): Locator {
    return this.page.getByTestId("waiting-reminders").getByRole("listitem");
  }

  async toolIs(name: string, state: string): Promise<void> {
    await this.page.locator(`[data-testid="tool-call"][data-tool="${name}"][data-state="${state}"]`).last().waitFor();
  }

  /** Waits until the page has shown a call in this state, however short that was. */
  async toolWas(name: string, state: string): Promise<void> {
    await this.page.waitForFunction((wanted) => window.toolStates.has(wanted), `${name} ${state}`);
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.connected();
  }
}

export interface StoredMessage {
  id: string;
  role: string;
  parts: { type: string; text?: string }[];
}

/** What the agent has stored. */
export async function stored(url: string, name: string): Promise<StoredMessage[]> {
  const response = await fetch(`${url}/agents/chat-agent/${name}/get-messages`);
  return (await response.json()) as StoredMessage[];
}

export const textOf = (message: StoredMessage | undefined): string =>
  (message?.parts ?? []).map((part) => (part.type === "text" ? (part.text ?? "") : "")).join("");
