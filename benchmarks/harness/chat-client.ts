// A client of a conversation. As the real ones do, one of the documented protocol sends all messages with each question, and one of
// our extension only the question.
import { Client } from "./client.ts";
import type { Workerd } from "./workerd.ts";

export interface Message {
  id: string;
  role: "user" | "assistant";
  parts: { type: "text"; text: string }[];
}

interface Frame {
  type: string;
  id?: string;
  body?: string;
  done?: boolean;
  error?: boolean;
  message?: string;
}

interface Chunk {
  type: string;
  messageId?: string;
  delta?: string;
}

const agent = "bench-chat";
let serial = 0;

export const textMessage = (role: Message["role"], text: string): Message => ({
  id: `${role}-${++serial}`,
  role,
  parts: [{ type: "text", text }]
});

export class ChatClient {
  /** What it has of the conversation. */
  messages: Message[] = [];
  readonly #client: Client;
  readonly #extended: boolean;
  #waiting: { take(frame: Frame): boolean; resolve(): void; reject(error: Error): void } | undefined;
  #hearing: { chunks: number; resolve(): void } | undefined;

  static async open(server: Workerd, name: string, { extended = false } = {}): Promise<ChatClient> {
    return new ChatClient(await Client.open(server, agent, name, { extended, state: false }), extended);
  }

  private constructor(client: Client, extended: boolean) {
    this.#client = client;
    this.#extended = extended;
    client.onFrame = (data) => this.#receive(data.toString());
  }

  get bytesIn(): number {
    return this.#client.bytesIn;
  }

  get bytesOut(): number {
    return this.#client.bytesOut;
  }

  /** Makes these messages the conversation. */
  async fill(messages: Message[]): Promise<void> {
    this.messages = messages;
    this.#client.send({ type: "cf_agent_chat_messages", messages });
    // Frames are handled in turn.
    await this.ask("burst 0");
  }

  /** Asks, and resolves when the answer is complete. `body` goes to the application. */
  async ask(text: string, body: object = {}): Promise<void> {
    const id = `request-${++serial}`;
    const question = textMessage("user", text);
    const answer = textMessage("assistant", "");
    this.messages.push(question);
    if (this.#extended) {
      const operation = { id, operation: "append", message: question, body };
      this.#client.send({ type: "cf_agent_chat_operation", ...operation });
    } else {
      const all = JSON.stringify({ messages: this.messages, trigger: "submit-message", ...body });
      this.#client.send({ type: "cf_agent_use_chat_request", id, init: { method: "POST", body: all } });
    }
    await this.#next((frame) => {
      if (frame.id !== id) return false;
      if (frame.error || frame.type === "cf_agent_chat_refused") throw new Error(frame.body || frame.message);
      if (frame.type !== "cf_agent_use_chat_response") return false;
      if (frame.body) {
        const chunk = JSON.parse(frame.body) as Chunk;
        answer.id = chunk.messageId ?? answer.id;
        answer.parts[0]!.text += chunk.delta ?? "";
      }
      return frame.done === true;
    });
    this.messages.push(answer);
  }

  /** Resolves when so many more chunks have come. */
  hear(chunks: number): Promise<void> {
    return new Promise((resolve) => (this.#hearing = { chunks, resolve }));
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #next(take: (frame: Frame) => boolean): Promise<void> {
    return new Promise((resolve, reject) => (this.#waiting = { take, resolve, reject }));
  }

  #receive(text: string): void {
    // A list of all messages is for nobody here.
    if (text.includes('"messages":[')) return;
    const frame = JSON.parse(text) as Frame;
    if (frame.type === "cf_agent_use_chat_response" && frame.body && !frame.done) {
      if (this.#hearing && --this.#hearing.chunks === 0) this.#hearing.resolve();
    }
    const waiting = this.#waiting;
    try {
      if (!waiting?.take(frame)) return;
      waiting.resolve();
    } catch (error) {
      waiting!.reject(error as Error);
    }
    if (this.#waiting === waiting) this.#waiting = undefined;
  }
}
