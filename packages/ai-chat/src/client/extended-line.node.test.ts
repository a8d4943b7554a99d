import type { UIMessage } from "ai";
import { expect, it, onTestFinished, vi } from "vitest";
import { AgentChat } from "./agent-chat";
import { FakeTab } from "./fake-conversation.node";
import { conversation, finish, message, open, sent, soon, speech, texts } from "./fake-page.node";

// proves calling-llms#no-history-from-clients
it("sends what is new, and neither the list nor a request over HTTP", async () => {
  const server = conversation("yes");
  server.messages = [message("u0", "user"), message("a0", "assistant")];
  const { tab, chat } = open(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["u0", "a0"]);
  void chat.sendMessage({ text: "hi" }, { body: { tone: "brief" }, headers: { "x-one": "1" } });
  expect([texts(chat.getSnapshot().messages).at(-1), chat.getSnapshot().status]).toEqual(["hi", "submitted"]);
  await finish(server);
  expect(tab.sent.map(({ type }) => type)).toEqual(["cf_agent_chat_sync", "cf_agent_chat_operation"]);
  expect(tab.sent[1]).toMatchObject({
    operation: "append",
    message: { role: "user", parts: [{ type: "text", text: "hi" }] },
    body: { tone: "brief" },
    headers: { "x-one": "1" }
  });
  expect(chat.getSnapshot()).toMatchObject({ messages: server.messages, status: "ready" });
});

it("is ready when the answer has ended, and so is who waits for it", async () => {
  const server = conversation("one ", "two");
  const onFinish = vi.fn();
  const { chat } = open(server, { onFinish });
  const asked = chat.sendMessage({ text: "hi" });
  await finish(server);
  await asked;
  expect(onFinish.mock.calls.map(([{ message: said, isError }]) => [texts([said]), isError])).toEqual([
    [["one two"], false]
  ]);
});

it("asks again after a lost connection, under the same id, and is answered once", async () => {
  const server = conversation("yes");
  const { tab, chat } = open(server);
  const asked = chat.sendMessage({ text: "hi" });
  await soon();
  // It got there; the answer to it did not.
  tab.up();
  tab.cut();
  tab.connect();
  await finish(server);
  await asked;
  expect(new Set(sent(tab, "cf_agent_chat_operation").map((frame) => "id" in frame && frame.id)).size).toBe(1);
  expect(chat.getSnapshot().messages).toEqual(server.messages);
  expect(texts(server.messages)).toEqual(["hi", "yes"]);
});

it("takes up a stream where it was cut", async () => {
  const server = conversation("one ", "two ", "three");
  const { tab, chat } = open(server);
  const other = open(server);
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  for (let count = 0; count < 4; count++) server.speak();
  tab.settle();
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "one two "]);
  tab.cut();
  server.speak();
  tab.connect();
  tab.settle();
  expect(sent(tab, "cf_agent_chat_sync").at(-1)).toMatchObject({ turnId: "t1", seq: 4 });
  await finish(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "one two three"]);
  expect(other.chat.getSnapshot().messages).toEqual(server.messages);
});

it("takes no chunk on a new connection before it has what the turn goes on with", () => {
  const server = conversation();
  const onData = vi.fn();
  const { tab } = open(server, { onData });
  tab.cut();
  tab.connect();
  const body = JSON.stringify({ type: "data-note", data: 1, transient: true });
  const early = { type: "cf_agent_use_chat_response", id: "r9", turnId: "t9", seq: 1, body, done: false } as const;
  tab.hear({ ...early, continuation: true });
  tab.settle();
  expect(onData).not.toHaveBeenCalled();
  tab.hear({ ...early, continuation: true });
  tab.settle();
  expect(onData).toHaveBeenCalledOnce();
});

it("drops what it heard of a turn that runs again", async () => {
  const server = conversation("first try");
  const { tab, chat } = open(server);
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  for (let count = 0; count < 3; count++) server.speak();
  tab.settle();
  server.script = () => speech("second try");
  server.recover();
  // As much as the page had heard: nothing has to come after it for the page to notice.
  for (let count = 0; count < 3; count++) server.speak();
  tab.settle();
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "second try"]);
  await finish(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "second try"]);
});

it("goes on from what the server has made of a message", async () => {
  const server = conversation("lost ", "rest");
  const { tab, chat } = open(server);
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  for (let count = 0; count < 3; count++) server.speak();
  server.change({ upsert: [message("a1", "assistant", "kept ")] });
  tab.settle();
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "kept "]);
});

it("asks for what it does not have when a change does not follow what it knows", () => {
  const server = conversation();
  const { tab, chat } = open(server);
  server.change({ upsert: [message("u0", "user")] });
  const { epoch } = server;
  tab.hear({
    type: "cf_agent_chat_delta",
    epoch,
    from: 7,
    revision: 8,
    upsert: [{ message: message("u9", "user") }],
    removed: []
  });
  tab.hear({ type: "cf_agent_chat_delta", epoch: "e9", from: 0, revision: 1, upsert: [], removed: ["u0"] });
  tab.settle();
  expect(sent(tab, "cf_agent_chat_sync")).toHaveLength(2);
  expect(texts(chat.getSnapshot().messages)).toEqual(["u0"]);
});

it("is ready when its answer ended while it was away, whether it is told so or not", async () => {
  const server = conversation("yes");
  const { tab, chat } = open(server);
  const asked = chat.sendMessage({ text: "hi" });
  await soon();
  tab.up();
  tab.cut();
  while (server.speak()) {}
  const { hear } = tab;
  vi.spyOn(tab, "hear").mockImplementation((frame) => {
    if (!("done" in frame && frame.done)) hear.call(tab, frame);
  });
  tab.connect();
  await finish(server);
  await asked;
  expect(chat.getSnapshot()).toMatchObject({ status: "ready", messages: server.messages });
});

it("stops what was asked offline when it is sent", async () => {
  const server = conversation("never");
  const tab = new FakeTab(server);
  const chat = new AgentChat(tab);
  onTestFinished(chat.attach());
  void chat.sendMessage({ text: "hi" });
  await soon();
  chat.stop();
  tab.connect();
  await finish(server);
  expect(tab.sent.map(({ type }) => type).slice(-2)).toEqual([
    "cf_agent_chat_operation",
    "cf_agent_chat_request_cancel"
  ]);
  expect([texts(chat.getSnapshot().messages), texts(server.messages)]).toEqual([["hi"], ["hi"]]);
});

it("takes what the server has of an answer that it has stopped too late", async () => {
  const server = conversation("one ", "two");
  const { tab, chat } = open(server);
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  for (let count = 0; count < 3; count++) server.speak();
  tab.settle();
  // All of it is on its way.
  while (server.speak()) {}
  chat.stop();
  await finish(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "one two"]);
});

it("hears a data part once, also of a turn that it forgot and is told again", async () => {
  const server = conversation();
  server.script = () => [{ type: "data-step", data: 1 }, ...speech("end")];
  const seen: unknown[] = [];
  const { tab, chat } = open(server, { onData: ({ data }) => void seen.push(data) });
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  for (let count = 0; count < 2; count++) server.speak();
  tab.settle();
  tab.cut();
  chat.clear();
  tab.connect();
  tab.settle();
  await finish(server);
  expect([seen, chat.getSnapshot().messages]).toEqual([[1], []]);
});

// proves chat-agents#onData-resumed
it("hears the data parts of a stream that it takes up, transient ones included", async () => {
  const server = conversation();
  server.script = () => [{ type: "data-thinking", data: 1, transient: true }, ...speech("yes")];
  const { chat, tab } = open(server);
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  for (let count = 0; count < 3; count++) server.speak();
  const onData = vi.fn();
  const late = open(server, { onData });
  await finish(server);
  expect(onData.mock.calls).toEqual([[{ type: "data-thinking", data: 1, transient: true }]]);
  expect(texts(late.chat.getSnapshot().messages)).toEqual(["hi", "yes"]);
});

it("tells of a stream at most once a frame", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const server = conversation(...Array.from({ length: 20 }, () => "word "));
  const { tab, chat } = open(server);
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  server.speak();
  tab.settle();
  await soon();
  const listener = vi.fn();
  chat.subscribe(listener);
  for (let count = 0; count < 16; count++) {
    server.speak();
    tab.settle();
    await soon();
    await vi.advanceTimersByTimeAsync(2);
  }
  expect(listener.mock.calls.length).toBeLessThanOrEqual(3);
  expect(listener).toHaveBeenCalled();
});

it("loads the last page, and older ones when it is asked for them", async () => {
  const server = conversation();
  server.messages = Array.from({ length: 250 }, (_, index) => message(`m${index}`, index % 2 ? "assistant" : "user"));
  const { tab, chat } = open(server);
  expect([chat.getSnapshot().messages[0]?.id, chat.getSnapshot().hasMore]).toEqual(["m150", true]);
  const newest = chat.getSnapshot().messages.at(-1);
  for (const first of ["m50", "m0"]) {
    const loaded = chat.loadMore();
    tab.settle();
    await loaded;
    expect(chat.getSnapshot().messages[0]?.id).toBe(first);
  }
  expect(chat.getSnapshot()).toMatchObject({ hasMore: false, messages: { length: 250 } });
  expect(chat.getSnapshot().messages.at(-1)).toBe(newest);
});

it("does not take a change of an older message that is not loaded for a new one", () => {
  const server = conversation();
  server.messages = Array.from({ length: 150 }, (_, index) => message(`m${index}`, "user"));
  const { tab, chat } = open(server);
  server.change({ upsert: [message("m0", "user", "changed")] });
  tab.settle();
  expect(chat.getSnapshot().messages.map(({ id }) => id)).not.toContain("m0");
});

it("shows unchanged messages as the same objects, and tells once of what happens at a moment", async () => {
  const server = conversation("one ", "two ", "three");
  server.messages = [message("u0", "user"), message("a0", "assistant")];
  const { tab, chat } = open(server);
  const before = chat.getSnapshot().messages;
  await soon();
  const listener = vi.fn();
  chat.subscribe(listener);
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  listener.mockClear();
  for (let count = 0; count < 4; count++) server.speak();
  tab.settle();
  await soon();
  expect(listener).toHaveBeenCalledTimes(1);
  const { messages } = chat.getSnapshot();
  chat.clearError();
  server.change({ upsert: [] });
  tab.settle();
  expect(chat.getSnapshot().messages).toBe(messages);
  await finish(server);
  const after = chat.getSnapshot().messages;
  expect([after[0] === before[0], after[1] === before[1], after.length]).toEqual([true, true, 4]);
  expect(chat.getSnapshot()).toBe(chat.getSnapshot());
});

it("replaces a message of the user with what came after, and keeps both branches apart", async () => {
  const server = conversation("yes");
  server.messages = [message("u0", "user"), message("a0", "assistant"), message("u1", "user")];
  const { chat } = open(server);
  void chat.sendMessage({ text: "better", messageId: "u0" });
  expect(texts(chat.getSnapshot().messages)).toEqual(["better"]);
  await finish(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["better", "yes"]);
  expect(chat.getSnapshot().messages[0]?.id).not.toBe("u0");
});

it("finds the branches of a message", async () => {
  const server = conversation();
  server.messages = [message("u0", "user")];
  const versions = [message("old", "user"), message("u0", "user")];
  server.branches.set("u0", versions);
  const { tab, chat } = open(server);
  const found = chat.branches("u0");
  tab.settle();
  expect(await found).toEqual(versions);
});

it("shows what is refused as an error, and asks it again when the user tries again", async () => {
  const server = conversation("yes");
  const onError = vi.fn();
  const { tab, chat } = open(server, { onError });
  vi.spyOn(server, "handle").mockImplementationOnce((_, frame) => {
    if (frame.type === "cf_agent_chat_operation")
      tab.hear({
        type: "cf_agent_chat_refused",
        id: frame.id,
        code: "CHAT_BUSY",
        message: "Another message is being answered"
      });
  });
  await Promise.all([chat.sendMessage({ text: "hi" }), soon().then(() => tab.settle())]);
  const { status, error, messages } = chat.getSnapshot();
  expect([status, error?.message, texts(messages)]).toEqual(["error", "Another message is being answered", ["hi"]]);
  expect(onError.mock.calls).toEqual([[expect.objectContaining({ code: "CHAT_BUSY" })]]);
  void chat.regenerate();
  await finish(server);
  expect([chat.getSnapshot().status, texts(server.messages)]).toEqual(["ready", ["hi", "yes"]]);
});

it("stops what it waits for before anything is said", async () => {
  const server = conversation("never");
  const { tab, chat } = open(server);
  const asked = chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  chat.stop();
  await asked;
  expect(chat.getSnapshot().status).toBe("ready");
  await finish(server);
  expect([texts(chat.getSnapshot().messages), server.messages]).toEqual([["hi"], chat.getSnapshot().messages]);
});

it("begins with the messages of the application, and loads none", async () => {
  const server = conversation("yes");
  server.messages = [message("u0", "user"), message("a0", "assistant")];
  const own = [message("u0", "user")];
  const begun = open(server, { getInitialMessages: null, messages: own });
  await soon();
  begun.tab.settle();
  expect(begun.chat.getSnapshot()).toMatchObject({ messages: own, isLoading: false });
  const getInitialMessages = vi.fn(async () => own);
  const loaded = open(server, { getInitialMessages });
  await soon();
  loaded.tab.settle();
  expect(loaded.chat.getSnapshot()).toMatchObject({ messages: own, isLoading: false });
  expect(getInitialMessages.mock.calls).toEqual([[{ agent: "talker", name: "test" }]]);
});

it("leaves a stream alone that was under way, until its message is complete", async () => {
  const server = conversation("one ", "two");
  const first = open(server);
  void first.chat.sendMessage({ text: "hi" });
  await soon();
  first.tab.settle();
  for (let count = 0; count < 3; count++) server.speak();
  const { chat } = open(server, { resume: false });
  expect([texts(chat.getSnapshot().messages), chat.getSnapshot().status]).toEqual([["hi"], "ready"]);
  await finish(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "one two"]);
});

it("finds the conversation on a connection that was there before it", () => {
  const server = conversation();
  server.messages = [message("u0", "user")];
  const tab = new FakeTab(server);
  tab.connect();
  tab.extended = true;
  while (tab.down()) {}
  const chat = new AgentChat(tab);
  onTestFinished(chat.attach());
  tab.settle();
  expect(texts(chat.getSnapshot().messages)).toEqual(["u0"]);
});

it("sets the list with the older messages that are not loaded", async () => {
  const server = conversation();
  server.messages = Array.from({ length: 150 }, (_, index) => message(`m${index}`, "user"));
  const { tab, chat } = open(server);
  const lists: UIMessage[][] = [];
  const { handle } = server;
  vi.spyOn(server, "handle").mockImplementation((from, frame) => {
    if (frame.type === "cf_agent_chat_messages") lists.push(frame.messages);
    else handle.call(server, from, frame);
  });
  chat.setMessages((messages) => messages.slice(0, -1));
  tab.settle();
  await soon();
  tab.settle();
  expect(lists.map(({ length }) => length)).toEqual([149]);
});

it("does not set a list that would lose the older messages", async () => {
  const server = conversation();
  server.messages = Array.from({ length: 150 }, (_, index) => message(`m${index}`, "user"));
  const { tab, chat } = open(server);
  tab.cut();
  chat.setMessages((messages) => messages.slice(0, -1));
  await soon();
  tab.connect();
  await finish(server);
  expect([sent(tab, "cf_agent_chat_messages"), chat.getSnapshot().error?.message]).toEqual([
    [],
    "The messages cannot be set: the older ones could not be loaded"
  ]);
});

it("sets a list offline when there is a connection again", async () => {
  const server = conversation();
  server.messages = [message("u0", "user"), message("u1", "user")];
  const { tab, chat } = open(server);
  const { handle } = server;
  vi.spyOn(server, "handle").mockImplementation((from, frame) => {
    if (frame.type === "cf_agent_chat_messages") server.change({ removed: ["u1"] });
    else handle.call(server, from, frame);
  });
  tab.cut();
  chat.setMessages((messages) => messages.slice(0, 1));
  expect(texts(chat.getSnapshot().messages)).toEqual(["u0"]);
  tab.connect();
  await finish(server);
  expect([texts(server.messages), texts(chat.getSnapshot().messages)]).toEqual([["u0"], ["u0"]]);
});

it("streams into 10,000 messages without long work", async () => {
  const server = conversation();
  const all = Array.from({ length: 10_000 }, (_, index) => message(`m${index}`, index % 2 ? "assistant" : "user"));
  server.messages = all;
  server.script = () => speech(...Array.from({ length: 500 }, (_, index) => `word ${index} `));
  const { tab, chat } = open(server, { getInitialMessages: async () => all });
  await soon();
  tab.settle();
  expect(chat.getSnapshot().messages).toHaveLength(10_000);
  void chat.sendMessage({ text: "hi" });
  await soon();
  tab.settle();
  const before = performance.now();
  for (let count = 0; count < 500; count++) {
    server.speak();
    tab.settle();
    chat.getSnapshot();
  }
  // Each chunk with a snapshot of its own, which a page takes once a frame.
  expect((performance.now() - before) / 500).toBeLessThan(10);
  await finish(server);
  expect(chat.getSnapshot().messages).toHaveLength(10_002);
});
