import type { UIMessage, UIMessageChunk } from "ai";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../../../agents/src/test/random";
import { AgentChat } from "./agent-chat";
import { FakeConversation, FakeTab } from "./fake-conversation.node";

// Only the greeting of a server that speaks the documented protocol is waited for.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

interface Page {
  tab: FakeTab;
  chat: AgentChat;
  /** Data parts that were given to `onData`. */
  data: number[];
}

/** Nobody changes what has been shown. */
function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));
const textOf = (message: UIMessage) => message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");

function speech(random: Random, serial: () => number): UIMessageChunk[] {
  const chunks: UIMessageChunk[] = [{ type: "start-step" }];
  for (let count = random.below(5); count > 0; count--) {
    const id = `x${serial()}`;
    switch (random.below(5)) {
      case 0:
        chunks.push({ type: "data-step", data: serial(), transient: random.chance(0.5) });
        break;
      case 1:
        chunks.push({ type: "tool-input-available", toolCallId: id, toolName: "where", input: {} });
        break;
      case 2:
        chunks.push(
          { type: "reasoning-start", id },
          { type: "reasoning-delta", id, delta: id },
          { type: "reasoning-end", id }
        );
        break;
      default:
        chunks.push({ type: "text-start", id });
        for (let deltas = random.below(4); deltas > 0; deltas--)
          chunks.push({ type: "text-delta", id, delta: `${serial()} ` });
        chunks.push({ type: "text-end", id });
    }
  }
  return random.chance(0.1) ? [] : chunks;
}

async function converges(random: Random): Promise<void> {
  let count = 0;
  const serial = () => ++count;
  const server = new FakeConversation();
  server.script = () => speech(random, serial);
  server.tellsSource = () => random.chance(0.3);
  const pages: Page[] = Array.from({ length: 1 + random.below(4) }, () => {
    const tab = new FakeTab(server);
    const data: number[] = [];
    const chat = new AgentChat(tab, { onData: (part) => void data.push(part.data as number) });
    chat.attach();
    return { tab, chat, data };
  });
  const said: string[] = [];
  /** Nothing that was said has to be there any more. */
  let hasLess = false;

  /** What was asked and has not ended for the user. */
  let waiting = 0;
  const ask = (asked: Promise<void>) => {
    waiting++;
    void asked.then(() => waiting--);
  };

  const act = (page: Page) => {
    const { tab, chat } = page;
    const messages = freeze(chat.getSnapshot().messages);
    const choice = random.below(100);
    if (choice < 30) return void tab.up();
    if (choice < 60) return void tab.down();
    if (choice < 75) return void server.speak();
    if (choice < 80) return tab.readyState === 1 ? tab.cut() : tab.connect();
    if (choice < 86) {
      const text = `said ${serial()}`;
      said.push(text);
      return ask(chat.sendMessage({ text }));
    }
    if (choice < 88) return chat.stop();
    if (choice < 90) return server.recover();
    if (choice < 92) {
      hasLess = true;
      return ask(chat.regenerate());
    }
    if (choice < 94) {
      const question = messages.findLast(({ role }) => role === "user");
      hasLess = true;
      return question && ask(chat.sendMessage({ text: `edit ${serial()}`, messageId: question.id }));
    }
    if (choice < 95) {
      hasLess = true;
      return chat.clear();
    }
    if (choice < 97) {
      const id = `n${serial()}`;
      return server.change({ upsert: [{ id, role: "assistant", parts: [{ type: "text", text: "note" }] }] });
    }
    const call = messages.flatMap(({ parts }) => parts).findLast((part) => "toolCallId" in part);
    if (call && "toolCallId" in call) chat.addToolOutput({ toolCallId: call.toolCallId, output: serial() });
  };

  for (let step = 20 + random.below(120); step > 0; step--) {
    act(random.pick(pages));
    if (random.chance(0.5)) await soon();
  }
  // Everybody comes back, and all that is under way ends.
  for (const { tab } of pages) if (tab.readyState !== 1) tab.connect();
  for (let isBusy = true; isBusy;) {
    await soon();
    isBusy = false;
    for (const { tab } of pages) while (tab.down() || tab.up()) isBusy = true;
    if (server.speak()) isBusy = true;
  }

  for (const { chat, data } of pages) {
    const { messages, status } = chat.getSnapshot();
    expect(messages.map(({ id }) => id)).toEqual(server.messages.map(({ id }) => id));
    expect(messages).toEqual(server.messages);
    expect(["ready", "error"]).toContain(status);
    expect(new Set(data).size).toBe(data.length);
  }
  expect(waiting).toBe(0);
  const texts = server.messages.filter(({ role }) => role === "user").map(textOf);
  expect(new Set(texts).size).toBe(texts.length);
  if (!hasLess) expect(texts.toSorted()).toEqual(said.toSorted());
}

it(
  `all pages show what the server has, and what was said is there once (${fuzzSeeds} seeds)`,
  () => eachSeed(converges),
  fuzzTimeoutMs(30_000)
);
