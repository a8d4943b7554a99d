import assert from "node:assert/strict";
import { textOf, type ChatPage, type Message } from "./chat-page.ts";
import type { Pair } from "./pair.ts";

const storedMs = 5_000;

/**
 * What the server has stored, as soon as that `isEnough`: some servers end an answer before they store it.
 *
 * @throws what `isEnough` throws, if that does not end
 */
export async function stored(
  pair: Pair,
  name: string,
  isEnough: (messages: Message[]) => void = () => {}
): Promise<Message[]> {
  const untilMs = performance.now() + storedMs;
  for (;;) {
    const response = await fetch(`${pair.server.url}/agents/chat/${name}/get-messages`);
    assert.equal(response.status, 200);
    const messages = (await response.json()) as Message[];
    try {
      isEnough(messages);
      return messages;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
  }
}

/** The page shows what the server has stored: the same messages, in the same order and with the same ids. */
export async function assertShowsStored(pair: Pair, page: ChatPage, name: string): Promise<void> {
  // This server stores an answer under another id than the one that it streams, or streams none.
  const hasOwnIds = pair.direction === "our client, their server" && pair.version === "0.8.7";
  const essence = (messages: Message[]) =>
    messages.map((message) => ({
      id: hasOwnIds && message.role === "assistant" ? "" : message.id,
      role: message.role,
      text: textOf(message)
    }));
  const shown = essence(await page.messages());
  await stored(pair, name, (messages) => assert.deepEqual(shown, essence(messages)));
}

/** A call of a tool is stored in this state. */
export async function assertStoredCall(pair: Pair, name: string, tool: string, state: string): Promise<void> {
  await stored(pair, name, (messages) => {
    const call = messages.at(-1)?.parts.find(({ type }) => type === `tool-${tool}`);
    assert.equal(call?.state, state);
  });
}
