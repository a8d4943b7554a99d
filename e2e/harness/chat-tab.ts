import type { BrowserContext, Locator, Page } from "playwright-core";
import { recordPage, type PageRecord } from "./in-page.ts";

export interface ShownMessage {
  id: string;
  role: string;
  text: string;
}

type Status = "submitted" | "streaming" | "ready" | "error";

/** One tab with the starter's page, used as a person would: by roles, names and texts. */
export class ChatTab {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Opens a chat, and waits until it is connected and shows what is stored. */
  static async open(context: BrowserContext, url: string, chat: string): Promise<ChatTab> {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.addInitScript(recordPage);
    const tab = new ChatTab(page);
    await page.goto(`${url}/?chat=${chat}`);
    await tab.loaded();
    return tab;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.loaded();
  }

  /** Either there is something to read or the page says that there is nothing yet. */
  async loaded(): Promise<void> {
    await this.connection("connected");
    await this.messages
      .or(this.page.getByRole("heading", { name: "What would you like to know?" }))
      .first()
      .waitFor();
  }

  // --- parts of the page ---

  get composer(): Locator {
    return this.page.getByRole("textbox", { name: "Message", exact: true });
  }

  get messages(): Locator {
    return this.page.getByTestId("message");
  }

  get lastMessage(): Locator {
    return this.messages.last();
  }

  get approval(): Locator {
    return this.page.getByTestId("approval");
  }

  get preferences(): Locator {
    return this.page.getByTestId("state-panel");
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  tool(name: string, state?: string): Locator {
    return this.page.locator(`[data-testid=tool-call][data-tool=${name}]${state ? `[data-state=${state}]` : ""}`);
  }

  // --- what a person does ---

  /** Asks, and waits until the question is shown. */
  async ask(question: string): Promise<void> {
    const before = await this.messages.count();
    await this.composer.fill(question);
    await this.composer.press("Enter");
    await this.messages.nth(before).waitFor();
  }

  /** Asks, and returns the whole answer. */
  async askAndWait(question: string, expected?: RegExp): Promise<string> {
    await this.ask(question);
    return this.answer(expected);
  }

  async stop(): Promise<void> {
    await this.button("Stop").click();
  }

  async clearHistory(): Promise<void> {
    await this.button("Clear history").click();
    await this.button("Delete messages").click();
  }

  // --- what a person sees ---

  /** Waits until the last answer is complete, and returns its text as it is shown. */
  async answer(expected: RegExp = /\S/, timeoutMs = 15_000): Promise<string> {
    await this.lastMessage
      .and(this.page.locator("[data-role=assistant]"))
      .locator(".message-body", { hasText: expected })
      .waitFor({ timeout: timeoutMs });
    await this.status("ready", timeoutMs);
    return this.shownAnswer();
  }

  /** The text of the last message so far, without what tool calls show. */
  async shownAnswer(): Promise<string> {
    return (await this.lastMessage.locator(".prose").allInnerTexts()).join("\n\n");
  }

  /** Waits until that much of the answer is shown. */
  async answerHas(text: string | RegExp, timeoutMs = 15_000): Promise<void> {
    await this.lastMessage.locator(".prose", { hasText: text }).first().waitFor({ timeout: timeoutMs });
  }

  async status(status: Status, timeoutMs = 15_000): Promise<void> {
    await this.page
      .locator(`[data-testid=chat-status][data-status=${status}]`)
      .waitFor({ state: "attached", timeout: timeoutMs });
  }

  async connection(status: "connected" | "disconnected", timeoutMs = 20_000): Promise<void> {
    await this.page
      .locator(`[data-testid=connection-status][data-status=${status}]`)
      .waitFor({ state: "attached", timeout: timeoutMs });
  }

  async shownMessages(): Promise<ShownMessage[]> {
    return this.messages.evaluateAll((elements) =>
      elements.map((element) => ({
        id: (element as HTMLElement).dataset.messageId!,
        role: (element as HTMLElement).dataset.role!,
        text: (element.querySelector(".message-body") as HTMLElement).innerText
      }))
    );
  }

  /** What was shown since the page was loaded, also for a moment only. */
  async record(): Promise<PageRecord> {
    return this.page.evaluate(() => (window as unknown as { record: PageRecord }).record);
  }
}
