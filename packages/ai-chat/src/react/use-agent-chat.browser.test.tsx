import type { UIMessage, UIMessageChunk } from "ai";
import { useAgent } from "agents/react";
import { StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { expect, expectTypeOf, it, onTestFinished, vi } from "vitest";
import { render, renderHook } from "vitest-browser-react";
import { FakeConversation, FakeTab } from "../client/fake-conversation.node";
import { useAgentChat, type UseAgentChatOptions } from ".";

const message = (id: string, role: UIMessage["role"]): UIMessage => ({ id, role, parts: [{ type: "text", text: id }] });
/** Several people may share the machine. */
const until = (isSo: () => unknown) => vi.waitUntil(isSo, { timeout: 10_000, interval: 5 });
const textOf = ({ parts }: UIMessage) => parts.map((part) => (part.type === "text" ? part.text : part.type)).join("");
const speech = (...words: string[]): UIMessageChunk[] => [
  { type: "text-start", id: "t" },
  ...words.map((delta) => ({ type: "text-delta", id: "t", delta }) as const),
  { type: "text-end", id: "t" }
];

/** A server whose frames get to their ends by themselves. */
function start(...words: string[]) {
  const server = new FakeConversation();
  server.script = () => speech(...words);
  const timer = setInterval(() => server.tabs.forEach((tab) => tab.settle()), 1);
  onTestFinished(() => clearInterval(timer));
  const tab = () => new FakeTab(server);
  /** Says what is to be said, to the end. */
  const finish = () => until(() => server.turns.length > 0 && !drain());
  const drain = () => {
    while (server.speak()) {}
    return server.turns.length > 0;
  };
  return { server, tab, finish };
}

function Page({ agent, ...options }: UseAgentChatOptions) {
  const { messages, status, sendMessage } = useAgentChat({ agent, ...options });
  return (
    <button onClick={() => sendMessage({ text: "hi" })}>
      {status}: {messages.map(textOf).join(", ")}
    </button>
  );
}

// proves chat-agents#useAgentChat, chat-agents#useAgentChat-websocket, chat-agents#value-messages
// proves agents-api#useAgentChat, build-a-chat-agent#useAgentChat, build-a-chat-agent#useAgent
// proves agent-class-internals#AIChatAgent-hook
it("shows a conversation while it is spoken, once in StrictMode", async () => {
  const { server, tab } = start("one ", "two");
  const agent = tab();
  const screen = await render(<Page agent={agent} />, { wrapper: StrictMode });
  agent.connect();
  const button = screen.getByRole("button");
  await expect.element(button).toHaveTextContent("ready:");
  await button.click();
  await expect.element(button).toHaveTextContent("submitted: hi");
  await until(() => server.turns.length === 1);
  for (let count = 0; count < 3; count++) server.speak();
  await expect.element(button).toHaveTextContent("streaming: hi, one");
  while (server.speak()) {}
  await expect.element(button).toHaveTextContent("ready: hi, one two");
  expect(server.messages.map(textOf)).toEqual(["hi", "one two"]);
  expect(agent.sent.filter(({ type }) => type === "cf_agent_chat_operation")).toHaveLength(1);
});

it("shows the same in two tabs, one of which is offline for a while", async () => {
  const { server, tab } = start("one ", "two");
  const [here, there] = [tab(), tab()];
  const screen = await render(
    <>
      <Page agent={here} />
      <Page agent={there} />
    </>
  );
  here.connect();
  there.connect();
  const [first, second] = [screen.getByRole("button").first(), screen.getByRole("button").last()];
  await expect.element(second).toHaveTextContent("ready:");
  await first.click();
  await until(() => server.turns.length === 1);
  for (let count = 0; count < 3; count++) server.speak();
  await expect.element(second).toHaveTextContent("streaming: hi, one");
  here.cut();
  while (server.speak()) {}
  await expect.element(second).toHaveTextContent("ready: hi, one two");
  // Said offline: it is on its way when there is one again.
  await first.click();
  here.connect();
  await until(() => server.turns.length === 1);
  while (server.speak()) {}
  for (const button of [first, second])
    await expect.element(button).toHaveTextContent("ready: hi, one two, hi, one two");
});

it("gives functions that stay the same, and calls the latest callbacks", async () => {
  const { tab, finish } = start("yes");
  const agent = tab();
  const [old, latest] = [vi.fn(), vi.fn()];
  const hook = await renderHook((props) => useAgentChat({ agent, onFinish: props!.onFinish }), {
    initialProps: { onFinish: old }
  });
  agent.connect();
  const { sendMessage, addToolOutput, stop } = hook.result.current;
  await until(() => !hook.result.current.isLoading);
  void sendMessage({ text: "hi" });
  await hook.rerender({ onFinish: latest });
  await finish();
  await until(() => hook.result.current.status === "ready");
  expect([old.mock.calls.length, latest.mock.calls.length]).toEqual([0, 1]);
  expect(hook.result.current).toMatchObject({ sendMessage, addToolOutput, stop, id: "talker/test" });
});

// proves chat-agents#option-agent
it("goes to another conversation with another client", async () => {
  const [one, other] = [start(), start()];
  one.server.messages = [message("one", "user")];
  other.server.messages = [message("other", "user")];
  const [first, second] = [one.tab(), other.tab()];
  const shown: string[] = [];
  const hook = await renderHook(
    (agent = first) => {
      const chat = useAgentChat({ agent });
      shown.push(chat.messages.map(textOf).join());
      return chat;
    },
    { initialProps: first }
  );
  first.connect();
  second.connect();
  second.extended = true;
  await until(() => hook.result.current.messages.map(textOf).join() === "one");
  await hook.rerender(second);
  // Nothing of the one is shown as the other.
  expect(shown[shown.lastIndexOf("one") + 1]).toBe("");
  await until(() => hook.result.current.messages.map(textOf).join() === "other");
});

it("is rendered on a server with the messages that it is given, and begins with them in a page", async () => {
  const { tab } = start();
  const options = { agent: tab(), getInitialMessages: null, messages: [message("given", "user")] };
  expect(renderToString(<Page {...options} />)).toContain("given");
});

it("loads nothing while the client is not connected", async () => {
  const fetch = vi.spyOn(globalThis, "fetch");
  const WebSocket = vi.fn();
  const hook = await renderHook(() => {
    const agent = useAgent({ agent: "ChatAgent", host: "fake.example.com", enabled: false, WebSocket });
    return useAgentChat({ agent });
  });
  await new Promise((resolve) => setTimeout(resolve));
  expect([fetch.mock.calls, WebSocket.mock.calls, hook.result.current.messages]).toEqual([[], [], []]);
});

it("gives data parts to onData once, transient ones included, also after a loss", async () => {
  const { server, tab } = start();
  server.script = () => [
    { type: "data-step", data: 1, transient: true },
    { type: "data-step", id: "d", data: 2 },
    ...speech("done")
  ];
  const agent = tab();
  const seen: unknown[] = [];
  const hook = await renderHook(() => useAgentChat({ agent, onData: (part) => void seen.push(part) }));
  agent.connect();
  await until(() => !hook.result.current.isLoading);
  void hook.result.current.sendMessage({ text: "hi" });
  await until(() => server.turns.length === 1);
  for (let count = 0; count < 3; count++) server.speak();
  await until(() => seen.length === 2);
  agent.cut();
  agent.connect();
  await until(() => agent.sent.filter(({ type }) => type === "cf_agent_chat_sync").length === 2);
  while (server.speak()) {}
  await until(() => hook.result.current.status === "ready");
  expect(seen).toEqual([
    { type: "data-step", data: 1, transient: true },
    { type: "data-step", id: "d", data: 2 }
  ]);
  expect(hook.result.current.messages.at(-1)?.parts).toMatchObject([{ type: "data-step", data: 2 }, { text: "done" }]);
});

// proves chat-agents#deprecated-warning, chat-agents#deprecated-addToolResult, chat-agents#deprecated-tools
// proves chat-agents#deprecated-toolsRequiringConfirmation, chat-agents#schemas-with-results
it("runs the tools of the deprecated options, and says once what to use instead", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const { server, tab } = start();
  server.script = (question) =>
    question
      ? ["where", "pay"].map((toolName) => ({
          type: "tool-input-available",
          toolCallId: toolName,
          toolName,
          input: {}
        }))
      : speech("there");
  const agent = tab();
  const execute = () => "here";
  const hook = await renderHook(() =>
    useAgentChat({ agent, tools: { where: { execute }, pay: { execute } }, toolsRequiringConfirmation: ["pay"] })
  );
  agent.connect();
  await until(() => !hook.result.current.isLoading);
  void hook.result.current.sendMessage({ text: "hi" });
  const states = () => hook.result.current.messages.at(-1)?.parts.map((part) => "state" in part && part.state);
  await until(() => server.turns.length === 1);
  while (server.speak()) {}
  await until(() => states()?.[0] === "output-available");
  expect(states()).toEqual(["output-available", "input-available"]);
  hook.result.current.addToolResult({ toolCallId: "pay", result: "paid" });
  await until(() => server.turns.length === 1);
  while (server.speak()) {}
  await until(() => states()?.[1] === "output-available");
  const lines = warn.mock.calls.map(([line]) => String(line).split(" ")[0]);
  expect(lines.toSorted()).toEqual(["addToolResult()", "tools", "toolsRequiringConfirmation"]);
  expect(agent.sent.find(({ type }) => type === "cf_agent_chat_operation")).toMatchObject({
    clientTools: [{ name: "where" }, { name: "pay" }]
  });
  const results = agent.sent.filter(({ type }) => type === "cf_agent_tool_result");
  expect(results).toMatchObject([
    { toolCallId: "where", clientTools: [{ name: "where" }, { name: "pay" }] },
    { toolCallId: "pay", clientTools: [{ name: "where" }, { name: "pay" }] }
  ]);
});

it("types messages by the application's message", async () => {
  type Message = UIMessage<{ cost: number }, { step: number }>;
  const { tab } = start();
  const agent = tab();
  const hook = await renderHook(() =>
    useAgentChat<unknown, Message>({
      agent,
      onData: (part) => expectTypeOf(part.data).toEqualTypeOf<number>(),
      onFinish: ({ message: said }) => expectTypeOf(said).toEqualTypeOf<Message>()
    })
  );
  expectTypeOf(hook.result.current.messages).toEqualTypeOf<Message[]>();
});
