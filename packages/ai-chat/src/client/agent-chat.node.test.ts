import type { UIMessage, UIMessageChunk } from "ai";
import { expect, it, onTestFinished, vi } from "vitest";
import { conversation, finish, message, open, sent, soon, speech, texts } from "./fake-page.node";

it("asks for another answer to the message that was named, even if that is not here", async () => {
  const server = conversation("yes");
  server.messages = [message("u0", "user"), message("u1", "user"), message("a1", "assistant")];
  const { tab, chat } = open(server);
  void chat.regenerate({ messageId: "unknown" });
  await finish(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["u0", "u1", "a1"]);
  void chat.regenerate({ messageId: "u1" });
  await finish(server);
  void chat.regenerate({ messageId: "u0" });
  await finish(server);
  expect(sent(tab, "cf_agent_chat_operation")).toMatchObject(
    ["unknown", "a1", "u0"].map((messageId) => ({ messageId }))
  );
});

it("waits for nothing when the agent takes the answer to a call and does not go on", async () => {
  const server = conversation();
  const call = { type: "tool-where", toolCallId: "c1", state: "input-available", input: {} };
  const asks = { id: "a0", role: "assistant", parts: [call] } as UIMessage;
  server.messages = [asks, message("note", "assistant")];
  const { tab, chat } = open(server);
  vi.spyOn(server, "handle").mockImplementation(() => {
    server.change({ upsert: [{ ...asks, parts: [{ ...call, state: "output-available", output: 1 }] } as UIMessage] });
    const { epoch, revision } = server;
    tab.hear({ type: "cf_agent_chat_accepted", id: "c1", epoch, revision });
  });
  chat.addToolOutput({ toolCallId: "c1", output: 1 });
  expect(chat.getSnapshot().status).toBe("submitted");
  await finish(server);
  expect(chat.getSnapshot().status).toBe("ready");
});

it("can load more after the message before which it was to load has gone", async () => {
  const server = conversation();
  server.messages = Array.from({ length: 250 }, (_, n) => message(`m${n}`, "user"));
  const { chat } = open(server);
  const more = chat.loadMore();
  server.change({ removed: ["m150"] });
  await finish(server);
  await more;
  expect(chat.getSnapshot()).toMatchObject({ messages: { length: 99 }, hasMore: true });
});

it("reports what a callback throws, and goes on", async () => {
  const report = vi.fn();
  vi.stubGlobal("reportError", report);
  onTestFinished(() => void vi.unstubAllGlobals());
  const server = conversation();
  server.script = () => [
    { type: "data-x", data: 1 } as UIMessageChunk,
    ...speech("yes"),
    { type: "error", errorText: "no" }
  ];
  const fails = (name: string) => () => {
    throw new Error(name);
  };
  const { chat } = open(server, { onData: fails("onData"), onError: fails("onError"), onFinish: fails("onFinish") });
  const asked = chat.sendMessage({ text: "hi" });
  await finish(server);
  await asked;
  expect(report.mock.calls.map(([error]) => (error as Error).message)).toEqual(["onData", "onError", "onFinish"]);
  expect(texts(chat.getSnapshot().messages)).toEqual(["hi", "data-xyes"]);
});

it("calls onFinish for the turn that has ended", async () => {
  const server = conversation("one ", "two ", "three");
  const onFinish = vi.fn();
  const { tab, chat } = open(server, { onFinish });
  const other = open(server);
  void other.chat.sendMessage({ text: "hi" });
  await soon();
  other.tab.settle();
  for (let count = 0; count < 4; count++) server.speak();
  void chat.sendMessage({ text: "mine" });
  await soon();
  tab.settle();
  const [operation] = sent(tab, "cf_agent_chat_operation") as { id: string }[];
  const { epoch, revision } = server;
  // Another client's question takes it in.
  const done = { type: "cf_agent_use_chat_response", turnId: "t2", seq: 1, body: "", done: true } as const;
  tab.hear({ ...done, id: operation!.id, outcome: "completed", epoch, revision });
  tab.settle();
  expect(onFinish).not.toHaveBeenCalled();
});
