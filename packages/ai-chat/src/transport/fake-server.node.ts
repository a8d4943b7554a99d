import type { UIMessage } from "ai";
import type { ChatClientFrame, ChatServerFrame } from "../protocol/frames";
import { ChatSession, type ChatSessionOptions } from "./chat-session";
import type { ChatSocket } from "./chat-socket";

/** The other end of a session's connection, played by the test. */
export class FakeServer implements ChatSocket {
  readonly agent = "talker";
  readonly name = "test";
  readyState = 1;
  readonly frames: ChatClientFrame[] = [];
  /** What the session loads. */
  messages: UIMessage[] = [];
  loads = 0;
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

  /** Sends a frame to the session. */
  say(frame: ChatServerFrame): void {
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

/** A session that is attached, and loads. */
export function beginSession(server: FakeServer, options: Partial<ChatSessionOptions<UIMessage>> = {}): ChatSession {
  const session = new ChatSession(server);
  const loadTranscript = async () => (await (await server.fetch()).json()) as UIMessage[];
  session.update({
    loadMessages: loadTranscript,
    loadTranscript,
    resume: true,
    extras: () => ({}),
    clientTools: () => undefined,
    onCalls: () => {},
    ...options
  });
  session.attach();
  return session;
}

/** A session that is attached, has loaded, and was told that there is no stream. */
export async function startSession(
  server: FakeServer,
  options: Partial<ChatSessionOptions<UIMessage>> = {}
): Promise<ChatSession> {
  const session = beginSession(server, options);
  await server.next("cf_agent_stream_resume_request");
  server.say({ type: "cf_agent_stream_resume_none" });
  return session;
}

/** Resolves when the session (or its chat) is in a state that fulfils `wanted`. */
export async function until(session: ChatSession, wanted: () => boolean): Promise<void> {
  while (!wanted()) {
    await new Promise<void>((resolve) => {
      const stops = [
        session.subscribe(done),
        session.chat["~registerMessagesCallback"](done),
        session.chat["~registerStatusCallback"](done)
      ];
      function done() {
        for (const stop of stops) stop();
        resolve();
      }
    });
  }
}
