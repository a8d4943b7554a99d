import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { connect, evict } from "../../../agents/src/test/kit";
import type { ChatResponseFrame } from "../protocol/frames";
import { doneOf, rows, said, stored, talker, text, user, type Frame } from "../test/chat-kit";
import { accepted, append, ask, delta, done, extended, operation, refused, snapshot, sync } from "../test/extended-kit";
import { answers, textAnswer } from "../test/script";

answers.set("hi", () => textAnswer("hello"));
const deltas = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => ({ type: "text-delta", id: "t", delta: `${from + n} ` }));

/** A conversation of this many messages, `m0` the oldest. */
async function conversation(name: string, length: number) {
  const stub = talker(name);
  await stub.persist(Array.from({ length }, (_, n) => user(`m${n}`, `message ${n}`)));
  const [a, head] = await extended(stub);
  return { stub, a, head };
}

it("[T2] greets with where the conversation is, and nothing of it", async () => {
  const [, empty] = await extended(talker("unused"));
  expect(empty).toEqual({ type: "cf_agent_chat_snapshot", epoch: "", revision: 0 });
  const { head } = await conversation("greeting", 3);
  expect(head).toEqual({ type: "cf_agent_chat_snapshot", epoch: expect.any(String), revision: 1 });
  const silent = await connect(talker("greeting"), "_agents_ext=1&silent");
  expect(await silent.settled()).toEqual([]);
});

it("[T2] gives the last page to whoever has nothing, and older ones when they are asked for", async () => {
  const { a, head } = await conversation("pages", 230);
  a.send(sync());
  const first = await snapshot(a);
  expect(first).toMatchObject({ epoch: head.epoch, revision: head.revision, reset: true, hasMore: true });
  expect(first.messages.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, n) => `m${130 + n}`));
  const page = async (before: string, limit?: number) => {
    a.send({ type: "cf_agent_chat_page", id: "p", before, ...(limit !== undefined && { limit }) });
    return a.next<{ messages: { id: string }[]; hasMore: boolean }>("cf_agent_chat_page");
  };
  expect((await page("m130", 40)).messages.map(({ id }) => id)).toEqual(
    Array.from({ length: 40 }, (_, n) => `m${90 + n}`)
  );
  expect(await page("m90", 90)).toMatchObject({ hasMore: false, messages: { length: 90 } });
  expect(await page("m90", 89)).toMatchObject({ hasMore: true, messages: { length: 89 } });
  expect(await page("m0")).toMatchObject({ hasMore: false, messages: [] });
  expect(await page("unknown")).toMatchObject({ hasMore: false, messages: [] });
});

it("[T2] does not send more than about a megabyte at once, but at least one message", async () => {
  const stub = talker("large");
  await stub.persist(Array.from({ length: 6 }, (_, n) => user(`m${n}`, "x".repeat(n === 5 ? 1_700_000 : 400_000))));
  const [a] = await extended(stub);
  a.send(sync());
  expect(await snapshot(a)).toMatchObject({ hasMore: true, messages: [{ id: "m5" }] });
  a.send({ type: "cf_agent_chat_page", id: "p", before: "m5" });
  expect(await a.next("cf_agent_chat_page")).toMatchObject({ hasMore: true, messages: [{ id: "m3" }, { id: "m4" }] });
});

it("gives pages over HTTP, and everything as documented", async () => {
  const { stub } = await conversation("http", 30);
  const get = async (query: string) => stub.fetch(`http://test/agents/talker/http/get-messages${query}`);
  const ids = async (query: string) => ((await (await get(query)).json()) as { id: string }[]).map(({ id }) => id);
  expect(await ids("")).toHaveLength(30);
  expect(await ids("?limit=2")).toEqual(["m28", "m29"]);
  expect(await ids("?limit=3&before=m2")).toEqual(["m0", "m1"]);
  expect((await get("?limit=0")).status).toBe(400);
  expect((await get("?limit=many")).status).toBe(400);
});

it.each([false, true])("[T2] gives what changed to whoever has a revision, evicted before: %s", async (isEvicted) => {
  const { stub, a, head } = await conversation(`changed ${isEvicted}`, 30);
  await ask(a, "r1", "hi");
  await stub.persist([user("m28", "changed")]);
  if (isEvicted) await evict(stub);
  const all = await stored(stub);
  a.send(sync({ epoch: head.epoch, revision: head.revision }));
  const { messages, removed, after, reset } = await snapshot(a);
  expect([messages, removed, reset]).toEqual([all.slice(28), [], undefined]);
  expect(after).toEqual({ m28: "m27", m29: "m28", "u-r1": "m29" });
  const { revision } = (await extended(stub, "b"))[1];
  a.send(sync({ epoch: head.epoch, revision }));
  expect(await snapshot(a)).toMatchObject({ messages: [], removed: [], revision });
});

it("[T2] tells which messages are gone, and after an eviction sends a page instead", async () => {
  const { stub, a, head } = await conversation("removed", 30);
  a.send(operation("d1", "delete", { messageId: "m3" }));
  await accepted(a, "d1");
  a.send(sync(head));
  expect(await snapshot(a)).toMatchObject({ messages: [], removed: ["m3"] });
  await evict(stub);
  a.send(sync(head));
  expect(await snapshot(a)).toMatchObject({ reset: true, messages: { length: 29 } });
});

it("[T1] begins an epoch when an older release has added to the conversation", async () => {
  const { stub, a, head } = await conversation("older-release", 3);
  await evict(stub);
  await rows(
    stub,
    "INSERT INTO cf_ai_chat_agent_messages (id, message, created_at) VALUES ('x', ?, '2100-01-01 00:00:00')",
    JSON.stringify(user("x", "from an older release"))
  );
  await evict(stub);
  const [, second] = await extended(stub, "b");
  expect(second.epoch).not.toBe(head.epoch);
  a.send(sync(head));
  expect(await snapshot(a)).toMatchObject({ ...second, reset: true, messages: { length: 4 } });
  await evict(stub);
  expect((await extended(stub, "c"))[1]).toEqual(second);
});

it("[T2] places a message that is not the last, and does not send the many of a list one by one", async () => {
  const stub = talker("places");
  const [[a], [b]] = [await extended(stub, "a"), await extended(stub, "b")];
  a.send(append("r1", "u1", "script"));
  await stub.begun();
  a.send(append("r2", "u2", "hi"));
  await accepted(a, "r2");
  await stub.say({ type: "start" }, ...text("t", "first"));
  await stub.sayEnd();
  for (const id of ["u1", "u2"]) expect(await delta(b)).toMatchObject({ upsert: [{ message: { id } }] });
  expect(await delta(b)).toMatchObject({ upsert: [{ after: "u1", message: said("first") }] });
  await done(b, "r2");
  await stub.persist(Array.from({ length: 9 }, (_, n) => user(`m${n}`, "many")));
  const [head] = await b.settled();
  expect(head).toMatchObject({ type: "cf_agent_chat_snapshot", revision: 5 });
  expect(head).not.toHaveProperty("messages");
});

it.each([0, 1, 24, 25, 26, 60])("[U3] gives the chunks after the %dth, in order, once, then live ones", async (seq) => {
  const stub = talker(`chunks ${seq}`);
  const [a] = await extended(stub);
  a.send(append("r1", "u1", "script"));
  const { turnId, messageId } = await accepted(a, "r1");
  await stub.say({ type: "start" }, { type: "text-start", id: "t" }, ...deltas(0, 58));
  await a.next((frame: Frame) => String(frame.body).includes('"57 "'));
  const [b, head] = await extended(stub, "b");
  const turn = { id: turnId, requestId: "r1", phase: "streaming", seq: 60, messageId, after: "u1" };
  expect(head.turn).toEqual(turn);
  b.send(sync({ epoch: head.epoch, revision: head.revision, turnId, seq }));
  expect(await snapshot(b)).toMatchObject({ turn });
  await stub.say(...deltas(58, 60), { type: "text-end", id: "t" });
  await stub.sayEnd();
  const frames: ChatResponseFrame[] = [];
  do frames.push((await b.nextFrame()) as ChatResponseFrame);
  while (!frames.at(-1)!.done);
  const chunks = frames.filter(({ type, done: isDone }) => type === "cf_agent_use_chat_response" && !isDone);
  expect(chunks.map((frame) => frame.seq)).toEqual(Array.from({ length: 63 - seq }, (_, n) => seq + 1 + n));
  expect(frames.at(-1)).toMatchObject({ seq: 64, outcome: "completed" });
});

it("[U3] tells a client that was away how its turn ended", async () => {
  answers.set("throw", () => {
    throw new Error("no model today");
  });
  const stub = talker("away");
  const [a, head] = await extended(stub);
  const { turnId } = await ask(a, "r1", "throw");
  const { epoch } = (await extended(stub, "c"))[1];
  await evict(stub);
  const [b] = await extended(stub, "b");
  b.send(sync({ epoch, revision: 1, turnId, seq: 3 }));
  await snapshot(b);
  expect(await done(b)).toMatchObject({ id: "r1", turnId, outcome: "failed", error: true, body: "no model today" });
  b.send(sync({ epoch: head.epoch, revision: 0, turnId, seq: 3 }));
  await snapshot(b);
  expect(await b.settled()).toEqual([]);
});

const readonly = { code: "CONNECTION_READONLY", message: "Connection is readonly" };
const notAllowed = { code: "CHAT_REFUSED", message: "Not allowed" };
const writes: [frame: Record<string, unknown>, id: string, right: string][] = [
  [append("x", "u9", "hi"), "x", "chat-request"],
  [operation("x", "edit", { messageId: "u-r1", message: user("u9", "hi") as never }), "x", "chat-request"],
  [operation("x", "regenerate"), "x", "chat-request"],
  [operation("x", "continue"), "x", "chat-request"],
  [operation("x", "delete", { messageId: "u-r1" }), "x", "chat-rewrite"],
  [operation("x", "select", { messageId: "u-r1" }), "x", "chat-rewrite"],
  [operation("x", "clear"), "x", "chat-clear"],
  [{ type: "cf_agent_chat_messages", messages: [] }, "cf_agent_chat_messages", "chat-rewrite"],
  [{ type: "cf_agent_chat_clear" }, "cf_agent_chat_clear", "chat-clear"],
  [{ type: "cf_agent_chat_request_cancel", id: "x" }, "x", "chat-cancel"],
  [{ type: "cf_agent_tool_result", toolCallId: "c1", output: 1 }, "c1", "tool-result"],
  [{ type: "cf_agent_tool_approval", toolCallId: "c1", approved: true }, "c1", "tool-approval"]
];

it.each(writes.map(([frame, ...rest]) => [JSON.stringify(frame), frame, ...rest] as const))(
  "[C2] refuses a read-only connection, and one that the application refuses, in the words of the protocol: %s",
  async (title, frame, id, right) => {
    const stub = talker(`refuse ${title}`);
    const [a] = await extended(stub);
    await ask(a, "r1", "hi");
    const before = await stored(stub);
    const viewer = await connect(stub, "_agents_ext=1&_pk=v&readonly");
    viewer.send(frame);
    expect(await refused(viewer)).toEqual({ type: "cf_agent_chat_refused", id, ...readonly });
    await runInDurableObject(stub, (agent) => void agent.forbidden.add(right as never));
    a.send(frame);
    expect(await refused(a)).toEqual({ type: "cf_agent_chat_refused", id, ...notAllowed });
    expect(await stored(stub)).toEqual(before);
  }
);

it.each([
  [sync(), "cf_agent_chat_sync"],
  [{ type: "cf_agent_chat_page", id: "x", before: "u1" }, "x"],
  [{ type: "cf_agent_chat_branches", id: "x", messageId: "u1" }, "x"]
])("[C2] lets a read-only connection read, and asks the application: %o", async (frame, id) => {
  const stub = talker(`read ${frame.type}`);
  const [a] = await extended(stub);
  const viewer = await connect(stub, "_agents_ext=1&_pk=v&readonly");
  viewer.send(frame);
  await viewer.next((answer) => answer.type === (id === "x" ? frame.type : "cf_agent_chat_snapshot"));
  await runInDurableObject(stub, (agent) => void agent.forbidden.add("chat-resume"));
  a.send(frame);
  expect(await refused(a)).toEqual({ type: "cf_agent_chat_refused", id, ...notAllowed });
});

it.each([
  { type: "cf_agent_chat_operation", operation: "clear" },
  { type: "cf_agent_chat_operation", id: "x", operation: "explode" },
  { type: "cf_agent_chat_operation", id: "x", operation: "toString" },
  { type: "cf_agent_chat_operation", id: "x", operation: "append", message: { ...user("u1", "x"), role: "tool" } },
  { type: "cf_agent_chat_operation", id: "x", operation: "append" },
  { type: "cf_agent_chat_operation", id: "x", operation: "edit", messageId: "u1" },
  { type: "cf_agent_chat_operation", id: "x", operation: "append", message: user("u1", "x"), body: [] },
  { type: "cf_agent_chat_sync", revision: -1 },
  { type: "cf_agent_chat_sync", seq: 1.5 },
  { type: "cf_agent_chat_page", id: "x" }
])("drops %o", async (frame) => {
  const stub = talker(`drops ${JSON.stringify(frame)}`);
  const [a] = await extended(stub);
  a.send(frame);
  expect((await a.settled()).map((each) => (each as Frame).type).filter((type) => type.includes("chat"))).toEqual([]);
  expect(await stub.reported()).toEqual([]);
});

it("[C1] leaves a client of the documented protocol alone that has none of this", async () => {
  const { stub } = await conversation("plain", 2);
  const old = await connect(stub, "_pk=old");
  expect((await old.settled()).map((frame) => (frame as Frame).type)).toEqual([
    "cf_agent_identity",
    "cf_agent_mcp_servers"
  ]);
  const [a] = await extended(stub);
  await ask(a, "r1", "hi");
  const end = await doneOf(old);
  expect(end).toEqual({ type: "cf_agent_use_chat_response", id: "r1", body: "", done: true });
});
