import type { UIMessage } from "ai";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { AgentClient } from "../../../agents/src/client/agent-client";
import { realAgent, type RealProgram } from "../../../agents/src/client/real-agent.node";
import { Random } from "../../../agents/src/test/random";
import { AgentChat } from "./agent-chat";

const folder = fileURLToPath(new URL("..", import.meta.url));
const agents = fileURLToPath(new URL("../../../agents/src", import.meta.url));

/**
 * It answers a question with its words, one by one, when it is told to go on. "pay" is a call that waits for approval; what became of it is
 * what it says then.
 */
const worker = `
import { callable, routeAgentRequest } from "agents";
import { approvalsOf } from "agents/approvals";
import { AIChatAgent } from "./index";

export class Talker extends AIChatAgent {
  waiting = [];
  async onChatMessage() {
    const question = this.messages.findLast(({ role }) => role === "user");
    const words = question.parts[0].text.split(" ");
    const line = (chunk) => new TextEncoder().encode("data: " + JSON.stringify(chunk) + "\\n\\n");
    if (words[0] === "pay" && this.messages.at(-1) === question) return this.ask(line);
    const call = this.messages.at(-1).parts.find((part) => part.approval);
    if (call) words.splice(0, Infinity, call.state, JSON.stringify(call.input), call.approval.reason ?? "");
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
  ask(line) {
    const ids = { toolCallId: crypto.randomUUID(), toolName: "pay" };
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(line({ type: "tool-input-available", ...ids, input: { amount: 5 } }));
        controller.enqueue(line({ type: "tool-approval-request", ...ids, approvalId: crypto.randomUUID() }));
        controller.close();
      }
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  }
  approvalOptions() {
    return this.name === "edited" ? { editable: true } : { scope: this.name === "scope" ? "billing" : undefined };
  }
  @callable() decide(id, approved, comment) {
    return approvalsOf(this).decide(id, { approved, comment, by: "caller", rights: ["billing"] });
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
    "agents/approvals": `${agents}/approvals.ts`,
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

/** Two pages on which a call waits, and the id of its approval. */
async function waiting(name: string) {
  const [one, other] = [open(name), open(name)];
  await one.chat.sendMessage({ text: "pay" });
  const call = ({ chat }: typeof one) => chat.getSnapshot().messages[1]?.parts[0] as WaitingCall | undefined;
  await until(() => call(other)?.state === "approval-requested");
  return { one, other, call, id: call(one)!.approval.id };
}
type WaitingCall = { state: string; approval: { id: string; requestedInput?: unknown } };

it("approves a call, with other input and a reason, and all pages see it", async () => {
  const { one, other, call, id } = await waiting("edited");
  other.chat.addToolApprovalResponse({ id, approved: true, input: { amount: 4 }, comment: "less" });
  for (const page of [one, other]) {
    await until(() => page.text().endsWith('tool-payapproval-responded {"amount":4} less '));
    expect(call(page)!.approval).toMatchObject({ approved: true, reason: "less", requestedInput: { amount: 5 } });
    await until(() => page.chat.getSnapshot().status === "ready");
  }
});

it("shows what another one has decided, without a page that had asked", async () => {
  const { one, other, id } = await waiting("decided");
  one.client.close();
  await other.client.call("decide", [id, false, "too dear"]);
  await until(() => other.text().endsWith('tool-payoutput-denied {"amount":5} too dear '));
  await until(() => other.chat.getSnapshot().status === "ready");
  expect(other.chat.getSnapshot().messages).toEqual(await stored(other));
});

it.each([
  ["scope", {}, "APPROVAL_FORBIDDEN"],
  ["fixed", { input: { amount: 4 } }, "APPROVAL_INVALID"]
])("takes back what the agent refuses, and says why: %s", async (name, more, code) => {
  const { one, call, id } = await waiting(name);
  one.chat.addToolApprovalResponse({ id, approved: true, ...more });
  expect(call(one)!.state).toBe("approval-responded");
  await until(() => one.chat.getSnapshot().error);
  expect(one.chat.getSnapshot()).toMatchObject({ status: "error", error: { code } });
  await until(() => call(one)!.state === "approval-requested");
  expect(one.chat.getSnapshot().messages).toEqual(await stored(one));
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
