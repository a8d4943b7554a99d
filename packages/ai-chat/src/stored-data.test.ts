import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, it } from "vitest";
import { connect, evict, makeDue } from "../../agents/src/test/kit";
import { ask, doneOf, framesUntil, isDone, rows, said, stored, streamRows, talker, text, user } from "./test/chat-kit";
import { answers, textAnswer } from "./test/script";

answers.set("hi", () => textAnswer("hello"));

const start = (messageId: string) => ({ type: "start", messageId });
const say = (value: string) => ({ id: "a1", ...said(value) });

/** A database as an older release left it. */
async function older(name: string, ...statements: [query: string, ...values: SqlStorageValue[]][]) {
  const stub = talker(name);
  await rows(
    stub,
    "CREATE TABLE cf_ai_chat_agent_messages (id TEXT PRIMARY KEY, message TEXT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP)"
  );
  await rows(stub, "CREATE TABLE cf_ai_chat_request_context (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
  await rows(
    stub,
    "CREATE TABLE cf_ai_chat_stream_chunks (id TEXT PRIMARY KEY, stream_id TEXT NOT NULL, body TEXT NOT NULL, chunk_index INTEGER NOT NULL, created_at INTEGER NOT NULL)"
  );
  await rows(
    stub,
    "CREATE TABLE cf_ai_chat_stream_metadata (id TEXT PRIMARY KEY, request_id TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, completed_at INTEGER)"
  );
  for (const [query, ...values] of statements) await rows(stub, query, ...values);
  await evict(stub);
  return stub;
}

const message = (value: { id: string }, at = "2026-01-01 00:00:00"): [string, string, string, string] => {
  return [
    "INSERT INTO cf_ai_chat_agent_messages (id, message, created_at) VALUES (?, ?, ?)",
    value.id,
    JSON.stringify(value),
    at
  ];
};

/** A stream with one chunk a row. */
const stream = (
  id: string,
  status: string,
  chunks: object[],
  atMs = Date.UTC(2026, 0, 1, 0, 0, 1)
): [string, ...SqlStorageValue[]][] => [
  ["INSERT INTO cf_ai_chat_stream_metadata VALUES (?, ?, ?, ?, NULL)", id, `request of ${id}`, status, atMs],
  ...chunks.map((chunk, n): [string, ...SqlStorageValue[]] => {
    return [
      "INSERT INTO cf_ai_chat_stream_chunks VALUES (?, ?, ?, ?, ?)",
      `${id}-${n}`,
      id,
      JSON.stringify(chunk),
      n,
      atMs
    ];
  })
];

it("reads messages of one second in the order of their rows, and puts new ones after them", async () => {
  const ids = ["u9", "a1", "u3", "a2"];
  const stub = await older("order", ...ids.map((id) => message(user(id, id))));
  expect((await stored(stub)).map(({ id }) => id)).toEqual(ids);
  const a = await connect(stub);
  a.send(ask("r1", [user("u4", "hi")]));
  await doneOf(a);
  await evict(stub);
  expect((await stored(stub)).slice(0, 5).map(({ id }) => id)).toEqual([...ids, "u4"]);
  expect((await stored(stub)).at(-1)).toMatchObject(said("hello"));
});

it("keeps messages in their place when they change, although others have the same time", async () => {
  const stub = await older("in-place", ...["m1", "m2", "m3"].map((id) => message(user(id, id))));
  await stub.persist([user("m1", "changed")]);
  const before = await stored(stub);
  expect(before.map(({ id }) => id)).toEqual(["m1", "m2", "m3"]);
  await evict(stub);
  expect(await stored(stub)).toEqual(before);
});

it("hides what it cannot read, and nothing else", async () => {
  const stub = await older(
    "corrupt",
    message(user("u1", "one")),
    ["INSERT INTO cf_ai_chat_agent_messages (id, message) VALUES ('broken', '{\"id\":\"broken\"')"],
    message(user("u2", "two"), "2026-01-01 00:00:09")
  );
  expect((await stored(stub)).map(({ id }) => id)).toEqual(["u1", "u2"]);
});

it("reads messages of older formats as messages of today, and goes on after them", async () => {
  const legacy = [
    { id: "u1", role: "user", content: "What is the weather?", createdAt: "2025-01-01T00:00:00.000Z" },
    {
      id: "a1",
      role: "assistant",
      content: "It rains.",
      toolInvocations: [{ state: "result", toolCallId: "c1", toolName: "weather", args: { city: "Porto" }, result: 7 }]
    },
    { id: "u2", role: "user", content: [{ type: "text", text: "Thanks" }] }
  ];
  const stub = await older("formats", ...legacy.map((value, second) => message(value, `2026-01-01 00:00:0${second}`)), [
    "INSERT INTO cf_ai_chat_agent_messages (id, message, created_at) VALUES ('x', ?, '2026-01-01 00:00:05')",
    '{"note":"kept"}'
  ]);
  const expected = [
    { id: "u1", role: "user", parts: [{ type: "text", text: "What is the weather?" }] },
    {
      id: "a1",
      parts: [
        { type: "step-start" },
        { type: "tool-weather", output: 7 },
        { type: "step-start" },
        { text: "It rains." }
      ]
    },
    { id: "u2", parts: [{ type: "text", text: "Thanks" }] },
    { id: "x", role: "user", parts: [{ type: "text", text: '{"note":"kept"}' }] }
  ];
  expect(await stored(stub)).toMatchObject(expected);
  const a = await connect(stub);
  a.send(ask("r1", [user("u3", "hi")]));
  await doneOf(a);
  await evict(stub);
  expect(await stored(stub)).toMatchObject([...expected, user("u3", "hi"), said("hello")]);
});

it("remembers what came with the last request", async () => {
  const stub = await older("context", message(user("u1", "hi")), [
    "INSERT INTO cf_ai_chat_request_context VALUES ('lastBody', '{\"timezone\":\"UTC\"}'), ('lastClientTools', '[{\"name\":\"where\"}]')"
  ]);
  await stub.save([]);
  expect(await stub.questions()).toMatchObject([{ body: { timezone: "UTC" }, clientTools: [{ name: "where" }] }]);
});

it("ends a stream that was cut, in its place, and forgets the streams that had ended", async () => {
  const stub = await older(
    "recover",
    message(user("u1", "hi")),
    message(user("u2", "later"), "2026-01-01 00:00:02"),
    ...stream("s0", "completed", [start("a0"), ...text("t", "long stored")]),
    ...stream("s1", "streaming", [start("a1"), ...text("t", "he", "llo").slice(0, -1)])
  );
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, say("hello"), { id: "u2" }]);
  expect(await streamRows(stub)).toBe(0);
  await evict(stub);
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, say("hello"), { id: "u2" }]);
});

it("recovers an older stream although another feature was used first", async () => {
  const stub = await older(
    "state-first",
    message(user("u1", "hi")),
    ...stream("s1", "streaming", [start("a1"), ...text("t", "hello")])
  );
  await stub.setState({ n: 1 });
  await evict(stub);
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, say("hello")]);
});

it("recovers a stream that does not begin with the id of its message", async () => {
  const stub = await older("no-id", ...stream("s1", "streaming", text("t", "plain")));
  expect(await stored(stub)).toMatchObject([said("plain")]);
});

it("goes on with the message that a cut continuation belongs to", async () => {
  const a1 = { id: "a1", role: "assistant", parts: [{ type: "text", text: "one ", state: "done" }] };
  const stub = await older("continued", message(a1), ...stream("s1", "streaming", [start("a1"), ...text("t", "two")]));
  expect(await stored(stub)).toMatchObject([{ id: "a1", parts: [{ text: "one " }, { text: "two" }] }]);
});

it("does not stumble over a stream that it cannot read or store", async () => {
  const stub = await older(
    "unreadable",
    message(user("u1", "hi")),
    ["INSERT INTO cf_ai_chat_stream_metadata VALUES ('s0', 'r0', 'streaming', 1, NULL)"],
    ["INSERT INTO cf_ai_chat_stream_chunks VALUES ('s0-0', 's0', 'nonsense', 0, 1)"],
    ...stream("s1", "streaming", [start("a1"), ...text("t", "poison")]),
    ...stream("s2", "streaming", [start("a2"), ...text("t", "fine")]),
    [
      "CREATE TRIGGER refuse BEFORE INSERT ON cf_ai_chat_agent_messages WHEN instr(new.message, 'poison') BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    ]
  );
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, { id: "a2", ...said("fine") }]);
  expect(await streamRows(stub)).toBe(0);
  expect((await stub.reported()).join()).toContain("disk is full");
});

it("wakes by its alarm after a crash, and tells hibernated clients that the turn is over", async () => {
  const stub = await older("alarm", message(user("u1", "hi")));
  const a = await connect(stub, "_pk=a");
  await a.settled();
  const [metadata, ...chunks] = stream("s1", "streaming", [start("a1"), ...text("t", "hello")]);
  for (const [query, ...values] of [metadata!, ...chunks]) await rows(stub, query, ...values);
  await makeDue(stub, "chat");
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  const frames = await framesUntil(a, ({ type }) => type === "cf_agent_chat_messages");
  expect(frames.filter(isDone())).toMatchObject([
    { id: "request of s1", error: true, body: "The answer was interrupted. Please try again." }
  ]);
  expect(frames.at(-1)!.messages).toMatchObject([{ id: "u1" }, say("hello")]);
  expect(await streamRows(stub)).toBe(0);
  expect(await runDurableObjectAlarm(stub)).toBe(false);
});

/** A database whose conversation is in tables of sessions. */
async function withSession(name: string, ...statements: [query: string, ...values: SqlStorageValue[]][]) {
  const stub = talker(name);
  for (const table of [
    "messages (session_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, parent_id TEXT, type TEXT NOT NULL DEFAULT 'message', role TEXT NOT NULL, content TEXT NOT NULL, content_chunks INTEGER NOT NULL DEFAULT 0, token_estimate INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, content_hash TEXT, PRIMARY KEY (session_id, id)) WITHOUT ROWID",
    "message_chunks (session_id TEXT NOT NULL, id TEXT NOT NULL, idx INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (session_id, id, idx)) WITHOUT ROWID",
    "attachment_meta (hash TEXT PRIMARY KEY, bytes INTEGER NOT NULL, media_type TEXT NOT NULL, chunks INTEGER NOT NULL) WITHOUT ROWID",
    "attachment_chunks (hash TEXT NOT NULL, idx INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (hash, idx)) WITHOUT ROWID"
  ]) {
    await rows(stub, `CREATE TABLE cf_agents_session_${table}`);
  }
  for (const [query, ...values] of statements) await rows(stub, query, ...values);
  await evict(stub);
  return stub;
}

const sessionMessage = (seq: number, id: string, content: string, chunks = 0): [string, ...SqlStorageValue[]] => [
  "INSERT INTO cf_agents_session_messages (session_id, id, seq, role, content, content_chunks, created_at) VALUES ('', ?, ?, 'user', ?, ?, 1767225600000)",
  id,
  seq,
  content,
  chunks
];

it("takes over a conversation that a later release keeps in a session, in its order, and goes on with it", async () => {
  const ids = ["u9", "u1", "u5"];
  const stub = await withSession(
    "session",
    ...ids.map((id, seq) => sessionMessage(seq, id, JSON.stringify(user(id, id)))),
    sessionMessage(9, "bad", "nonsense"),
    [
      "INSERT INTO cf_agents_session_messages (session_id, id, seq, role, content, created_at) VALUES ('other', 'x', 1, 'user', ?, 1)",
      JSON.stringify(user("x", "x"))
    ]
  );
  expect((await stored(stub)).map(({ id }) => id)).toEqual(ids);
  const a = await connect(stub);
  a.send(ask("r1", [user("u2", "hi")]));
  await doneOf(a);
  await evict(stub);
  expect(await stored(stub)).toMatchObject([...ids.map((id) => user(id, id)), user("u2", "hi"), said("hello")]);
});

it("takes over what is in the form of before among the messages of a session", async () => {
  const before = { id: "u1", role: "user", content: "as it was" };
  const stub = await withSession("session-before", sessionMessage(1, "u1", JSON.stringify(before)));
  expect(await stored(stub)).toMatchObject([user("u1", "as it was")]);
});

it("does not take a session over twice: what was cleared stays cleared", async () => {
  const stub = await withSession("session-once", sessionMessage(1, "u1", JSON.stringify(user("u1", "old"))));
  const a = await connect(stub);
  a.send({ type: "cf_agent_chat_clear" });
  await a.next("cf_agent_chat_clear");
  expect(await stored(stub)).toEqual([]);
  await evict(stub);
  expect(await stored(stub)).toEqual([]);
  await stub.persist([user("u2", "new")]);
  await evict(stub);
  expect(await stored(stub)).toMatchObject([{ id: "u2" }]);
});

it("takes over messages of a session that are in pieces, and files beside them", async () => {
  const content = JSON.stringify(user("u1", "long"));
  const hash = "ab".repeat(32);
  const files = [`attachment:sha256:${hash}`, `attachment:sha256:${"cd".repeat(32)}`].map((url) => {
    return { type: "file", mediaType: "image/png", url };
  });
  const stub = await withSession(
    "session-pieces",
    sessionMessage(1, "u1", content.slice(0, 20), 2),
    ["INSERT INTO cf_agents_session_message_chunks VALUES ('', 'u1', 10, ?)", content.slice(30)],
    ["INSERT INTO cf_agents_session_message_chunks VALUES ('', 'u1', 2, ?)", content.slice(20, 30)],
    sessionMessage(2, "u2", JSON.stringify({ id: "u2", role: "user", parts: files })),
    ["INSERT INTO cf_agents_session_attachment_meta VALUES (?, 6, 'image/png', 2)", hash],
    ["INSERT INTO cf_agents_session_attachment_chunks VALUES (?, 1, ?)", hash, new Uint8Array([3, 255]).buffer],
    ["INSERT INTO cf_agents_session_attachment_chunks VALUES (?, 0, ?)", hash, new Uint8Array([137, 80, 1, 2]).buffer]
  );
  const [long, withFiles] = await stored(stub);
  expect(long).toEqual(user("u1", "long"));
  // The second file is gone.
  expect(withFiles!.parts).toEqual([{ ...files[0], url: "data:image/png;base64,iVABAgP/" }, files[1]]);
});

it("has the tables of a new conversation, whether they are new or those of an older release", async () => {
  const shape = async (stub: ReturnType<typeof talker>) => {
    const a = await connect(stub, "_pk=a");
    a.send(ask("r1", [user("u1", "hi")]));
    await doneOf(a);
    const columns = await rows(
      stub,
      `SELECT tables.name AS tableName, columns.name, columns.type, "notnull", dflt_value, pk
       FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
       WHERE tables.name IN ('cf_ai_chat_agent_messages', 'cf_ai_chat_turns')`
    );
    const indexes = await rows(
      stub,
      `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('cf_ai_chat_agent_messages', 'cf_ai_chat_turns')`
    );
    const ordered = (list: object[]) => list.map((row) => JSON.stringify(row)).sort();
    return { columns: ordered(columns), indexes: ordered(indexes) };
  };
  const fresh = await shape(talker("fresh"));
  expect(fresh.columns.length).toBeGreaterThan(20);
  expect(await shape(await older("older"))).toEqual(fresh);
});
