import type { UIMessage } from "ai";
import { expect, it, vi } from "vitest";
import { beginChat, FakeServer, startChat, until } from "./fake-server.node";
import type { OnToolCallCallback } from "./options";

const user = (id: string, text: string): UIMessage => ({ id, role: "user", parts: [{ type: "text", text }] });
const answer = (id: string, ...deltas: string[]) => [
  { type: "start", messageId: id },
  { type: "text-start", id: "t" },
  ...deltas.map((delta) => ({ type: "text-delta", id: "t", delta })),
  { type: "text-end", id: "t" }
];
const texts = (messages: UIMessage[]) =>
  messages.map(({ parts }) => parts.map((part) => (part.type === "text" ? part.text : part.type)).join(""));
const waitingCall: UIMessage = {
  id: "a1",
  role: "assistant",
  parts: [{ type: "tool-where", toolCallId: "c1", state: "input-available", input: { exact: true } }]
};
const approval: UIMessage = {
  id: "a1",
  role: "assistant",
  parts: [{ type: "tool-pay", toolCallId: "c1", state: "approval-requested", input: {}, approval: { id: "p1" } }]
};

// proves chat-agents#flow-websocket, chat-agents#frame-request
it("sends a question and streams the answer into the messages, under the server's id", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id, init } = await server.next("cf_agent_use_chat_request");
  expect(JSON.parse(init.body)).toMatchObject({
    trigger: "submit-message",
    messages: [{ role: "user", parts: [{ type: "text", text: "hi" }] }]
  });
  server.chunks(id, answer("a1", "one ", "two"));
  server.done(id);
  await sending;
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "one two"]);
  expect(chat.getSnapshot().messages[1]?.id).toBe("a1");
  expect(chat.getSnapshot().status).toBe("ready");
});

it("shows the error that ends a turn, and leaves it when the next one begins", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  server.done(id, { error: true, body: "model is down" });
  await sending;
  expect([chat.getSnapshot().status, chat.getSnapshot().error?.message]).toEqual(["error", "model is down"]);
  void chat.regenerate();
  await server.next("cf_agent_use_chat_request");
  expect(chat.getSnapshot().error).toBeUndefined();
});

it("fails a question that the socket does not send, and asks the next one", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  server.refusal = new Error("too large");
  await chat.sendMessage({ text: "large" });
  expect([chat.getSnapshot().status, chat.getSnapshot().error, texts(chat.getSnapshot().messages)]).toEqual([
    "error",
    server.refusal,
    ["large"]
  ]);
  server.refusal = undefined;
  void chat.sendMessage({ text: "small" });
  await server.next("cf_agent_use_chat_request");
  expect(chat.getSnapshot().error).toBeUndefined();
});

it("does not wait for the continuation of a tool's result that the socket does not send", async () => {
  const server = new FakeServer();
  server.messages = [waitingCall];
  const onError = vi.fn();
  const chat = await startChat(server, { onError });
  server.refusal = new Error("too large");
  chat.addToolOutput({ toolCallId: "c1", output: "large" });
  expect(chat.getSnapshot()).toMatchObject({ status: "error", error: server.refusal });
  expect(onError.mock.calls).toEqual([[server.refusal]]);
});

it("follows the turn of another client", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  server.say({ type: "cf_agent_chat_messages", messages: [user("u1", "from elsewhere")] });
  server.chunks("r9", answer("a1", "live"));
  expect(chat.getSnapshot().status).toBe("streaming");
  expect(texts(chat.getSnapshot().messages)).toEqual(["from elsewhere", "live"]);
  server.done("r9");
  expect(chat.getSnapshot().status).toBe("ready");
});

it("resumes the stream that is under way when it starts", async () => {
  const server = new FakeServer();
  server.messages = [user("u1", "hi")];
  const chat = await startChat(server);
  server.say({ type: "cf_agent_stream_resuming", id: "r1" });
  expect((await server.next("cf_agent_stream_resume_ack")).id).toBe("r1");
  const [start, begin, delta, end] = answer("a1", "one ");
  server.chunks("r1", [start!, begin!, delta!], { replay: true });
  server.chunks("r1", [{ type: "text-delta", id: "t", delta: "two" }, end!]);
  server.done("r1");
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "one two"]);
});

it("goes on after a lost connection without losing or doubling a chunk of its own turn", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  server.messages = [...chat.getSnapshot().messages];
  const chunks = answer("a1", "one ", "two ", "three");
  server.chunks(id, chunks.slice(0, 4));
  server.lose();
  server.restore();
  await server.next("cf_agent_stream_resume_request");
  server.say({ type: "cf_agent_stream_resuming", id });
  await server.next("cf_agent_stream_resume_ack");
  server.chunks(id, chunks.slice(0, 5), { replay: true });
  server.chunks(id, chunks.slice(5));
  server.done(id);
  await sending;
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "one two three"]);
});

it("does the same with a turn that it follows", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const chunks = answer("a1", "one ", "two");
  server.chunks("r9", chunks.slice(0, 3));
  server.lose();
  server.restore();
  await server.next("cf_agent_stream_resume_request");
  server.say({ type: "cf_agent_stream_resuming", id: "r9" });
  server.chunks("r9", chunks.slice(0, 4), { replay: true });
  server.chunks("r9", chunks.slice(4));
  server.done("r9");
  expect(texts(chat.getSnapshot().messages)).toEqual(["one two"]);
});

it("asks once for a stream that is offered on connecting and again when it asks", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  server.lose();
  server.restore();
  server.say({ type: "cf_agent_stream_resuming", id: "r9" });
  server.say({ type: "cf_agent_stream_resuming", id: "r9" });
  const acks = () => server.frames.filter(({ type }) => type === "cf_agent_stream_resume_ack").length;
  expect(acks()).toBe(1);
  server.chunks("r9", answer("a1", "one "), { replay: true });
  server.say({
    type: "cf_agent_use_chat_response",
    id: "r9",
    body: "",
    done: false,
    replay: true,
    replayComplete: true
  });
  server.say({ type: "cf_agent_stream_resuming", id: "r9" });
  expect(acks()).toBe(2);
  expect(texts(chat.getSnapshot().messages)).toEqual(["one "]);
});

it("is not confused by a stream that is replayed twice, its own or another's", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  const chunks = answer("a1", "one ", "two");
  for (const request of [id, "r9"]) {
    const complete = {
      type: "cf_agent_use_chat_response",
      id: request,
      body: "",
      done: false,
      replayComplete: true
    } as const;
    server.chunks(request, chunks.slice(0, 3));
    for (let replay = 0; replay < 2; replay++) {
      server.chunks(request, chunks.slice(0, 3), { replay: true });
      server.say({ ...complete, replay: true });
    }
    server.chunks(request, chunks.slice(3));
    server.done(request);
    await sending;
    expect(texts(chat.getSnapshot().messages).at(-1)).toBe("one two");
  }
});

it("loads the transcript when its turn ended while it was away", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  server.chunks(id, answer("a1", "one "));
  server.lose();
  server.messages = [
    chat.getSnapshot().messages[0]!,
    { id: "a1", role: "assistant", parts: [{ type: "text", text: "one two" }] }
  ];
  server.restore();
  await server.next("cf_agent_stream_resume_request");
  server.say({ type: "cf_agent_stream_resume_none" });
  await sending;
  expect(chat.getSnapshot().status).toBe("ready");
  expect(texts(chat.getSnapshot().messages).at(-1)).toBe("one two");
});

it("sends a question again that the server never got", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const first = await server.next("cf_agent_use_chat_request");
  server.lose();
  server.restore();
  await server.next("cf_agent_stream_resume_request");
  server.say({ type: "cf_agent_stream_resume_none" });
  expect(await server.next("cf_agent_use_chat_request")).toEqual(first);
  server.chunks(first.id, answer("a1", "yes"));
  server.done(first.id);
  await sending;
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "yes"]);
});

it("shows what others said while it was away, also before what is being said now", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  server.lose();
  server.messages = [user("u1", "from elsewhere")];
  server.restore();
  server.say({ type: "cf_agent_stream_resume_none" });
  await until(chat, () => texts(chat.getSnapshot().messages).join() === "from elsewhere");

  server.lose();
  server.messages = [user("u1", "from elsewhere"), user("u2", "and more")];
  server.restore();
  server.say({ type: "cf_agent_stream_resuming", id: "r9" });
  server.chunks("r9", answer("a2", "live"), { replay: true });
  await until(chat, () => chat.getSnapshot().messages.length === 3);
  expect(texts(chat.getSnapshot().messages)).toEqual(["from elsewhere", "and more", "live"]);
});

it("keeps the answers that stream, its own and another's, when messages come", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  server.chunks(id, answer("a1", "one ").slice(0, 3));
  await until(chat, () => texts(chat.getSnapshot().messages).at(-1) === "one ");
  server.say({ type: "cf_agent_chat_messages", messages: [user("u0", "theirs")] });
  expect(texts(chat.getSnapshot().messages)).toEqual(["theirs", "hi", "one "]);
  server.done(id);
  await sending;
  server.chunks("r9", answer("a9", "two "));
  server.say({ type: "cf_agent_chat_messages", messages: [user("u0", "theirs")] });
  expect(texts(chat.getSnapshot().messages)).toEqual(["theirs", "two "]);
});

it("follows a stream that begins while it loads what it missed", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  server.lose();
  server.messages = [user("u1", "from elsewhere")];
  server.restore();
  server.say({ type: "cf_agent_stream_resume_none" });
  const [start, begin, delta, ...rest] = answer("a1", "one ", "two");
  server.chunks("r9", [start!, begin!, delta!]);
  await until(chat, () => chat.getSnapshot().messages.length === 2);
  server.chunks("r9", rest);
  expect(chat.getSnapshot().status).toBe("streaming");
  expect(texts(chat.getSnapshot().messages)).toEqual(["from elsewhere", "one two"]);
});

it("loads again what could not be loaded, and forgets that it could not", async () => {
  const server = new FakeServer();
  const onError = vi.fn<(error: Error) => void>();
  const failure = new Error("no network");
  const loads: (Error | UIMessage[])[] = [failure, [user("u1", "hi")]];
  const loadMessages = async () => {
    const next = loads.shift()!;
    if (next instanceof Error) throw next;
    return next;
  };
  const chat = await startChat(server, { getInitialMessages: loadMessages, onError });
  await until(chat, () => texts(chat.getSnapshot().messages).join() === "hi");
  expect([onError.mock.calls, chat.getSnapshot().error]).toEqual([[[failure]], undefined]);
});

it("loads again when something happened while it was loading", async () => {
  const server = new FakeServer();
  const loads = [[user("u1", "old")], [user("u1", "old"), user("u2", "new")]];
  const chat = await startChat(server, {
    getInitialMessages: async () => {
      if (loads.length === 2) server.say({ type: "cf_agent_chat_messages", messages: [] });
      return loads.shift()!;
    }
  });
  expect(texts(chat.getSnapshot().messages)).toEqual(["old", "new"]);
});

it("answers what was asked before the messages came, and puts them before it", async () => {
  const server = new FakeServer();
  const loaded = Promise.withResolvers<UIMessage[]>();
  const chat = beginChat(server, { getInitialMessages: () => loaded.promise });
  const sending = chat.sendMessage({ text: "early" });
  const { id } = await server.next("cf_agent_use_chat_request");
  server.chunks(id, answer("a1", "one ").slice(0, 3));
  await until(chat, () => texts(chat.getSnapshot().messages).at(-1) === "one ");
  loaded.resolve([user("u0", "old")]);
  await until(chat, () => !chat.getSnapshot().isLoading);
  expect(texts(chat.getSnapshot().messages)).toEqual(["old", "early", "one "]);
  server.chunks(id, [{ type: "text-delta", id: "t", delta: "two" }]);
  server.done(id);
  await sending;
  expect(texts(chat.getSnapshot().messages)).toEqual(["old", "early", "one two"]);
});

it("ends a turn that is over before the messages came", async () => {
  const server = new FakeServer();
  const loads = [Promise.withResolvers<UIMessage[]>(), Promise.withResolvers<UIMessage[]>()];
  const loadMessages = () => loads.shift()!.promise;
  const [first, second] = loads;
  const chat = beginChat(server, { getInitialMessages: loadMessages });
  const sending = chat.sendMessage({ text: "early" });
  const { id } = await server.next("cf_agent_use_chat_request");
  server.chunks(id, answer("a1", "one"));
  server.done(id);
  await sending;
  expect(chat.getSnapshot().status).toBe("ready");
  first!.resolve([]);
  // What it says was not stored when the first list was made.
  second!.resolve(chat.getSnapshot().messages);
  await until(chat, () => !chat.getSnapshot().isLoading);
  expect(texts(chat.getSnapshot().messages)).toEqual(["early", "one"]);
});

it("offers a waiting call once, sends its result, and follows the continuation on the same message", async () => {
  const server = new FakeServer();
  server.messages = [user("u1", "where"), waitingCall];
  const onToolCall = vi.fn<OnToolCallCallback>();
  const chat = await startChat(server, { onToolCall });
  await vi.waitUntil(() => onToolCall.mock.calls.length > 0);
  chat.addToolOutput({ toolCallId: "c1", output: { zone: "UTC" } });
  expect(await server.next("cf_agent_tool_result")).toMatchObject({
    toolCallId: "c1",
    toolName: "where",
    output: { zone: "UTC" },
    autoContinue: true
  });
  expect(chat.getSnapshot().status).toBe("submitted");
  server.chunks("c", answer("a1", "in UTC"), { continuation: true });
  server.done("c", { continuation: true });
  expect(chat.getSnapshot().messages).toHaveLength(2);
  expect(chat.getSnapshot().messages[1]?.parts).toMatchObject([
    { state: "output-available" },
    { type: "text", text: "in UTC" }
  ]);
  expect(onToolCall).toHaveBeenCalledTimes(1);
});

// proves chat-agents#error-does-not-go-on, chat-agents#custom-denial
it("does not go on after a result that is an error, nor when it is told not to", async () => {
  const server = new FakeServer();
  server.messages = [waitingCall];
  const chat = await startChat(server);
  chat.addToolOutput({ toolCallId: "c1", state: "output-error", errorText: "no" });
  expect(await server.next("cf_agent_tool_result")).toMatchObject({
    state: "output-error",
    errorText: "no",
    autoContinue: false
  });
  expect(chat.getSnapshot().status).toBe("ready");
});

// proves chat-agents#approval-by-call, chat-agents#denial-goes-on
it.each([["p1"], ["c1"]])("finds the call to approve by the approval's id or its own (%s)", async (id) => {
  const server = new FakeServer();
  server.messages = [approval];
  const chat = await startChat(server);
  chat.addToolApprovalResponse({ id, approved: false });
  expect(await server.next("cf_agent_tool_approval")).toMatchObject({
    toolCallId: "c1",
    approved: false,
    autoContinue: true
  });
  expect(chat.getSnapshot().messages[0]?.parts[0]).toMatchObject({
    state: "output-denied",
    approval: { id: "p1", approved: false }
  });
});

it("takes an updated message, and an emptied conversation, from the server", async () => {
  const server = new FakeServer();
  server.messages = [user("u1", "hi"), waitingCall];
  const chat = await startChat(server);
  server.say({
    type: "cf_agent_message_updated",
    message: { ...waitingCall, parts: [{ type: "text", text: "replaced" }] }
  });
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "replaced"]);
  server.say({ type: "cf_agent_chat_clear" });
  expect(chat.getSnapshot().messages).toEqual([]);
});

it("keeps a question that the server has not stored yet when a list arrives", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  void chat.sendMessage({ text: "mine" });
  await server.next("cf_agent_use_chat_request");
  server.say({ type: "cf_agent_chat_messages", messages: [user("u0", "theirs")] });
  expect(texts(chat.getSnapshot().messages)).toEqual(["theirs", "mine"]);
});

it("clears without stopping first, and keeps nothing but what was asked since", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  server.chunks(id, answer("a1", "one ").slice(0, 3));
  await until(chat, () => chat.getSnapshot().messages.length === 2);
  chat.clear();
  await sending;
  server.chunks(id, answer("a1", "one ").slice(3));
  expect([chat.getSnapshot().status, chat.getSnapshot().messages]).toEqual(["ready", []]);
  void chat.sendMessage({ text: "again" });
  await server.next("cf_agent_use_chat_request");
  // On its way when the conversation was cleared.
  server.say({ type: "cf_agent_chat_messages", messages: [user("u0", "theirs")] });
  server.say({ type: "cf_agent_chat_clear" });
  expect(texts(chat.getSnapshot().messages)).toEqual(["again"]);
  expect(server.frames.map(({ type }) => type)).toEqual(["cf_agent_chat_clear"]);
});

// proves chat-agents#cancel-frame
it("stops its own turn, one that it follows, and one that it has asked for and not heard yet", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  chat.stop();
  expect((await server.next("cf_agent_chat_request_cancel")).id).toBe(id);
  await sending;
  server.chunks("r9", answer("a1", "live"));
  chat.stop();
  expect((await server.next("cf_agent_chat_request_cancel")).id).toBe("r9");
  await until(chat, () => chat.getSnapshot().status === "ready");
  server.say({ type: "cf_agent_stream_resuming", id: "r10" });
  chat.stop();
  expect((await server.next("cf_agent_chat_request_cancel")).id).toBe("r10");
});

it("takes nothing more of a turn that it has stopped but what the server keeps of it", async () => {
  const server = new FakeServer();
  const chat = await startChat(server);
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  const chunks = answer("a1", "one ", "two ");
  server.chunks(id, chunks.slice(0, 3));
  await until(chat, () => texts(chat.getSnapshot().messages).at(-1) === "one ");
  chat.stop();
  await sending;
  server.chunks(id, chunks.slice(3));
  expect([chat.getSnapshot().status, texts(chat.getSnapshot().messages)]).toEqual(["ready", ["hi", "one "]]);
  server.done(id);
  const kept: UIMessage = { id: "a1", role: "assistant", parts: [{ type: "text", text: "one two " }] };
  server.say({ type: "cf_agent_chat_messages", messages: [chat.getSnapshot().messages[0]!, kept] });
  expect([chat.getSnapshot().status, texts(chat.getSnapshot().messages)]).toEqual(["ready", ["hi", "one two "]]);
});

// proves chat-agents#onData, chat-agents#onData-new, chat-agents#onData-others
it("gives data parts of every turn to onData, transient ones included", async () => {
  const server = new FakeServer();
  const seen: unknown[] = [];
  const chat = await startChat(server, { onData: (part) => void seen.push(part) });
  server.chunks("r9", [
    { type: "start", messageId: "a1" },
    { type: "data-step", data: 1, transient: true }
  ]);
  server.done("r9");
  const sending = chat.sendMessage({ text: "hi" });
  const { id } = await server.next("cf_agent_use_chat_request");
  server.chunks(id, [{ type: "data-step", id: "d", data: 2 }]);
  server.done(id);
  await sending;
  expect(seen).toEqual([
    { type: "data-step", data: 1, transient: true },
    { type: "data-step", id: "d", data: 2 }
  ]);
});

it("ignores frames that are not what they say", async () => {
  const server = new FakeServer();
  server.messages = [user("u1", "hi")];
  const chat = await startChat(server);
  server.say({ type: "cf_agent_chat_messages", messages: [{ id: 1 }] } as never);
  server.say({ type: "cf_agent_use_chat_response", id: "r", body: "not JSON", done: false });
  server.say({ type: "cf_agent_message_updated" } as never);
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi"]);
  expect(chat.getSnapshot().status).toBe("ready");
});
