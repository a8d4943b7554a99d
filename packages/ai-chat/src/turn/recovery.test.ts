import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { UIMessage } from "ai";
import { expect, it } from "vitest";
import { connect, evict, killAll, metaOf, putMeta } from "../../../agents/src/test/kit";
import { doneOf, rows, said, stored, talker, text, type Frame } from "../test/chat-kit";
import { accepted, append, ask, done, extended, operation, snapshot, sync } from "../test/extended-kit";
import { answers, textAnswer } from "../test/script";

answers.set("hi", () => textAnswer("hello"));
// A row of the log, so that a kill leaves something of them.
const words = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ type: "text-delta", id: "t", delta: `${n} ` }));
const textOf = (message: UIMessage | undefined) =>
  message?.parts.map((part) => (part.type === "text" ? part.text : "")).join("");

/** A turn that has said so much when the instance is lost. The name of the instance is the policy and more. */
async function cutAfter(name: string, ...chunks: object[]) {
  const [a] = await extended(talker(name));
  a.send(append("r1", "u1", "script", { body: { zone: "UTC" } }));
  const first = await accepted(a, "r1");
  await talker(name).say({ type: "start" }, ...chunks);
  await a.next((frame: Frame) => frame.body === JSON.stringify(chunks.at(-1)));
  await killAll();
  return { stub: talker(name), first };
}

const attemptsOf = async (name: string) =>
  (await talker(name).getTurns()).map(({ attempts, outcome }) => [attempts, outcome]);

it("[R1] runs a turn again that was cut, under its ids, and drops what was half said", async () => {
  const { stub, first } = await cutAfter("resume text", { type: "text-start", id: "t" }, ...words(30));
  const [b, head] = await extended(stub, "b");
  const turn = { id: first.turnId, requestId: "r1", messageId: first.messageId, attempt: 2, after: "u1" };
  expect(head.turn).toEqual({ ...turn, phase: "recovering", seq: 0 });
  expect(await stored(stub)).toMatchObject([{ id: "u1" }]);
  await stub.say({ type: "start" }, ...text("t", "again"));
  await stub.sayEnd();
  expect(await done(b, "r1")).toMatchObject({ turnId: first.turnId, outcome: "completed", seq: 5 });
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, { id: first.messageId, ...said("again") }]);
  expect(await stub.questions()).toMatchObject([{ requestId: "r1", body: { zone: "UTC" } }]);
  expect(await attemptsOf("resume text")).toEqual([[2, "completed"]]);
});

// proves human-in-the-loop#stable-state
it("[R1] keeps whole steps and tools with a result, and tells the model what is unknown", async () => {
  const call = (toolCallId: string) => ({ type: "tool-input-available", toolCallId, toolName: "pay", input: {} });
  const { stub, first } = await cutAfter(
    "resume steps",
    { type: "start-step" },
    ...text("t1", "I look."),
    call("c1"),
    { type: "tool-output-available", toolCallId: "c1", output: "sunny" },
    { type: "finish-step" },
    { type: "start-step" },
    { type: "text-start", id: "t" },
    ...words(3),
    call("c2"),
    call("c3"),
    call("c4"),
    { type: "tool-output-available", toolCallId: "c2", output: "paid" },
    { type: "tool-output-available", toolCallId: "c3", output: "half", preliminary: true },
    { type: "tool-input-start", toolCallId: "c5", toolName: "pay" },
    ...words(20)
  );
  const kept = [
    { type: "step-start" },
    { type: "text", text: "I look." },
    { toolCallId: "c1", state: "output-available", output: "sunny" },
    { type: "step-start" },
    { toolCallId: "c2", state: "output-available", output: "paid" },
    { toolCallId: "c3", state: "output-error", errorText: expect.stringContaining("outcome is unknown") },
    { toolCallId: "c4", state: "output-error", errorText: expect.stringContaining("outcome is unknown") }
  ];
  const [b] = await extended(stub, "b");
  const [, cut] = await stored(stub);
  expect(cut).toMatchObject({ id: first.messageId, parts: kept });
  expect(cut!.parts).toHaveLength(7);
  expect(cut!.parts[5]).not.toHaveProperty("output");
  await stub.say({ type: "start" }, { type: "start-step" }, ...text("t", "done"));
  await stub.sayEnd();
  expect(await done(b, "r1")).toMatchObject({ continuation: true, outcome: "completed" });
  expect((await stored(stub))[1]!.parts).toMatchObject([...kept, { type: "step-start" }, { text: "done" }]);
});

it("[R1] lets a documented client follow a turn that runs again", async () => {
  const { stub } = await cutAfter("resume documented", { type: "text-start", id: "t" }, ...words(30));
  const old = await connect(stub, "_pk=old");
  expect(await old.nextFrame()).toEqual({ type: "cf_agent_stream_resuming", id: "r1" });
  old.send({ type: "cf_agent_stream_resume_ack", id: "r1" });
  await stub.say({ type: "start" }, ...text("t", "again"));
  await stub.sayEnd();
  expect(await doneOf(old, "r1")).toEqual({ type: "cf_agent_use_chat_response", id: "r1", body: "", done: true });
  expect(await old.next("cf_agent_chat_messages")).toMatchObject({ messages: [{ id: "u1" }, said("again")] });
});

it("[R1] does not ask again when all had been said", async () => {
  const name = "resume whole";
  const [a] = await extended(talker(name));
  a.send(append("r1", "u1", "script"));
  const finish = { type: "finish", messageMetadata: { model: "m" } };
  await talker(name).say(
    { type: "start" },
    { type: "text-start", id: "t" },
    ...words(21),
    { type: "text-end", id: "t" },
    finish
  );
  await a.next((frame: Frame) => frame.body === JSON.stringify(finish));
  await killAll();
  const [, head] = await extended(talker(name), "b");
  expect([head.turn, await attemptsOf(name)]).toEqual([undefined, [[1, "completed"]]]);
  expect(textOf((await stored(talker(name)))[1])).toMatch(/^0 1 .* 20 $/);
});

it("[R1] leaves a call open that waits for a person, and does not go on before", async () => {
  const { stub } = await cutAfter(
    "resume approval",
    { type: "start-step" },
    { type: "tool-input-available", toolCallId: "p1", toolName: "pay", input: {} },
    { type: "tool-approval-request", toolCallId: "p1", approvalId: "a1" },
    { type: "text-start", id: "t" },
    ...words(25)
  );
  const [b, head] = await extended(stub, "b");
  expect(head.turn).toBeUndefined();
  expect((await stored(stub))[1]!.parts).toMatchObject([{ type: "step-start" }, { state: "approval-requested" }]);
  b.send({ type: "cf_agent_tool_approval", toolCallId: "p1", approved: true, autoContinue: true });
  await accepted(b, "p1");
  await stub.say({ type: "tool-output-available", toolCallId: "p1", output: "paid" });
  await stub.sayEnd();
  expect(await done(b)).toMatchObject({ outcome: "completed" });
});

it("[R1] does not run an approved call again that may have run", async () => {
  const name = "resume approved";
  const { stub } = await cutAfter(
    name,
    { type: "start-step" },
    { type: "tool-input-available", toolCallId: "p1", toolName: "pay", input: {} },
    { type: "tool-approval-request", toolCallId: "p1", approvalId: "a1" },
    { type: "text-start", id: "t" },
    ...words(25)
  );
  const [b] = await extended(stub, "b");
  b.send({ type: "cf_agent_tool_approval", toolCallId: "p1", approved: true, autoContinue: true });
  await accepted(b, "p1");
  await stub.begun();
  await killAll();
  const [c] = await extended(talker(name), "c");
  expect((await stored(talker(name)))[1]!.parts).toMatchObject([
    {},
    { state: "output-error", errorText: expect.stringContaining("unknown") }
  ]);
  await talker(name).say({ type: "start" }, ...text("t", "sorry"));
  await talker(name).sayEnd();
  expect(await done(c)).toMatchObject({ outcome: "completed" });
});

it("[R2] asks the model so many times and no more, and keeps what was said last", async () => {
  const name = "resume attempts";
  await cutAfter(name, { type: "text-start", id: "t" }, ...words(30));
  for (let attempt = 2; attempt <= 3; attempt++) {
    const [b, head] = await extended(talker(name), "b");
    expect(head.turn).toMatchObject({ attempt });
    await talker(name).say({ type: "start" }, { type: "text-start", id: "t" }, ...words(30));
    await b.next((frame: Frame) => String(frame.body).includes('"29 "'));
    await killAll();
  }
  const [c, head] = await extended(talker(name), "c");
  expect(head.turn).toBeUndefined();
  expect(textOf((await stored(talker(name)))[1])).toMatch(/^0 1 2 .* 22 $/);
  expect(await attemptsOf(name)).toEqual([[3, "interrupted"]]);
  expect(await ask(c, "r2", "hi")).toMatchObject({ outcome: "completed" });
});

it("[R2] takes another number of attempts", async () => {
  const name = "resume once";
  const [a] = await extended(talker(name));
  a.send(append("r1", "u1", "script"));
  await talker(name).begun();
  await killAll();
  await extended(talker(name), "b");
  expect(await attemptsOf(name)).toEqual([[1, "interrupted"]]);
});

// proves chat-agents#resume-buffered
it.each(["ask", "off"])("[R3] %s: ends a turn that was cut, and takes it up when the user says so", async (policy) => {
  const name = `${policy} cut`;
  const { stub, first } = await cutAfter(
    name,
    { type: "tool-input-available", toolCallId: "c1", toolName: "pay", input: {} },
    { type: "text-start", id: "t" },
    ...words(30)
  );
  expect(await attemptsOf(name)).toEqual([[1, "interrupted"]]);
  const [, answer] = await stored(stub);
  const reason = policy === "ask" ? "outcome is unknown" : "interrupted";
  expect(answer!.parts[0]).toMatchObject({ state: "output-error", errorText: expect.stringContaining(reason) });
  expect(textOf(answer)).toMatch(/^0 1 2 /);
  const [b] = await extended(stub, "b");
  b.send(operation("r2", "continue", { messageId: first.messageId! }));
  await stub.say({ type: "start" }, ...text("t", "and on"));
  await stub.sayEnd();
  expect(await done(b, "r2")).toMatchObject({ outcome: "completed" });
  expect(textOf((await stored(stub))[1])).toMatch(/^0 1 2 .* 2\d and on$/);
});

it("[R4] runs what had only waited, in its order", async () => {
  const name = "resume waiting";
  const [a] = await extended(talker(name));
  a.send(append("r1", "u1", "script"));
  await talker(name).begun();
  a.send(append("r2", "u2", "hi"));
  await accepted(a, "r2");
  await killAll();
  const [b] = await extended(talker(name), "b");
  await talker(name).say({ type: "start" }, ...text("t", "first"));
  await talker(name).sayEnd();
  expect(await done(b)).toMatchObject({ id: "r1" });
  expect(await done(b)).toMatchObject({ id: "r2" });
  expect(await stored(talker(name))).toMatchObject([{ id: "u1" }, said("first"), { id: "u2" }, said("hello")]);
  expect((await talker(name).questions()).map(({ texts }) => texts)).toEqual([["script"], ["script", "first", "hi"]]);
  expect(await attemptsOf(name)).toEqual([
    [1, "completed"],
    [2, "completed"]
  ]);
});

it.each(["resume", "ask", "off"])(
  "[R4] [U4] %s: does not run what was stopped, and keeps what it said",
  async (policy) => {
    const name = `${policy} stopped`;
    const [a] = await extended(talker(name));
    // The model is deaf, and its end is held up.
    a.send(append("r1", "u1", "script"));
    await talker(name).say({ type: "start" }, { type: "text-start", id: "t" }, ...words(30));
    await a.next((frame: Frame) => String(frame.body).includes('"29 "'));
    await rows(talker(name), "UPDATE cf_ai_chat_turns SET cancelled = 1");
    await killAll();
    expect(textOf((await stored(talker(name)))[1])).toMatch(/^0 1 2 /);
    expect(await attemptsOf(name)).toEqual([[1, "cancelled"]]);
  }
);

it("[R5] runs nothing of the application before it has started", async () => {
  const name = "resume starting";
  await cutAfter(name, { type: "text-start", id: "t" }, ...words(30));
  await runInDurableObject(talker(name), (agent) => agent.begun());
  expect(await runInDurableObject(talker(name), (agent) => agent.startedFirst)).toBe(true);
});

it("[R5] runs what was cut first, and once, when the program asks for a turn while it starts", async () => {
  const name = "resume saving";
  await cutAfter(name, { type: "text-start", id: "t" }, ...words(30));
  const [b] = await extended(talker(name), "b");
  await talker(name).say({ type: "start" }, ...text("t", "again"));
  await talker(name).sayEnd();
  await done(b, "r1");
  await done(b);
  expect(await stored(talker(name))).toMatchObject([{ id: "u1" }, said("again"), { id: "u2" }, said("hello")]);
  expect(await talker(name).questions()).toHaveLength(2);
});

it("[R1] is found by its alarm, with hibernated clients, who are told", async () => {
  const name = "resume alarm";
  const [a, head] = await extended(talker(name));
  await ask(a, "r0", "hi");
  await evict(talker(name));
  // As a kill leaves it in the middle of a turn, with the connection still there.
  await rows(
    talker(name),
    "INSERT INTO cf_ai_chat_turns (id, request_id, operation, message_id, continues, place, asks, attempts, created_ms) VALUES ('t9', 'r9', 'append', 'a9', 0, '2100-01-01 00:00:00', '[]', 1, 1)"
  );
  await runInDurableObject(talker(name), (_, { storage }) => {
    putMeta(storage, { ...metaOf(storage), wakes: { chat: 1 } });
    return storage.setAlarm(Date.now() + 3_600_000);
  });
  await evict(talker(name));
  await runDurableObjectAlarm(talker(name));
  const told = await a.next((frame: { turn?: object }) => frame.turn !== undefined);
  expect([head.revision, told]).toMatchObject([0, { turn: { id: "t9", attempt: 2, phase: "recovering" } }]);
  expect(await done(a, "r9")).toMatchObject({ outcome: "completed" });
});

it("[U3] starts again with the chunks of another attempt for a client that has some of the first", async () => {
  const { stub, first } = await cutAfter("resume sync", { type: "text-start", id: "t" }, ...words(30));
  const [b, head] = await extended(stub, "b");
  await stub.say({ type: "start" }, ...text("t", "again"));
  await b.next((frame: Frame) => String(frame.body).includes("text-end"));
  b.send(sync({ epoch: head.epoch, revision: head.revision, turnId: first.turnId, seq: 32 }));
  expect(await snapshot(b)).toMatchObject({ turn: { attempt: 2, seq: 4 } });
  const chunks = (await b.settled()) as { seq: number; attempt: number }[];
  expect(chunks.map(({ seq, attempt }) => [seq, attempt])).toEqual([1, 2, 3, 4].map((seq) => [seq, 2]));
});

it("logs no row that is too long for SQLite, and gives long chunks whole, also after a kill", async () => {
  const stub = talker("ask long chunks");
  const [a] = await extended(stub);
  a.send(append("r1", "u1", "script"));
  const long = { type: "data-scan", id: "d1", data: `x${"🎈".repeat(400_000)}` };
  const parts = Array.from({ length: 30 }, (_, n) => ({
    type: "data-page",
    id: "d2",
    data: `${n}${"y".repeat(90_000)}`
  }));
  await stub.say({ type: "start" }, long, ...parts);
  await a.next((frame: Frame) => frame.body === JSON.stringify(parts.at(-1)));
  const longest = "SELECT max(length(CAST(body AS BLOB))) AS bytes FROM cf_ai_chat_stream_chunks";
  expect((await rows<{ bytes: number }>(stub, longest))[0]!.bytes).toBeLessThan(2_000_000);
  const [b] = await extended(stub, "b");
  b.send(sync());
  const scan = await b.next<Frame>((frame: Frame) => String(frame.body).includes("data-scan"));
  expect(scan.body === JSON.stringify(long)).toBe(true);
  await killAll();
  const data = (await stored(talker("ask long chunks")))
    .at(-1)!
    .parts.map((part) => ("data" in part ? part.data : undefined));
  expect([data[0] === long.data, data.length]).toEqual([true, 2]);
});
