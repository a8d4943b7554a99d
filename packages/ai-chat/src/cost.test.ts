import { expect, it } from "vitest";
import { connect, costOf, evict, type Cost } from "../../agents/src/test/kit";
import { ask, counter, doneOf, rows, stored, talker, user } from "./test/chat-kit";
import { ask as askExtended, extended, snapshot, sync } from "./test/extended-kit";
import { answers, textAnswer } from "./test/script";

const words = (count: number) => Array.from({ length: count }, (_, n) => `${n} `);
answers.set("brief", () => textAnswer("hello"));
// With start, text-start, text-end and finish: 100 chunks.
answers.set("long", () => textAnswer(...words(96)));

/** A conversation of this many messages, and a client of it. */
async function conversation(name: string, length: number) {
  const stub = talker(name);
  const a = await connect(stub, "_pk=a");
  a.send(ask("r0", [user("u0", "brief")]));
  await doneOf(a);
  await stub.persist(Array.from({ length: length - 2 }, (_, n) => user(`m${n}`, `message ${n}`)));
  return { stub, a };
}

async function costOfTurn(name: string, length: number, question: string, more: object = {}): Promise<Cost> {
  const { stub, a } = await conversation(name, length);
  const messages = [...(await stored(stub)), user("u1", question)];
  return costOf(stub, async () => {
    a.send(ask("r1", messages, more));
    await doneOf(a, "r1");
  });
}

it.each([10, 200])("answers the next question in 8 statements, after %d messages", async (length) => {
  const { statements, rowsRead } = await costOfTurn(`turn ${length}`, length, "brief");
  expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(8);
  expect(rowsRead).toBeLessThan(10);
});

// proves chat-agents#resume-buffered, chat-agents#new_sqlite_classes
it("stores a long answer in a statement more for 25 chunks", async () => {
  const { statements } = await costOfTurn("long", 10, "long");
  expect(statements.filter((text) => text.includes("INSERT INTO cf_ai_chat_stream_chunks"))).toHaveLength(4);
  // One forgets the rows of the log again.
  expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(8 + 4 + 1);
});

it("notes what a first turn changes of the instance once when it is accepted, and once when it has ended", async () => {
  const stub = counter("first");
  const [a] = await extended(stub);
  const { statements } = await costOf(stub, () => askExtended(a, "r1", "count", { body: { words: 10 } }));
  const notes = statements.filter((text) => text.includes("INTO cf_agents_meta"));
  expect(notes, statements.join("\n")).toHaveLength(2);
});

/** A turn that a client of the extensions asks for, in a conversation of this many messages of which nobody asked for all. */
async function costOfOperation(name: string, length: number, words: number): Promise<Cost> {
  const stub = counter(name);
  await stub.persist(Array.from({ length }, (_, n) => user(`m${n}`, `message ${n}`)));
  await evict(stub);
  const [a] = await extended(stub);
  await askExtended(a, "r0", "count", { body: { words } });
  return costOf(stub, () => askExtended(a, "r1", "count", { body: { words } }));
}

it.each([10, 500])("[T3] answers an operation in 8 statements, after %d messages", async (length) => {
  const { statements, rowsRead } = await costOfOperation(`operation ${length}`, length, 1);
  expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(8);
  expect(rowsRead).toBeLessThan(12);
});

it.each([10, 500])(
  "[T3] needs one statement more for 25 chunks, and nothing else, after %d messages",
  async (length) => {
    const { statements } = await costOfOperation(`long operation ${length}`, length, 96);
    expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(8 + 4);
  }
);

it("[T3] reads no more than 60 rows on a wake with 500 messages, for clients that have them, and a turn", async () => {
  const stub = counter("extended-wake");
  await stub.persist(Array.from({ length: 500 }, (_, n) => user(`m${n}`, `message ${n}`)));
  const [first, head] = await extended(stub);
  await evict(stub);
  const wake = await costOf(stub, async () => {
    const [a] = await extended(stub, "b");
    a.send(sync(head));
    await snapshot(a);
  });
  expect(wake.statements.length, wake.statements.join("\n")).toBeLessThanOrEqual(2);
  expect([wake.rowsRead <= 60, wake.rowsWritten]).toEqual([true, 0]);
  await evict(stub);
  const turn = await costOf(stub, () => askExtended(first, "r1", "brief"));
  expect(turn.rowsRead).toBeLessThanOrEqual(60);
});

it("[T3] sends a client what it does not have, in a few reads", async () => {
  const stub = counter("behind");
  await stub.persist(Array.from({ length: 500 }, (_, n) => user(`m${n}`, `message ${n}`)));
  const [a, head] = await extended(stub);
  await askExtended(a, "r1", "brief");
  const behind = await costOf(stub, async () => {
    a.send(sync(head));
    await snapshot(a);
  });
  expect(behind.rowsRead).toBeLessThanOrEqual(20);
  const page = await costOf(stub, async () => {
    a.send({ type: "cf_agent_chat_page", id: "p", before: "m400", limit: 50 });
    await a.next("cf_agent_chat_page");
  });
  expect(page.rowsRead).toBeLessThanOrEqual(60);
});

it("stores what comes with a request only when it differs from the last one's", async () => {
  const { stub, a } = await conversation("context", 4);
  const cost = async (id: string) => {
    const { statements } = await costOf(stub, async () => {
      a.send(ask(id, [user(id, "brief")], { timezone: "UTC" }));
      await doneOf(a, id);
    });
    return statements.filter((text) => text.includes("request_context")).length;
  };
  expect([await cost("r1"), await cost("r2")]).toEqual([1, 0]);
});

it("goes on after a tool result in 8 statements", async () => {
  const { stub, a } = await conversation("tool", 200);
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say({ type: "start" }, { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} });
  await stub.sayEnd();
  await doneOf(a, "r1");
  const { statements } = await costOf(stub, async () => {
    a.send({ type: "cf_agent_tool_result", toolCallId: "c1", output: "here", autoContinue: true });
    await stub.sayEnd();
    await doneOf(a);
  });
  expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(8);
});

it("follows and resumes a stream without a write", async () => {
  const { stub, a } = await conversation("resume", 10);
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say(
    { type: "start" },
    { type: "text-start", id: "t" },
    ...words(40).map((delta) => ({ type: "text-delta", id: "t", delta }))
  );
  await a.next((frame) => String(frame.body).includes('"39 "'));
  const { statements } = await costOf(stub, async () => {
    const b = await connect(stub, "_pk=b");
    b.send({ type: "cf_agent_stream_resume_ack", id: "r1" });
    await b.next((frame) => frame.replayComplete === true);
  });
  expect(statements).toEqual([expect.stringContaining("FROM cf_ai_chat_stream_chunks")]);
  await stub.sayEnd();
  await doneOf(a);
});

it("reads one row on a wake at which nobody asks for messages, and the messages once", async () => {
  const { stub } = await conversation("wake", 200);
  await evict(stub);
  const wake = await costOf(stub, async () => {
    const b = await connect(stub, "_pk=b");
    b.send({ type: "cf_agent_stream_resume_request" });
    await b.next("cf_agent_stream_resume_none");
  });
  expect(wake.statements.length, wake.statements.join("\n")).toBeLessThanOrEqual(1);
  expect(wake.rowsWritten).toBe(0);
  const read = await costOf(stub, () => stored(stub));
  expect(read.statements).toHaveLength(1);
  expect((await costOf(stub, () => stored(stub))).statements).toEqual([]);
});

it("reads one row on a wake of a database that an older release wrote, once its streams were looked at", async () => {
  const stub = talker("older-wake");
  await rows(
    stub,
    "CREATE TABLE cf_ai_chat_stream_metadata (id TEXT PRIMARY KEY, request_id TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, completed_at INTEGER)"
  );
  await evict(stub);
  await connect(stub);
  await evict(stub);
  const { statements } = await costOf(stub, () => connect(stub));
  expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(1);
});

it("makes no table before somebody says something", async () => {
  const stub = talker("unused");
  const a = await connect(stub);
  a.send({ type: "cf_agent_stream_resume_request" });
  a.send({ type: "cf_agent_chat_clear" });
  await a.next("cf_agent_stream_resume_none");
  expect(await stored(stub)).toEqual([]);
  await a.settled();
  expect(await rows(stub, "SELECT name FROM sqlite_master WHERE name LIKE 'cf_ai_chat%'")).toEqual([]);
});

it("persists a conversation by writing what changed", async () => {
  const { stub } = await conversation("persist", 200);
  const messages = await stored(stub);
  const { statements, rowsWritten } = await costOf(stub, () => stub.persist([...messages, user("u9", "note")]));
  expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(2);
  // The message with its three indexes counts as two rows or more, and the revision is another.
  expect(rowsWritten).toBeLessThanOrEqual(4);
});

it("[T4] finds the versions of a message near the beginning without reading what comes after", async () => {
  const stub = counter("versions");
  await stub.persist(Array.from({ length: 500 }, (_, n) => user(`m${n}`, `message ${n}`)));
  await evict(stub);
  const [a] = await extended(stub);
  const { statements, rowsRead } = await costOf(stub, async () => {
    a.send({ type: "cf_agent_chat_branches", id: "b1", messageId: "m1" });
    expect(await a.next("cf_agent_chat_branches")).toMatchObject({ messages: [{ id: "m1" }] });
  });
  expect(rowsRead, statements.join("\n")).toBeLessThan(20);
});
