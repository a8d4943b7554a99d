import { runInDurableObject } from "cloudflare:test";
import type { UIMessage } from "ai";
import { expect, it } from "vitest";
import { connect } from "../../../agents/src/test/kit";
import {
  ask as askDocumented,
  assistant,
  doneOf,
  isDone,
  said,
  stored,
  talker,
  text,
  user,
  type Frame
} from "../test/chat-kit";
import { accepted, append, ask, done, extended, operation, refused } from "../test/extended-kit";
import { answers, textAnswer } from "../test/script";
import type { ChatConcurrency } from "./operations";

answers.set("hi", () => textAnswer("hello"));
answers.set("bye", () => textAnswer("farewell"));

/** A question whose answer is being said, in an agent with this policy. */
async function speaking(policy: ChatConcurrency, name: string = policy) {
  const stub = talker(`concurrency ${name}`);
  await runInDurableObject(stub, (agent) => void (agent.chatConcurrency = policy));
  const [a] = await extended(stub);
  a.send(append("r1", "u1", "script"));
  await accepted(a, "r1");
  await stub.say({ type: "start" }, ...text("t", "first").slice(0, -1));
  await a.next((frame: Frame) => String(frame.body).includes("first"));
  return { stub, a };
}

const endsOf = (frames: unknown[]) =>
  (frames as (Frame & { outcome: string })[]).filter(isDone()).map(({ id, outcome }) => `${id} ${outcome}`);
const finish = async (stub: ReturnType<typeof talker>) => {
  await stub.say({ type: "text-end", id: "t" });
  await stub.sayEnd();
};

it("[U6] queue: answers one question after another", async () => {
  const { stub, a } = await speaking("queue");
  a.send(append("r2", "u2", "hi"));
  a.send(append("r3", "u3", "bye"));
  await accepted(a, "r3");
  await finish(stub);
  await done(a, "r3");
  expect(await stored(stub)).toMatchObject([
    { id: "u1" },
    said("first"),
    { id: "u2" },
    said("hello"),
    { id: "u3" },
    said("farewell")
  ]);
});

it("[U6] latest: stops what is being said, keeps it, and answers the latest", async () => {
  const { stub, a } = await speaking("latest");
  a.send(append("r2", "u2", "script"));
  a.send(append("r3", "u3", "hi"));
  const frames: unknown[] = [];
  do frames.push(await a.nextFrame());
  while (!isDone("r3")(frames.at(-1) as Frame));
  expect(endsOf(frames)).toEqual(["r1 cancelled", "r2 cancelled", "r3 completed"]);
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, said("first"), { id: "u2" }, { id: "u3" }, said("hello")]);
});

it("[U6] merge: answers together what waits", async () => {
  const { stub, a } = await speaking("merge");
  a.send(append("r2", "u2", "bye"));
  a.send(append("r3", "u3", "bye"));
  a.send(append("r4", "u4", "hi"));
  await accepted(a, "r4");
  await finish(stub);
  await done(a, "r4");
  expect((await stub.questions()).map(({ texts }) => texts)).toEqual([
    ["script"],
    ["script", "first", "bye", "bye", "hi"]
  ]);
  expect((await stub.getTurns()).map(({ requestId, outcome }) => `${requestId} ${outcome}`)).toEqual([
    "r4 completed",
    "r3 completed",
    "r2 completed",
    "r1 completed"
  ]);
});

it("[U6] merge: tells the end of each question", async () => {
  const { stub, a } = await speaking("merge", "merge ends");
  a.send(append("r2", "u2", "bye"));
  a.send(append("r3", "u3", "hi"));
  await finish(stub);
  const frames: unknown[] = [];
  do frames.push(await a.nextFrame());
  while (!isDone("r3")(frames.at(-1) as Frame));
  expect(endsOf(frames).toSorted()).toEqual(["r1 completed", "r2 completed", "r3 completed"]);
});

it("[U6] drop: refuses what comes meanwhile, of any client, and stores nothing", async () => {
  const { stub, a } = await speaking("drop");
  const old = await connect(stub, "_pk=old");
  for (const frame of [append("r2", "u2", "hi"), operation("r3", "regenerate"), operation("r4", "continue")]) {
    a.send(frame);
    expect(await refused(a, frame.id)).toMatchObject({ code: "CHAT_BUSY" });
  }
  old.send(askDocumented("r5", [user("u1", "script"), user("u5", "hi")]));
  expect(await doneOf(old)).toMatchObject({ id: "r5", error: true });
  await finish(stub);
  await done(a, "r1");
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, said("first")]);
  expect(await ask(a, "r6", "hi")).toMatchObject({ outcome: "completed" });
});

it("refuses to go to another branch while an answer is given", async () => {
  const { stub, a } = await speaking("queue", "select");
  a.send(operation("s1", "select", { messageId: "u1" }));
  expect(await refused(a, "s1")).toMatchObject({ code: "CHAT_BUSY" });
  await finish(stub);
});

it("[U7] does not wait for its own end when it saves messages in the middle of an answer", async () => {
  const order: string[] = [];
  answers.set("save", async (agent) => {
    await agent.saveMessages([user("u2", "hi") as UIMessage]);
    order.push("saved");
    return textAnswer("first");
  });
  const stub = talker("save inside");
  const [a] = await extended(stub);
  a.send(append("r1", "u1", "save"));
  await done(a, "r1");
  expect(await done(a)).toMatchObject({ outcome: "completed" });
  expect([order, (await stored(stub)).map(({ role }) => role)]).toEqual([
    ["saved"],
    ["user", "assistant", "user", "assistant"]
  ]);
});

it("[U7] waits for the answer when it saves messages outside of one", async () => {
  const stub = talker("save outside");
  await stub.save([user("u1", "hi")]);
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, said("hello")]);
});

// proves chat-agents#onFinish
it("[U5] tells model, tokens and times of each turn", async () => {
  const stub = assistant("usage");
  const [a] = await extended(stub);
  await stub.will([["w1", "weather", { city: "Porto" }]], "21 degrees");
  const before = Date.now();
  const { turnId } = await ask(a, "r1", "go");
  const [turn] = await stub.getTurns();
  expect(turn).toMatchObject({
    id: turnId,
    requestId: "r1",
    operation: "append",
    attempts: 1,
    outcome: "completed",
    model: "mock-model-id",
    inputTokens: 0,
    outputTokens: 0
  });
  const { createdMs, firstChunkMs = 0, endedMs = 0 } = turn!;
  expect([createdMs >= before, firstChunkMs >= createdMs, endedMs >= firstChunkMs]).toEqual([true, true, true]);
});

it("[U5] takes what the metadata of a message says, and what comes after the end", async () => {
  const stub = talker("metadata");
  const [a] = await extended(stub);
  a.send(append("r1", "u1", "script"));
  const metadata = { model: "m1", usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 } };
  await stub.say({ type: "start" }, ...text("t", "x"), { type: "finish", messageMetadata: metadata });
  await stub.sayEnd();
  await done(a, "r1");
  expect(await stub.getTurns()).toMatchObject([{ model: "m1", inputTokens: 3, outputTokens: 4, totalTokens: 7 }]);
  await runInDurableObject(stub, (agent) =>
    agent.finish({ totalUsage: { totalTokens: 9 }, response: { modelId: "m2" } })
  );
  expect(await stub.getTurns()).toMatchObject([{ model: "m2", inputTokens: 3, totalTokens: 9 }]);
});

it("[U5] lists turns, the newest first, in pages, and keeps a thousand", async () => {
  const stub = talker("turns");
  const [a] = await extended(stub);
  for (const id of ["r1", "r2", "r3"]) await ask(a, id, "hi");
  const [third, second] = await stub.getTurns({ limit: 2 });
  expect([third!.requestId, second!.requestId]).toEqual(["r3", "r2"]);
  expect(await stub.getTurns({ before: second!.id })).toMatchObject([{ requestId: "r1" }]);
  await runInDurableObject(stub, (_, { storage }) => {
    // The next one has the number 5,050: with each fiftieth, old ones go.
    storage.sql.exec("UPDATE cf_ai_chat_turns SET n = 5049 WHERE request_id = 'r3'");
  });
  await ask(a, "r4", "hi");
  expect((await stub.getTurns()).map(({ requestId }) => requestId)).toEqual(["r4", "r3"]);
});

// proves chat-agents#waitForMcpConnections-default
// proves chat-agents#waitForMcpConnections-timeout, chat-agents#waitForMcpConnections-true
it.each<[string, unknown, unknown[]]>([
  ["10 s by default", undefined, [{ timeout: 10_000 }]],
  ["as long as is said", { timeout: 5 }, [{ timeout: 5 }]],
  ["as long as it takes", true, []]
])("waits for MCP servers before it answers: %s", async (title, wanted, given) => {
  const stub = talker(`mcp ${title}`);
  const calls = await runInDurableObject(stub, async (agent) => {
    const asked: unknown[][] = [];
    const mcp = { waitForConnections: async (...options: unknown[]) => void asked.push(options) };
    Object.assign(agent, { mcp, ...(wanted !== undefined && { waitForMcpConnections: wanted }) });
    await agent.save([user("u1", "hi")]);
    return asked;
  });
  expect(calls).toEqual([given]);
});

// proves chat-agents#waitForMcpConnections-false
it("does not wait for MCP servers when it is told not to", async () => {
  const stub = talker("mcp none");
  const calls = await runInDurableObject(stub, async (agent) => {
    const asked: unknown[] = [];
    Object.assign(agent, { mcp: { waitForConnections: async () => void asked.push(1) }, waitForMcpConnections: false });
    await agent.save([user("u1", "hi")]);
    return asked;
  });
  expect(calls).toEqual([]);
});

// proves schedule-tasks#AIChatAgent-keepAlive, build-a-chat-agent#hibernates
it("keeps the instance in memory while it answers, and no longer", async () => {
  const { stub, a } = await speaking("queue", "alive");
  const awake = async () => (await stub.whyAwake()).holds.map(({ name }) => name);
  expect(await awake()).toEqual(["keep-alive"]);
  await finish(stub);
  await done(a, "r1");
  expect([await awake(), (await stub.whyAwake()).alarm]).toEqual([[], []]);
});
