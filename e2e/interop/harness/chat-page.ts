import type { BrowserContext, Page } from "playwright-core";
import type {} from "../fixtures/page.tsx";
import type { Traffic } from "./traffic.ts";

const waitMs = 10_000;

export interface PageOptions {
  /** The instance. */
  name: string;
  /** The class. @default "Chat" */
  agent?: string;
  /** Calls of the browser's tools are answered at once. @default false */
  answers?: boolean;
}

/** A part of a message, as far as tests read it. */
interface Part {
  type: string;
  text?: string;
  state?: string;
  toolCallId?: string;
  output?: unknown;
  errorText?: string;
  approval?: { id: string; approved?: boolean };
}

export interface Message {
  id: string;
  role: string;
  parts: Part[];
}

/** The page of the fixture: `useAgent` and, for a chat, `useAgentChat`. */
export class ChatPage {
  readonly page: Page;
  readonly #problems: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(waitMs);
    page.on("pageerror", (error) => this.#problems.push(error.stack ?? error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.#problems.push(message.text());
    });
  }

  static async open(
    context: BrowserContext,
    { url, script, traffic }: { url: string; script: string; traffic: Traffic },
    { name, agent = "Chat", answers = false }: PageOptions
  ): Promise<ChatPage> {
    const query = new URLSearchParams({
      script,
      name,
      agent,
      ...(agent === "Chat" && { chat: "" }),
      ...(answers && { answers: "" })
    });
    const page = await context.newPage();
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => traffic.frames.push({ by: "client", data: payload }));
      socket.on("framereceived", ({ payload }) => traffic.frames.push({ by: "server", data: payload }));
    });
    const chat = new ChatPage(page);
    await page.goto(`${url}/page?${query}`);
    await chat.ready();
    return chat;
  }

  /** Connected, and with its messages. */
  async ready(): Promise<void> {
    await this.until(
      () => window.agent?.readyState === 1 && (!location.search.includes("chat=") || window.chat?.status === "ready")
    );
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.until(() => window.agent?.readyState === 1 && window.chat !== undefined);
  }

  /** Says something; resolves when it is on its way. */
  async say(text: string): Promise<void> {
    await this.page.evaluate((words) => void window.chat.sendMessage({ text: words }), text);
  }

  /** Says something, and waits for the end of the answer. */
  async ask(text: string): Promise<string> {
    await this.say(text);
    await this.until((question) => {
      const { messages, status } = window.chat;
      const asked = messages.findLastIndex((message) =>
        message.parts.some((part) => "text" in part && part.text === question)
      );
      return asked >= 0 && asked < messages.length - 1 && status === "ready";
    }, text);
    return this.lastText();
  }

  /** Waits until the text of the last message fits. */
  async shows(pattern: RegExp): Promise<void> {
    await this.until(
      ({ source }) =>
        new RegExp(source).test(
          window.chat.messages
            .at(-1)
            ?.parts.map((part) => (part.type === "text" ? part.text : ""))
            .join("") ?? ""
        ),
      { source: pattern.source }
    );
  }

  /** Waits for a status of the chat. */
  async status(wanted: string): Promise<void> {
    await this.until((status) => window.chat.status === status, wanted);
  }

  /** Waits for a number of messages. */
  async has(count: number): Promise<void> {
    await this.until((wanted) => window.chat.messages.length === wanted, count);
  }

  async messages(): Promise<Message[]> {
    return this.page.evaluate(() => window.chat.messages as Message[]);
  }

  async lastText(): Promise<string> {
    return textOf((await this.messages()).at(-1));
  }

  /** Waits until the last message has a part in this state. */
  async partIs(state: string): Promise<Part> {
    await this.until(
      (wanted) => window.chat.messages.at(-1)?.parts.some((part) => "state" in part && part.state === wanted) === true,
      state
    );
    return (await this.messages()).at(-1)!.parts.find((part) => part.state === state)!;
  }

  // The methods are the fixture's, whose class is not a client's to import.
  // oxlint-disable-next-line typescript/no-explicit-any
  call(method: string, args: unknown[] = []): Promise<any> {
    return this.page.evaluate(([name, values]) => window.agent.call(name as never, values as never), [
      method,
      args
    ] as const);
  }

  async until<Value>(isSo: (value: Value) => unknown, value?: Value): Promise<void> {
    try {
      // The page is given the function as text.
      await this.page.waitForFunction(isSo as (value: unknown) => unknown, value);
    } catch (error) {
      const body = await this.page.evaluate(() =>
        JSON.stringify({
          text: document.body.innerText,
          status: window.chat?.status,
          messages: window.chat?.messages,
          error: String(window.chat?.error)
        })
      );
      throw new Error(`${String(error)}\n${isSo}\n${body}\n${this.#problems.slice(-3).join("\n")}`, { cause: error });
    }
  }
}

export const textOf = (message: Message | undefined): string =>
  message?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
