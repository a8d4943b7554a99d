import { expect, it } from "vitest";
import { connect, type TestConnection } from "../../../agents/src/test/kit";
import {
  ask,
  chunksOf,
  doneOf,
  framesUntil,
  isDone,
  said,
  stored,
  talker,
  text,
  user,
  type Frame
} from "../test/chat-kit";

const ack = (id: string) => ({ type: "cf_agent_stream_resume_ack", id });
const request = { type: "cf_agent_stream_resume_request" };
const deltas = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => ({ type: "text-delta", id: "t", delta: `${from + n} ` }));
const numbers = (to: number) => Array.from({ length: to }, (_, n) => `${n} `);

/** A client that asked, and the agent that has said this many deltas. */
async function speaking(name: string, count: number): Promise<[ReturnType<typeof talker>, TestConnection]> {
  const stub = talker(name);
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say({ type: "start" }, { type: "text-start", id: "t" }, ...deltas(0, count));
  await a.next((frame) => String(frame.body).includes(`"${count - 1} "`));
  return [stub, a];
}

/** A client that connects, is offered the stream as the first thing, and takes it. */
async function join(stub: ReturnType<typeof talker>, id: string): Promise<[TestConnection, Frame[]]> {
  const connection = await connect(stub, `_pk=${id}`);
  expect(await connection.nextFrame()).toEqual({ type: "cf_agent_stream_resuming", id: "r1" });
  connection.send(ack("r1"));
  return [connection, await framesUntil(connection, ({ replayComplete }) => replayComplete === true)];
}

const saidIn = (frames: readonly Frame[]) => chunksOf(frames).flatMap(({ delta }) => delta ?? []);

// proves chat-agents#resumable, chat-agents#resume-replay, chat-agents#frame-stream-resuming
// proves agents-api#AIChatAgent-resumable, calling-llms#AIChatAgent, agent-class-internals#AIChatAgent-resumable
it.each([1, 23, 24, 25, 26, 49, 120])(
  "gives every chunk once, in order, to a client that comes after %d deltas",
  async (count) => {
    const [stub, a] = await speaking(`after ${count}`, count);
    const [b, replayed] = await join(stub, "b");
    await stub.say(...deltas(count, count + 30), { type: "text-end", id: "t" });
    await stub.sayEnd();
    const live = await framesUntil(b, isDone());
    const chunks = replayed.filter(({ type }) => type === "cf_agent_use_chat_response");
    expect(chunks.every(({ replay, done }) => replay === true && !done)).toBe(true);
    expect(chunks.at(-1)).toEqual({
      type: "cf_agent_use_chat_response",
      id: "r1",
      body: "",
      done: false,
      replay: true,
      replayComplete: true
    });
    expect(live.every(({ replay }) => replay === undefined)).toBe(true);
    expect(saidIn([...replayed, ...live])).toEqual(numbers(count + 30));
    expect(chunksOf(replayed)[0]).toEqual({ type: "start", messageId: (await stored(stub))[1]!.id });
    expect(live.filter(isDone())).toHaveLength(1);
    await doneOf(a);
  }
);

it("serves two late clients, each from where it came", async () => {
  const [stub] = await speaking("two", 3);
  const [b, first] = await join(stub, "b");
  await stub.say(...deltas(3, 30));
  await b.next((frame) => String(frame.body).includes('"29 "'));
  const [c, second] = await join(stub, "c");
  await stub.say(...deltas(30, 33), { type: "text-end", id: "t" });
  await stub.sayEnd();
  expect(saidIn(first)).toEqual(numbers(3));
  expect(saidIn([...second, ...(await framesUntil(c, isDone()))])).toEqual(numbers(33));
  expect(saidIn(await framesUntil(b, isDone()))).toEqual(numbers(33).slice(30));
});

it("gives nothing to a client that was offered the stream and does not take it, but the messages at the end", async () => {
  const [stub] = await speaking("no-ack", 3);
  const b = await connect(stub, "_pk=b");
  await stub.say(...deltas(3, 6), { type: "text-end", id: "t" });
  await stub.sayEnd();
  const frames = await framesUntil(b, ({ type }) => type === "cf_agent_chat_messages");
  expect(frames.filter(({ type }) => type === "cf_agent_use_chat_response")).toEqual([]);
  expect(frames.at(-1)!.messages).toMatchObject([{ id: "u1" }, said(numbers(6).join(""))]);
});

it("gives no chunk to a client before it takes the stream, also when the messages change meanwhile", async () => {
  const [stub, a] = await speaking("changes", 3);
  const b = await connect(stub, "_pk=b");
  await stub.persist([{ id: "n1", role: "assistant", parts: [{ type: "text", text: "note" }] }]);
  await stub.say(...deltas(3, 4));
  await a.next((frame) => String(frame.body).includes('"3 "'));
  expect(chunksOf((await b.settled()) as Frame[])).toEqual([]);
  b.send(ack("r1"));
  await stub.sayEnd();
  expect(saidIn(await framesUntil(b, isDone("r1")))).toEqual(numbers(4));
});

it("gives the next turn to a client that did not take the one before it", async () => {
  const [stub, a] = await speaking("next", 3);
  const b = await connect(stub, "_pk=b");
  await stub.sayEnd();
  await b.next("cf_agent_chat_messages");
  a.send(ask("r2", [user("u1", "script"), user("u2", "script")]));
  await stub.say({ type: "start" }, ...text("t", "next"));
  await stub.sayEnd();
  expect(saidIn(await framesUntil(b, isDone("r2")))).toEqual(["next"]);
});

it("gives the whole conversation to a client that takes a stream after its end", async () => {
  const [stub, a] = await speaking("late-ack", 3);
  const b = await connect(stub, "_pk=b");
  await stub.sayEnd();
  await doneOf(a);
  await b.next("cf_agent_chat_messages");
  b.send(ack("r1"));
  expect(await b.nextFrame()).toEqual({ type: "cf_agent_chat_messages", messages: await stored(stub) });
  expect(await b.nextFrame()).toEqual({
    type: "cf_agent_use_chat_response",
    id: "r1",
    body: "",
    done: true,
    replay: true
  });
});

it("does not take a client into a stream that it did not ask for", async () => {
  const [stub] = await speaking("wrong-ack", 3);
  const b = await connect(stub, "_pk=b");
  b.send(ack("r0"));
  expect(await doneOf(b)).toMatchObject({ id: "r0" });
  await stub.say(...deltas(3, 6));
  b.send(ack("r1"));
  await stub.sayEnd();
  expect(saidIn(await framesUntil(b, isDone("r1")))).toEqual(numbers(6));
});

// proves chat-agents#frame-stream-resume-request
it("says so when there is nothing to resume, and offers what there is as often as it is asked for", async () => {
  const idle = await connect(talker("idle"), "_pk=a");
  idle.send(request);
  expect(await idle.next("cf_agent_stream_resume_none")).toEqual({ type: "cf_agent_stream_resume_none" });
  const [stub] = await speaking("offer", 3);
  const b = await connect(stub, "_pk=b");
  b.send(request);
  b.send(request);
  for (let n = 0; n < 3; n++) expect(await b.next("cf_agent_stream_resuming")).toMatchObject({ id: "r1" });
});

it("gives a client that takes the stream twice everything twice, and no chunk a third time", async () => {
  const [stub] = await speaking("ack-twice", 3);
  const [b] = await join(stub, "b");
  b.send(ack("r1"));
  const again = await framesUntil(b, ({ replayComplete }) => replayComplete === true);
  expect(saidIn(again)).toEqual(numbers(3));
  await stub.say(...deltas(3, 4));
  await stub.sayEnd();
  expect(saidIn(await framesUntil(b, isDone()))).toEqual(["3 "]);
});

it("offers a turn that has not said anything yet", async () => {
  const stub = talker("silent-model");
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", [user("u1", "script")]));
  await stub.begun();
  const [b, replayed] = await join(stub, "b");
  expect(chunksOf(replayed)).toEqual([]);
  await stub.say({ type: "start" }, ...text("t", "at last"));
  await stub.sayEnd();
  expect(saidIn(await framesUntil(b, isDone()))).toEqual(["at last"]);
});

it("treats a client that reconnects under its id as a new one, also when the old socket closes late", async () => {
  const [stub, a] = await speaking("same-id", 3);
  const again = await connect(stub, "_pk=a");
  a.close();
  await a.closed;
  await stub.say(...deltas(3, 6));
  again.send(ack("r1"));
  const replayed = await framesUntil(again, ({ replayComplete }) => replayComplete === true);
  await stub.say({ type: "text-end", id: "t" });
  await stub.sayEnd();
  expect(saidIn(replayed)).toEqual(numbers(6));
  const frames = await framesUntil(again, ({ type }) => type === "cf_agent_chat_messages");
  expect(saidIn(frames)).toEqual([]);
  expect(frames.at(-1)!.messages).toMatchObject([{ id: "u1" }, said(numbers(6).join(""))]);
});

// proves chat-agents#resume-goes-on
it("goes on when the client that asked is gone", async () => {
  const [stub, a] = await speaking("gone", 3);
  a.close();
  await a.closed;
  const [b] = await join(stub, "b");
  await stub.say(...deltas(3, 4), { type: "text-end", id: "t" });
  await stub.sayEnd();
  await doneOf(b);
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, said(numbers(4).join(""))]);
});

it("resumes a continuation as such", async () => {
  const stub = talker("continuation");
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say({ type: "start" }, { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} });
  await stub.sayEnd();
  await doneOf(a);
  a.send({ type: "cf_agent_tool_result", toolCallId: "c1", toolName: "where", output: "here", autoContinue: true });
  await stub.say({ type: "start" }, { type: "text-start", id: "t" }, ...deltas(0, 30));
  await a.next((frame) => String(frame.body).includes('"29 "'));
  const b = await connect(stub, "_pk=b");
  const { id } = (await b.nextFrame()) as Frame;
  b.send(ack(id));
  const replayed = await framesUntil(b, ({ replayComplete }) => replayComplete === true);
  expect(replayed.filter(({ replay }) => replay).every(({ continuation }) => continuation === true)).toBe(true);
  expect(saidIn(replayed)).toEqual(numbers(30));
  await stub.sayEnd();
  expect(await doneOf(b)).toMatchObject({ id, continuation: true });
});
