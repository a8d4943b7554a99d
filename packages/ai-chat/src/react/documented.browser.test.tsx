import { getToolName, isToolUIPart, type UIMessage, type UIMessageChunk } from "ai";
import { expect, it, onTestFinished, vi } from "vitest";
import { render, renderHook } from "vitest-browser-react";
import { FakeConversation, FakeTab } from "../client/fake-conversation.node";
import type { ChatSocket } from "../client";
import type { ChatClientFrame } from "../protocol/frames";
import { useAgentChat, type UseAgentChatHelpers, type UseAgentChatOptions } from ".";

// The options and return values of the page "Chat agents", and the client of the page "Build a chat agent".

/** Several people may share the machine. */
const until = (isSo: () => unknown) => vi.waitUntil(isSo, { timeout: 10_000, interval: 5 });
const textOf = ({ parts }: UIMessage) => parts.map((part) => (part.type === "text" ? part.text : part.type)).join("");
const message = (id: string, role: UIMessage["role"]): UIMessage => ({ id, role, parts: [{ type: "text", text: id }] });
const speech = (text: string): UIMessageChunk[] => [
  { type: "text-start", id: "t" },
  { type: "text-delta", id: "t", delta: text },
  { type: "text-end", id: "t" }
];
const call = (toolName: string, input: object = {}): UIMessageChunk => ({
  type: "tool-input-available",
  toolCallId: `call-${toolName}`,
  toolName,
  input
});

/** A server that takes what a person decides, and goes on. Its frames get to their ends by themselves; it speaks if it is told to. */
class Server extends FakeConversation {
  speaks = true;
  readonly lists: UIMessage[][] = [];
  override handle(tab: FakeTab, frame: ChatClientFrame): void {
    if (frame.type === "cf_agent_chat_messages") {
      this.lists.push(frame.messages);
      return;
    }
    if (frame.type !== "cf_agent_tool_approval") return super.handle(tab, frame);
    const answered = this.messages.at(-1)!;
    const parts = answered.parts.map((part) =>
      "toolCallId" in part && part.toolCallId === frame.toolCallId
        ? {
            ...part,
            ...(frame.approved ? { state: "output-available", output: "done" } : { state: "output-denied" }),
            approval: { id: "p", approved: frame.approved }
          }
        : part
    );
    this.change({ upsert: [{ ...answered, parts } as UIMessage] });
    if (frame.autoContinue)
      super.handle(tab, { type: "cf_agent_chat_operation", id: crypto.randomUUID(), operation: "continue" });
  }
}

function start(script: FakeConversation["script"] = () => speech("yes")) {
  const server = new Server();
  server.script = script;
  const timer = setInterval(() => {
    if (server.speaks) server.speak();
    for (const tab of server.tabs) tab.settle();
  }, 1);
  onTestFinished(() => clearInterval(timer));
  return { server, tab: new FakeTab(server) };
}

type Operation = Extract<ChatClientFrame, { type: "cf_agent_chat_operation" }>;
const operations = (tab: FakeTab) =>
  tab.sent.filter((frame): frame is Operation => frame.type === "cf_agent_chat_operation");

/** A hook with these options, connected and loaded. */
async function hookOf(tab: FakeTab, options: Omit<UseAgentChatOptions, "agent"> = {}) {
  const hook = await renderHook(() => useAgentChat({ agent: tab, ...options }));
  tab.connect();
  await until(() => !hook.result.current.isLoading);
  return hook.result as { readonly current: UseAgentChatHelpers };
}

const isReady = (chat: { readonly current: UseAgentChatHelpers }, length: number) =>
  until(() => chat.current.status === "ready" && chat.current.messages.length === length);

// proves chat-agents#option-body, chat-agents#body-object, chat-agents#body-function
it("sends `body` with every request, as it is or as a function gives it then", async () => {
  for (const [body, sent] of [
    [{ timezone: "UTC" }, [{ timezone: "UTC" }, { timezone: "UTC" }]],
    [vi.fn().mockReturnValueOnce({ token: 1 }).mockReturnValueOnce({ token: 2 }), [{ token: 1 }, { token: 2 }]]
  ] as const) {
    const { tab } = start();
    const chat = await hookOf(tab, { body });
    await chat.current.sendMessage({ text: "one" });
    await chat.current.sendMessage({ text: "two" });
    expect(operations(tab).map((frame) => frame.body)).toEqual(sent);
  }
});

// proves chat-agents#option-prepareSendMessagesRequest, chat-agents#prepare-headers, chat-agents#prepare-body
it("asks prepareSendMessagesRequest what to add to a request: data and headers", async () => {
  const { tab } = start();
  const prepareSendMessagesRequest = vi.fn(async ({ trigger }: { trigger: string }) => ({
    headers: { Authorization: "Bearer token" },
    body: { requestedAt: 5, trigger }
  }));
  const chat = await hookOf(tab, { body: { timezone: "UTC" }, prepareSendMessagesRequest });
  await chat.current.sendMessage({ text: "one" });
  await chat.current.regenerate();
  expect(operations(tab)).toMatchObject([
    {
      headers: { Authorization: "Bearer token" },
      body: { timezone: "UTC", requestedAt: 5, trigger: "submit-message" }
    },
    { body: { trigger: "regenerate-message" } }
  ]);
  const [[first]] = prepareSendMessagesRequest.mock.calls as unknown as [[{ messages: UIMessage[] }]];
  expect(first.messages.map(textOf)).toEqual(["one"]);
});

// proves chat-agents#option-getInitialMessages, chat-agents#option-getInitialMessages-null
it("begins with what getInitialMessages gives, and with null loads nothing", async () => {
  const own = [message("own", "user")];
  const { server, tab } = start();
  server.messages = [message("stored", "user")];
  const getInitialMessages = vi.fn(async () => own);
  expect((await hookOf(tab, { getInitialMessages })).current.messages).toEqual(own);
  expect(getInitialMessages.mock.calls).toEqual([[{ agent: "talker", name: "test" }]]);
  const other = new FakeTab(server);
  const fetch = vi.spyOn(other, "fetch");
  expect((await hookOf(other, { getInitialMessages: null, messages: own })).current.messages).toEqual(own);
  expect(fetch).not.toHaveBeenCalled();
});

// proves chat-agents#option-resume, chat-agents#resume-default, chat-agents#resume-false
it("picks up a stream that is under way, unless `resume` is false", async () => {
  const { server, tab } = start(() => [...speech("one"), ...speech("two")]);
  server.speaks = false;
  const asking = await hookOf(tab);
  void asking.current.sendMessage({ text: "hi" });
  await until(() => server.turns.length === 1);
  for (let count = 0; count < 4; count++) server.speak();
  const shown = async (options: { resume?: boolean }) => (await hookOf(new FakeTab(server), options)).current;
  const resumed = await shown({});
  expect([resumed.status, resumed.messages.map(textOf)]).toEqual(["streaming", ["hi", "one"]]);
  const without = await shown({ resume: false });
  expect([without.status, without.messages.map(textOf)]).toEqual(["ready", ["hi"]]);
});

// proves chat-agents#option-autoContinue, chat-agents#value-addToolOutput
it("goes on after results and decisions by itself, unless autoContinueAfterToolResult is false", async () => {
  for (const autoContinueAfterToolResult of [undefined, true, false]) {
    const { server, tab } = start((question) => (question ? [call("where")] : speech("there")));
    const chat = await hookOf(tab, { autoContinueAfterToolResult });
    await chat.current.sendMessage({ text: "where" });
    chat.current.addToolOutput({ toolCallId: "call-where", output: "here" });
    const isThere = () => server.messages.at(-1)?.parts.some((part) => "output" in part && part.output === "here");
    await until(isThere);
    await until(() => chat.current.status === "ready");
    const goesOn = autoContinueAfterToolResult !== false;
    expect(tab.sent.find(({ type }) => type === "cf_agent_tool_result")).toMatchObject({ autoContinue: goesOn });
    expect(textOf(chat.current.messages.at(-1)!)).toBe(goesOn ? "tool-wherethere" : "tool-where");
  }
});

// proves chat-agents#value-setMessages
it("sets the messages, here and on the server, by a list or a function of it", async () => {
  const { server, tab } = start();
  server.messages = [message("one", "user"), message("two", "assistant")];
  const chat = await hookOf(tab);
  chat.current.setMessages((messages) => messages.slice(0, 1));
  await until(() => server.lists.length === 1);
  chat.current.setMessages([message("three", "user")]);
  await until(() => server.lists.length === 2);
  expect(server.lists.map((list) => list.map(textOf))).toEqual([["one"], ["three"]]);
});

// proves chat-agents#value-clearHistory
it("clears the conversation, here and on the server", async () => {
  const { server, tab } = start();
  const chat = await hookOf(tab);
  await chat.current.sendMessage({ text: "hi" });
  chat.current.clearHistory();
  await until(() => chat.current.messages.length === 0 && server.messages.length === 0);
  expect(operations(tab).map(({ operation }) => operation)).toEqual(["append", "clear"]);
});

// proves chat-agents#value-status
it("is submitted, then streaming, then ready; after a failure there is an error", async () => {
  const { server, tab } = start();
  server.speaks = false;
  const seen: string[] = [];
  const hook = await renderHook(() => {
    const chat = useAgentChat({ agent: tab });
    if (seen.at(-1) !== chat.status) seen.push(chat.status);
    return chat;
  });
  tab.connect();
  await until(() => !hook.result.current.isLoading);
  void hook.result.current.sendMessage({ text: "hi" });
  await until(() => server.turns.length === 1);
  for (let count = 0; count < 3; count++) server.speak();
  await until(() => seen.includes("streaming"));
  server.speaks = true;
  await isReady(hook.result as { current: UseAgentChatHelpers }, 2);
  server.handle = (from, frame) => {
    if ("id" in frame && "operation" in frame)
      from.hear({ type: "cf_agent_chat_refused", id: frame.id, code: "CHAT_REFUSED", message: "Not allowed" });
  };
  void hook.result.current.sendMessage({ text: "no" });
  await until(() => hook.result.current.status === "error");
  expect(seen).toEqual(["ready", "submitted", "streaming", "ready", "submitted", "error"]);
  expect(hook.result.current.error?.message).toBe("Not allowed");
});

/** As the page has it, but for the names that the AI SDK has for parts of tools. */
function Chat({ agent }: { agent: ChatSocket }) {
  const { messages, sendMessage, clearHistory, addToolApprovalResponse, status } = useAgentChat({
    agent,
    onToolCall: async ({ toolCall, addToolOutput }) => {
      if (toolCall.toolName === "getUserTimezone") {
        addToolOutput({ toolCallId: toolCall.toolCallId, output: { timezone: "UTC" } });
      }
    }
  });
  return (
    <div>
      <div data-testid="messages">
        {messages.map((msg) => (
          <div key={msg.id}>
            <strong>{msg.role}:</strong>
            {msg.parts.map((part, i) => {
              if (part.type === "text") return <span key={i}>{part.text}</span>;
              if (!isToolUIPart(part)) return null;
              if (part.state === "approval-requested") {
                return (
                  <div key={part.toolCallId}>
                    <p>Approve {getToolName(part)}?</p>
                    <pre>{JSON.stringify(part.input)}</pre>
                    <button onClick={() => addToolApprovalResponse({ id: part.toolCallId, approved: true })}>
                      Approve
                    </button>
                    <button onClick={() => addToolApprovalResponse({ id: part.approval.id, approved: false })}>
                      Reject
                    </button>
                  </div>
                );
              }
              if (part.state === "output-available")
                return <pre key={part.toolCallId}>{`${getToolName(part)} result ${JSON.stringify(part.output)}`}</pre>;
              return <i key={part.toolCallId}>{part.state}</i>;
            })}
          </div>
        ))}
      </div>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const input = e.currentTarget.elements.namedItem("message") as HTMLInputElement;
          void sendMessage({ text: input.value });
          input.value = "";
        }}
      >
        <input name="message" aria-label="message" />
        <button type="submit" disabled={status === "streaming"}>
          Send
        </button>
      </form>
      <button onClick={clearHistory}>Clear history</button>
    </div>
  );
}

/** The page, with somebody who asks. */
async function page(script: FakeConversation["script"]) {
  const { server, tab } = start(script);
  const screen = await render(<Chat agent={tab} />);
  tab.connect();
  await until(() => tab.sent.length > 0);
  const say = async (text: string) => {
    await screen.getByRole("textbox").fill(text);
    await screen.getByRole("button", { name: "Send" }).click();
  };
  const shows = (text: string) => expect.element(screen.getByTestId("messages")).toHaveTextContent(text);
  return { server, tab, screen, say, shows };
}

// proves chat-agents#quick-start-chat, chat-agents#value-sendMessage, build-a-chat-agent#client-works
it("the page's chat sends what is typed, shows the answer, does not send while that streams, and clears", async () => {
  const { server, screen, say, shows } = await page(() => speech("Hello!"));
  server.speaks = false;
  await say("Hi");
  await until(() => server.turns.length === 1);
  for (let count = 0; count < 3; count++) server.speak();
  const send = screen.getByRole("button", { name: "Send" });
  await shows("user:Hiassistant:Hello!");
  await expect.element(send).toBeDisabled();
  server.speaks = true;
  await expect.element(send).toBeEnabled();
  await expect.element(screen.getByRole("textbox")).toHaveValue("");
  await screen.getByRole("button", { name: "Clear history" }).click();
  await expect.element(screen.getByTestId("messages")).toBeEmptyDOMElement();
  await until(() => server.messages.length === 0);
});

// proves chat-agents#option-onToolCall, chat-agents#client-tool-pauses, chat-agents#tool-client
// proves build-a-chat-agent#onToolCall
it("the page's chat answers a call of the browser's tool, and the conversation goes on", async () => {
  const { tab, shows, say } = await page((question) =>
    question ? [call("getUserTimezone")] : speech("You are in UTC.")
  );
  await say("What timezone am I in?");
  await shows('user:What timezone am I in?assistant:getUserTimezone result {"timezone":"UTC"}You are in UTC.');
  expect(tab.sent.filter(({ type }) => type === "cf_agent_tool_result")).toHaveLength(1);
});

// proves chat-agents#approval-part, chat-agents#approval-by-call, chat-agents#value-addToolApprovalResponse
// proves build-a-chat-agent#approval, build-a-chat-agent#client-works, guide-human-in-the-loop#practice-context
it.each([
  ["Approve", 'calculate result "done"', { approved: true }],
  ["Reject", "output-denied", { approved: false }]
])("the page's chat shows what is to be approved, with its input: %s", async (button, result, decision) => {
  const { tab, screen, say, shows } = await page((question) =>
    question
      ? [
          call("calculate", { a: 5000, b: 3 }),
          { type: "tool-approval-request", toolCallId: "call-calculate", approvalId: "p" }
        ]
      : speech("As you wish.")
  );
  await say("What is 5000 times 3?");
  const asked = "user:What is 5000 times 3?assistant:";
  await shows(`${asked}Approve calculate?{"a":5000,"b":3}ApproveReject`);
  await screen.getByRole("button", { name: button }).click();
  await shows(`${asked}${result}As you wish.`);
  expect(tab.sent.filter(({ type }) => type === "cf_agent_tool_approval")).toMatchObject([
    { toolCallId: "call-calculate", autoContinue: true, ...decision }
  ]);
});
