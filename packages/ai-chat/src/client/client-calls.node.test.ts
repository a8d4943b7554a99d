import type { UIMessage, UIMessageChunk } from "ai";
import { expect, it, vi } from "vitest";
import { conversation, finish, open, sent, speech, texts } from "./fake-page.node";
import { FakeServer, startChat, until } from "./fake-server.node";
import type { OnToolCallCallback } from "./options";

const call: UIMessageChunk[] = [
  { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: { exact: true } }
];

it("offers a call to the page that asked, and goes on with its result", async () => {
  const server = conversation();
  server.script = (question) => (question ? call : speech("there"));
  const [asking, watching] = [vi.fn<OnToolCallCallback>(), vi.fn<OnToolCallCallback>()];
  const { chat, tab } = open(server, { onToolCall: asking });
  const other = open(server, { onToolCall: watching });
  void chat.sendMessage({ text: "hi" });
  await finish(server);
  tab.cut();
  tab.connect();
  await finish(server);
  expect(asking.mock.calls.map(([{ toolCall }]) => toolCall)).toEqual([
    { toolCallId: "c1", toolName: "where", input: { exact: true } }
  ]);
  expect(watching).not.toHaveBeenCalled();
  chat.addToolOutput({ toolCallId: "c1", output: 1 });
  expect(chat.getSnapshot().status).toBe("submitted");
  await finish(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "tool-wherethere"]);
  expect(other.chat.getSnapshot().messages).toEqual(chat.getSnapshot().messages);
});

it("approves with a comment and other arguments, where the server takes them", async () => {
  const server = conversation();
  const waiting = {
    type: "tool-pay",
    toolCallId: "c1",
    state: "approval-requested",
    approval: { id: "p1" },
    input: { amount: 9 }
  };
  server.messages = [{ id: "a1", role: "assistant", parts: [waiting] } as UIMessage];
  const { tab, chat } = open(server);
  vi.spyOn(server, "handle").mockImplementation(() => {});
  chat.addToolApprovalResponse({ id: "p1", approved: true, comment: "cheap", input: { amount: 5 } });
  expect(sent(tab, "cf_agent_tool_approval")).toEqual([
    {
      type: "cf_agent_tool_approval",
      toolCallId: "c1",
      approved: true,
      autoContinue: true,
      comment: "cheap",
      input: { amount: 5 }
    }
  ]);
  expect(chat.getSnapshot().messages[0]?.parts).toMatchObject([
    { state: "approval-responded", input: { amount: 5 }, approval: { id: "p1", approved: true, reason: "cheap" } }
  ]);
});

it("gives way to the page that was first with a result", async () => {
  const server = conversation();
  server.script = (question) => (question ? call : []);
  const onError = vi.fn();
  const { chat, tab } = open(server, { onError });
  void chat.sendMessage({ text: "hi" });
  await finish(server);
  const late = open(server, { onToolCall: ({ addToolOutput }) => addToolOutput({ toolCallId: "c1", output: "late" }) });
  chat.addToolOutput({ toolCallId: "c1", output: "early" });
  tab.settle();
  await finish(server);
  for (const page of [chat, late.chat])
    expect(page.getSnapshot()).toMatchObject({
      status: "ready",
      error: undefined,
      messages: [{}, { parts: [{ state: "output-available", output: "early" }] }]
    });
  expect(onError).not.toHaveBeenCalled();
});

it("approves nothing with other input, which a documented server would not take", async () => {
  const server = new FakeServer();
  const waiting = {
    type: "tool-pay",
    toolCallId: "c1",
    state: "approval-requested",
    input: {},
    approval: { id: "p1" }
  };
  server.messages = [{ id: "a1", role: "assistant", parts: [waiting] } as UIMessage];
  const chat = await startChat(server);
  chat.addToolApprovalResponse({ id: "p1", approved: true, input: { amount: 4 } });
  expect(chat.getSnapshot()).toMatchObject({
    messages: [{ parts: [{ state: "approval-requested", input: {} }] }],
    error: { message: "This agent takes no other input for a call" }
  });
  chat.addToolApprovalResponse({ id: "p1", approved: true, input: {}, comment: "cheap" });
  expect(await server.next("cf_agent_tool_approval")).toEqual({
    type: "cf_agent_tool_approval",
    toolCallId: "c1",
    approved: true,
    autoContinue: true
  });
});

it("answers a call again when the connection was lost before the answer arrived", async () => {
  const server = new FakeServer();
  const call = { type: "tool-where", toolCallId: "c1", state: "input-available", input: {} };
  server.messages = [{ id: "a1", role: "assistant", parts: [call] } as UIMessage];
  const chat = await startChat(server);
  chat.addToolOutput({ toolCallId: "c1", output: 1 });
  const first = await server.next("cf_agent_tool_result");
  for (const isThere of [false, true]) {
    if (isThere)
      server.messages = [
        { ...server.messages[0]!, parts: [{ ...call, state: "output-available", output: 1 }] } as UIMessage
      ];
    server.lose();
    server.restore();
    await server.next("cf_agent_stream_resume_request");
    server.say({ type: "cf_agent_stream_resume_none" });
    if (!isThere) expect(await server.next("cf_agent_tool_result")).toEqual(first);
  }
  await until(chat, ({ status }) => status === "ready");
  expect(server.frames).toEqual([]);
});
