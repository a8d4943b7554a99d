import type { UIMessage } from "ai";
import type { ChatClientFrame, ChatServerFrame } from "../protocol/frames";
import { AgentChat } from "./agent-chat";
import type { ChatSocket } from "./chat-socket";
import type { AgentChatOptions, AgentChatSnapshot } from "./options";

/** The other end of a conversation's connection, played by the test. */
export class FakeServer implements ChatSocket {
  readonly agent = "talker";
  readonly name = "test";
  readyState = 1;
  /** It takes no part in the extensions. */
  extended = false;
  readonly frames: ChatClientFrame[] = [];
  /** What the conversation loads. */
  messages: UIMessage[] = [];
  loads = 0;
  /** What a new connection is told first. */
  greeting: ({ type: string } & Record<string, unknown>) | undefined = {
    type: "cf_agent_identity",
    name: "test",
    agent: "talker"
  };
  /** Why the socket does not send anything. */
  refusal: Error | undefined;
  #waiting: (() => void)[] = [];
  readonly #target = new EventTarget();

  send(text: string, refused?: (error: Error) => void): void {
    if (this.refusal) return refused?.(this.refusal);
    this.frames.push(JSON.parse(text) as ChatClientFrame);
    for (const check of this.#waiting.splice(0)) check();
  }

  async fetch(): Promise<Response> {
    this.loads++;
    return Response.json(this.messages);
  }

  addEventListener(type: string, listener: never): void {
    this.#target.addEventListener(type, listener);
  }

  removeEventListener(type: string, listener: never): void {
    this.#target.removeEventListener(type, listener);
  }

  /** Sends a frame to the client. */
  say(frame: ChatServerFrame | { type: string }): void {
    this.#target.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }

  /** Sends chunks of a turn. */
  chunks(id: string, chunks: readonly object[], extra: object = {}): void {
    for (const chunk of chunks)
      this.say({ type: "cf_agent_use_chat_response", id, body: JSON.stringify(chunk), done: false, ...extra });
  }

  done(id: string, extra: object = {}): void {
    this.say({ type: "cf_agent_use_chat_response", id, body: "", done: true, ...extra });
  }

  lose(): void {
    this.readyState = 3;
    this.#target.dispatchEvent(new Event("close"));
  }

  restore(): void {
    this.readyState = 1;
    this.#target.dispatchEvent(new Event("open"));
    if (this.greeting) this.say(this.greeting);
  }

  /** The next frame of a type that was not asked for yet. */
  async next<Type extends ChatClientFrame["type"]>(type: Type): Promise<Extract<ChatClientFrame, { type: Type }>> {
    for (;;) {
      const index = this.frames.findIndex((frame) => frame.type === type);
      if (index >= 0) return this.frames.splice(index, 1)[0] as Extract<ChatClientFrame, { type: Type }>;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

type Options = AgentChatOptions<UIMessage>;

/** A conversation that is attached, with a server that speaks the documented protocol. It loads. */
export function beginChat(server: FakeServer, options: Options = {}): AgentChat {
  const chat = new AgentChat(server, options);
  chat.attach();
  return chat;
}

/** A conversation that is attached, has loaded, and was told that there is no stream. */
export async function startChat(server: FakeServer, options: Options = {}): Promise<AgentChat> {
  const chat = beginChat(server, options);
  await server.next("cf_agent_stream_resume_request");
  server.say({ type: "cf_agent_stream_resume_none" });
  return chat;
}

/** Resolves when the conversation is in a state that fulfils `wanted`. */
export async function until(chat: AgentChat, wanted: (snapshot: AgentChatSnapshot) => boolean): Promise<void> {
  while (!wanted(chat.getSnapshot())) {
    await new Promise<void>((resolve) => {
      const stop = chat.subscribe(() => {
        stop();
        resolve();
      });
    });
  }
}
