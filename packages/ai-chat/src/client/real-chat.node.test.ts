import type { UIMessage } from "ai";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { AgentClient } from "../../../agents/src/client/agent-client";
import { realAgent, type RealProgram } from "../../../agents/src/client/real-agent.node";
import { Random } from "../../../agents/src/test/random";
import { AgentChat } from "./agent-chat";

const folder = fileURLToPath(new URL("..", import.meta.url));
const agents = fileURLToPath(new URL("../../../agents/src", import.meta.url));

/** It answers a question with its words, one by one, when it is told to go on. */
const worker = `
import { callable, routeAgentRequest } from "agents";
import { AIChatAgent } from "./index";

export class Talker extends AIChatAgent {
  waiting = [];
  async onChatMessage() {
    const question = this.messages.findLast(({ role }) => role === "user");
    const words = question.parts[0].text.split(" ");
    const line = (chunk) => new TextEncoder().encode("data: " + JSON.stringify(chunk) + "\\n\\n");
    const chunks = [
      { type: "text-start", id: "t" },
      ...words.map((word) => ({ type: "text-delta", id: "t", delta: word + " " })),
      { type: "text-end", id: "t" }
    ];
    const stream = new ReadableStream({
      pull: async (controller) => {
        if (chunks.length === 0) return controller.close();
        if (words[0] === "slowly") await new Promise((resolve) => this.waiting.push(resolve));
        controller.enqueue(line(chunks.shift()));
      }
    }, { highWaterMark: 0 });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  }
  @callable() next() {
    this.waiting.shift()?.();
  }
  @callable() note(text) {
    return this.persistMessages([...this.messages, { id: crypto.randomUUID(), role: "assistant", parts: [{ type: "text", text }] }]);
  }
}

export default {
  fetch: async (request, env) => (await routeAgentRequest(request, env)) ?? new Response("", { status: 404 })
};`;

const program: RealProgram = {
  worker,
  classNames: ["Talker"],
  folder,
  alias: {
    "agents/capability": `${agents}/capability.ts`,
    "agents/types": `${agents}/types.ts`,
    agents: `${agents}/index.ts`
  }
};

let server: Awaited<ReturnType<typeof realAgent>>;
beforeAll(async () => void (server = await realAgent(program)), 60_000);
afterAll(() => server.stop());

function open(name: string) {
  const client = new AgentClient({ agent: "Talker", name, host: server.host, minReconnectionDelay: 5 });
  const chat = new AgentChat(client);
  const detach = chat.attach();
  onTestFinished(() => {
    detach();
    client.close();
  });
  const text = () => chat.getSnapshot().messages.map(textOf).join(" | ");
  return { client, chat, text };
}

/** Several people may share the machine. */
const until = (isSo: () => unknown) => vi.waitUntil(isSo, { timeout: 10_000, interval: 5 });
const textOf = ({ parts }: UIMessage) => parts.map((part) => (part.type === "text" ? part.text : part.type)).join("");
const stored = async ({ client }: ReturnType<typeof open>) =>
  (await (await client.fetch("get-messages")).json()) as UIMessage[];

it("speaks with a real agent: a question, its answer, another page, a later one", async () => {
  const [one, other] = [open("talk"), open("talk")];
  await one.chat.sendMessage({ text: "well said" });
  expect(one.text()).toBe("well said | well said ");
  await until(() => other.text() === one.text());
  await other.chat.sendMessage({ text: "again" });
  await one.chat.regenerate();
  expect(one.text()).toBe("well said | well said  | again | again ");
  const late = open("talk");
  await until(() => !late.chat.getSnapshot().isLoading);
  const all = await stored(one);
  for (const { chat } of [one, other, late]) await until(() => isSame(chat.getSnapshot().messages, all));
});

it("edits, and goes back to the branch before", async () => {
  const page = open("branches");
  await page.chat.sendMessage({ text: "first" });
  const [question] = page.chat.getSnapshot().messages;
  await page.chat.sendMessage({ text: "second", messageId: question!.id });
  expect(page.text()).toBe("second | second ");
  const branches = await page.chat.branches(page.chat.getSnapshot().messages[0]!.id);
  expect(branches.map(textOf)).toEqual(["first", "second"]);
  await page.chat.selectBranch(question!.id);
  await until(() => page.text() === "first | first ");
});

// proves build-a-chat-agent#resumes, build-a-chat-agent#automatic
it("goes on with a stream after the connection was lost", async () => {
  const page = open("cut");
  const helper = open("cut");
  const asked = page.chat.sendMessage({ text: "slowly one two three" });
  await until(() => page.chat.getSnapshot().status === "submitted");
  for (const shown of ["slowly ", "slowly one ", "slowly one two "]) {
    await until(async () => {
      await helper.client.call("next");
      return page.text().includes(`| ${shown}`);
    });
    page.client.reconnect();
  }
  await until(async () => {
    await helper.client.call("next");
    return page.chat.getSnapshot().status === "ready";
  });
  await asked;
  expect(page.text()).toBe("slowly one two three | slowly one two three ");
  expect(page.chat.getSnapshot().messages).toEqual(await stored(page));
});

// proves chat-agents#value-setMessages, chat-agents#value-clearHistory
it("clears, sets the list and deletes", async () => {
  const [one, other] = [open("clear"), open("clear")];
  await one.chat.sendMessage({ text: "first" });
  await one.chat.sendMessage({ text: "second" });
  one.chat.setMessages((messages) => messages.slice(0, 2));
  await until(() => other.text() === "first | first ");
  await until(() => one.text() === "first | first ");
  other.chat.clear();
  await until(() => one.text() === "" && other.text() === "");
  expect(await stored(one)).toEqual([]);
});

it("ends with what the agent has, however often it is cut", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const pages = [open(`random-${seed}`), open(`random-${seed}`), open(`random-${seed}`)];
    const asked: Promise<void>[] = [];
    const said: string[] = [];
    for (let step = 0; step < 25; step++) {
      const page = random.pick(pages);
      const choice = random.below(10);
      if (choice < 3) {
        const text = `said ${step}`;
        said.push(text);
        asked.push(page.chat.sendMessage({ text }));
      } else if (choice < 5) page.client.reconnect();
      else if (choice < 6) page.chat.stop();
      else if (choice < 7) void page.client.call("note", ["note"]).catch(() => {});
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(asked);
    // What was stopped before it was sent is sent, too.
    const isDone = async () => {
      const all = await stored(pages[0]!);
      const isThere = all.filter(({ role }) => role === "user").length >= said.length;
      return isThere && pages.every(({ chat }) => isSame(chat.getSnapshot(), { ...ready, messages: all }));
    };
    await until(isDone).catch(() => {});
    const all = await stored(pages[0]!);
    const questions = all.filter(({ role }) => role === "user").map(textOf);
    expect([seed, questions.toSorted()]).toEqual([seed, said.toSorted()]);
    for (const { chat } of pages) expect([seed, chat.getSnapshot()]).toEqual([seed, { ...ready, messages: all }]);
  }
}, 60_000);

const ready = { messages: [] as UIMessage[], status: "ready", error: undefined, isLoading: false, hasMore: false };
const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
