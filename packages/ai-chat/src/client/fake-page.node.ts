import type { UIMessage, UIMessageChunk } from "ai";
import { onTestFinished } from "vitest";
import type { ChatClientFrame } from "../protocol/frames";
import { AgentChat } from "./agent-chat";
import { FakeConversation, FakeTab } from "./fake-conversation.node";
import type { AgentChatOptions } from "./options";

/** A message of one text. */
export const message = (id: string, role: UIMessage["role"], text = id): UIMessage => ({
  id,
  role,
  parts: [{ type: "text", text }]
});
export const texts = (messages: readonly UIMessage[]) =>
  messages.map(({ parts }) => parts.map((part) => (part.type === "text" ? part.text : part.type)).join(""));
export const speech = (...words: string[]): UIMessageChunk[] => [
  { type: "text-start", id: "t" },
  ...words.map((delta) => ({ type: "text-delta", id: "t", delta }) as const),
  { type: "text-end", id: "t" }
];
/** After what waits for nothing but promises. */
export const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

export function conversation(...words: string[]): FakeConversation {
  const server = new FakeConversation();
  server.script = () => speech(...words);
  return server;
}

/** A page that is connected and has what the server has. */
export function open(server: FakeConversation, options: AgentChatOptions = {}): { tab: FakeTab; chat: AgentChat } {
  const tab = new FakeTab(server);
  const chat = new AgentChat(tab, options);
  onTestFinished(chat.attach());
  tab.connect();
  tab.settle();
  return { tab, chat };
}

/** All that is to be said is said, and heard. */
export async function finish(server: FakeConversation): Promise<void> {
  do {
    await soon();
    for (const tab of server.tabs) tab.settle();
  } while (server.speak());
  for (const tab of server.tabs) tab.settle();
  await soon();
}

export const sent = (tab: FakeTab, type: ChatClientFrame["type"]) => tab.sent.filter((frame) => frame.type === type);
