import { Chat } from "@ai-sdk/react";
import type { UIMessage, UIMessageChunk } from "ai";
import { expect, it, onTestFinished } from "vitest";
import { AgentChatTransport } from "./agent-chat-transport";
import { FakeConversation, FakeTab } from "./fake-conversation.node";
import { message, soon, speech, texts } from "./fake-page.node";

function setup() {
  const server = new FakeConversation();
  server.script = () => speech("yes");
  const tab = new FakeTab(server);
  const transport = new AgentChatTransport({ agent: tab, body: { page: 1 } });
  onTestFinished(transport.close);
  const chat = new Chat({ transport });
  const loaded = transport.loadMessages();
  tab.connect();
  tab.settle();
  return { server, tab, transport, chat, loaded };
}

/** All that is to be said is said, and read. */
async function finish(server: FakeConversation, tab: FakeTab): Promise<void> {
  do {
    for (let count = 0; count < 5; count++) await soon();
    tab.settle();
  } while (server.speak());
  tab.settle();
  for (let count = 0; count < 5; count++) await soon();
}

it("gives the AI SDK what the agent has, and the agent only what is new", async () => {
  const { server, tab, chat, loaded } = setup();
  server.messages = [message("u0", "user"), message("a0", "assistant")];
  server.change({ upsert: [message("a0", "assistant")] });
  chat.messages = await loaded;
  const asked = chat.sendMessage({ text: "hi" }, { body: { tone: "brief" } });
  await finish(server, tab);
  await asked;
  expect([chat.status, texts(chat.messages).slice(-2)]).toEqual(["ready", ["hi", "yes"]]);
  expect(chat.messages.slice(-2)).toMatchObject(server.messages.slice(-2).map(({ id, role }) => ({ id, role })));
  const operations = tab.sent.filter(({ type }) => type === "cf_agent_chat_operation");
  expect(operations).toMatchObject([{ operation: "append", body: { page: 1, tone: "brief" } }]);
});

it("regenerates, and edits what was edited before", async () => {
  const { server, tab, chat, loaded } = setup();
  await loaded;
  void chat.sendMessage({ text: "hi" });
  await finish(server, tab);
  server.script = () => speech("again");
  void chat.regenerate();
  await finish(server, tab);
  expect(texts(server.messages)).toEqual(["hi", "again"]);
  for (const text of ["better", "best"]) {
    void chat.sendMessage({ text, messageId: chat.messages[0]!.id });
    await finish(server, tab);
    expect([texts(chat.messages), texts(server.messages)]).toEqual([
      [text, "again"],
      [text, "again"]
    ]);
  }
});

it("takes up a stream from its beginning", async () => {
  const { server, tab, chat, loaded } = setup();
  await loaded;
  const other = new FakeTab(server);
  other.connect();
  server.handle(other, {
    type: "cf_agent_chat_operation",
    id: "q",
    operation: "append",
    message: message("u1", "user")
  });
  for (let count = 0; count < 3; count++) server.speak();
  tab.settle();
  const resumed = chat.resumeStream();
  await finish(server, tab);
  await resumed;
  expect(texts(chat.messages)).toEqual(["yes"]);
});

it("reads the answer to its own question, and not the one before it", async () => {
  const { server, tab, chat, loaded } = setup();
  await loaded;
  const other = new FakeTab(server);
  other.connect();
  server.script = () => speech("theirs");
  const question = message("u1", "user");
  server.handle(other, { type: "cf_agent_chat_operation", id: "q", operation: "append", message: question });
  server.script = () => speech("mine");
  void chat.sendMessage({ text: "hi" });
  for (let count = 0; count < 5; count++) await soon();
  tab.settle();
  await finish(server, tab);
  expect([chat.status, texts(chat.messages)]).toEqual(["ready", ["hi", "mine"]]);
});

it("gives the results of calls that the AI SDK puts into the message, and reads how it goes on", async () => {
  const { server, tab, transport, loaded } = setup();
  const call: UIMessageChunk = { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} };
  server.script = (question) => (question ? [call] : speech("there"));
  await loaded;
  const isAnswered = (messages: UIMessage[]) =>
    messages.at(-1)!.parts.some((part) => "state" in part && part.state === "output-available") &&
    messages.at(-1)!.parts.at(-1)?.type !== "text";
  const chat = new Chat({
    transport,
    onToolCall: ({ toolCall }) =>
      void chat.addToolOutput({ tool: "where", toolCallId: toolCall.toolCallId, output: "here" }),
    sendAutomaticallyWhen: ({ messages }) => isAnswered(messages)
  });
  void chat.sendMessage({ text: "where" });
  await finish(server, tab);
  await finish(server, tab);
  expect(texts(server.messages)).toEqual(["where", "tool-wherethere"]);
  expect(texts(chat.messages)).toEqual(["where", "tool-wherethere"]);
});

it("stops", async () => {
  const { server, tab, chat, loaded } = setup();
  await loaded;
  void chat.sendMessage({ text: "hi" });
  for (let count = 0; count < 5; count++) await soon();
  tab.settle();
  server.speak();
  tab.settle();
  await chat.stop();
  await finish(server, tab);
  expect([chat.status, server.turns, tab.sent.at(-1)?.type]).toEqual(["ready", [], "cf_agent_chat_request_cancel"]);
});
