import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { UIMessage } from "ai";
import { afterEach, describe, expect, it } from "vitest";
import { fault } from "../../agents/src/test/fault";
import { connect, type TestConnection } from "../../agents/src/test/kit";
import { ask, chunksOf, doneOf, isDone, stored, streamRows, talker, text, user, type Frame } from "./test/chat-kit";
import { answers, Script, textAnswer } from "./test/script";

afterEach(() => fault.reset());

// More than one row of the stream log, and something after it.
const words = Array.from({ length: 28 }, (_, n) => `${n} `);
const whole = words.join("");
const call = { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} } as const;
const result = {
  type: "cf_agent_tool_result",
  toolCallId: "c1",
  toolName: "where",
  output: "here",
  autoContinue: true
};

answers.set("tell", () => textAnswer(...words));
answers.set("tell briefly", () => textAnswer(...words.slice(0, 2)));
answers.set("bye", () => textAnswer("farewell"));
answers.set("call", ({ messages }) => {
  if (messages.at(-1)?.role === "assistant") return textAnswer(...words);
  const script = new Script();
  script.chunk({ type: "start" }, call);
  script.end();
  return script.response;
});

interface Scene {
  name: string;
  a: TestConnection;
  b: TestConnection;
}

interface Operation {
  /** Over in one turn: there is no await at which it could be cut. */
  atOnce?: boolean;
  prepare(scene: Scene): Promise<void>;
  start(scene: Scene): void;
  /** Resolves when the operation is over, if nothing stops it. */
  end(scene: Scene): Promise<unknown>;
  /** What must hold, after a crash at any point, of the messages and of what the clients saw. */
  check(messages: UIMessage[], seen: Frame[]): void;
}

const textOf = (message: UIMessage | undefined) =>
  message?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
const isPrefix = (message: UIMessage | undefined) => expect(whole.startsWith(textOf(message))).toBe(true);
const wasCleared = (seen: Frame[]) => seen.some(({ type }) => type === "cf_agent_chat_clear");

/** A turn that has said two rows of the log and something more, and goes on when the test wants. */
async function speaking({ name, a, b }: Scene): Promise<void> {
  a.send(ask("r1", [user("u1", "script")]));
  await talker(name).say({ type: "start" }, { type: "text-start", id: "t" }, ...text("t", ...words).slice(1, -1));
  for (const client of [a, b]) await client.next((frame) => String(frame.body).includes('"27 "'));
}

const operations: [string, Operation][] = [
  [
    "the first turn of an agent",
    {
      prepare: async () => {},
      start: ({ a }) => a.send(ask("r1", [user("u1", "tell")])),
      end: ({ a }) => doneOf(a),
      check([question, answer, ...more], seen) {
        expect(more).toEqual([]);
        if (chunksOf(seen).length > 0 || seen.some(({ messages }) => messages?.length)) expect(question).toBeDefined();
        if (question) expect(question).toEqual(user("u1", "tell"));
        isPrefix(answer);
        if (seen.some((frame) => isDone()(frame) && !frame.error)) expect(textOf(answer)).toBe(whole);
      }
    }
  ],
  [
    "a continuation after a tool result",
    {
      async prepare({ a, b }) {
        a.send(ask("r1", [user("u1", "call")]));
        await doneOf(a);
        await doneOf(b);
        await b.next("cf_agent_chat_messages");
      },
      start: ({ a }) => a.send(result),
      end: ({ a }) => doneOf(a),
      check([question, answer, ...more], seen) {
        expect(more).toEqual([]);
        expect(question).toEqual(user("u1", "call"));
        const [tool] = answer!.parts;
        const isAnswered = seen.some(({ type }) => type === "cf_agent_message_updated");
        if (!isAnswered && "state" in tool! && tool.state === "input-available") expect(answer!.parts).toHaveLength(1);
        else expect(tool).toMatchObject({ state: "output-available", output: "here" });
        isPrefix(answer);
        if (seen.some((frame) => isDone()(frame) && !frame.error)) expect(textOf(answer)).toBe(whole);
      }
    }
  ],
  [
    "a client's resuming of a stream",
    {
      atOnce: true,
      prepare: speaking,
      start: ({ b }) => b.send({ type: "cf_agent_stream_resume_ack", id: "r1" }),
      end: ({ b }) => b.next<Frame>(({ replayComplete }) => replayComplete === true),
      check([question, answer, ...more]) {
        expect(more).toEqual([]);
        expect(question).toEqual(user("u1", "script"));
        isPrefix(answer);
      }
    }
  ],
  [
    "the clearing of a conversation in the middle of a turn",
    {
      atOnce: true,
      prepare: speaking,
      start: ({ b }) => b.send({ type: "cf_agent_chat_clear" }),
      end: ({ a }) => doneOf(a),
      check([question, answer, ...more], seen) {
        expect(more).toEqual([]);
        if (wasCleared(seen)) expect([question, answer]).toEqual([undefined, undefined]);
        if (question) expect(question).toEqual(user("u1", "script"));
        else expect(answer).toBeUndefined();
        isPrefix(answer);
      }
    }
  ],
  [
    "another answer, asked for in the middle of the first",
    {
      prepare: speaking,
      start: ({ b }) => b.send(ask("r2", [user("u1", "tell briefly")], { trigger: "regenerate-message" })),
      end: ({ b }) => doneOf(b, "r2"),
      check([question, answer, ...more], seen) {
        expect(more).toEqual([]);
        expect(["script", "tell briefly"]).toContain(textOf(question));
        isPrefix(answer);
        if (seen.some((frame) => isDone("r2")(frame) && !frame.error)) expect(textOf(answer)).toBe("0 1 ");
      }
    }
  ]
];

async function prepared(name: string, { prepare }: Operation): Promise<Scene> {
  const scene = { name, a: await connect(talker(name), "_pk=a"), b: await connect(talker(name), "_pk=b") };
  await prepare(scene);
  await Promise.all([scene.a.settled(), scene.b.settled()]);
  return scene;
}

/** The next question is answered as if nothing had been. */
async function goOn(name: string, before: UIMessage[]): Promise<void> {
  const client = await connect(talker(name), "_pk=c");
  client.send(ask("r9", [...before, user("u9", "bye")]));
  expect(await doneOf(client, "r9")).toMatchObject({ body: "" });
  const after = await stored(talker(name));
  expect(after.slice(0, -2).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  expect(after.slice(-2)).toMatchObject([{ id: "u9" }, { role: "assistant", parts: [{ text: "farewell" }] }]);
  const open = after
    .flatMap(({ parts }) => parts)
    .filter((part) => "state" in part && /streaming|input-available/.test(part.state ?? ""));
  expect(open).toEqual([]);
}

const crashes = [
  ["that keeps what was written", true],
  ["that loses what was not yet confirmed", false]
] as const;

describe.each(operations)("%s", (title, operation) => {
  it.each(crashes)("may be cut at any await by a crash %s", { timeout: 120_000 }, async (crash, sync) => {
    const counted = await prepared(`${title} ${sync}`, operation);
    const points = await fault.count(async () => {
      operation.start(counted);
      await operation.end(counted);
      await counted.a.settled();
    });
    // What is over in one turn has no point at which it could be cut, only an end.
    if (operation.atOnce) expect(points).toBe(0);
    else expect(points).toBeGreaterThan(5);
    for (let n = 1; n <= points + 1; n++) {
      const scene = await prepared(`${title} ${sync} ${n}`, operation);
      const { name, a, b } = scene;
      const context = await runInDurableObject(talker(name), (_, state) => state);
      const kill = () => context.abort(fault.reason);
      const crashNow = () => (sync ? context.storage.sync().then(kill) : kill());
      let seen: Frame[];
      if (n <= points) {
        fault.stopAt(n, crashNow);
        seen = collect(a, b);
        operation.start(scene);
        a.send({ type: "rpc", id: "barrier", method: "", args: [] });
      } else {
        operation.start(scene);
        seen = [await operation.end(scene), ...(await a.settled()), ...(await b.settled())] as Frame[];
        await runInDurableObject(talker(name), crashNow).catch(() => {});
      }
      await Promise.all([a.closed, b.closed]);

      const place = n > points ? "at its end" : `point ${n} of ${points}: ${fault.stoppedAt}`;
      // Whoever wakes the agent first recovers it: its alarm, or a client.
      if (n % 2 === 0) await runDurableObjectAlarm(talker(name));
      const messages = await stored(talker(name));
      try {
        expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
        operation.check(messages, seen);
        if (await hasStreams(name)) expect(await streamRows(talker(name))).toBe(0);
        await goOn(name, messages);
      } catch (error) {
        throw new Error(`${place}: ${(error as Error).message}`, { cause: error });
      }
    }
    console.log(`${title}, a crash ${crash}: ${points} points and its end`);
  });
});

/** What two clients receive from now on. */
function collect(...clients: TestConnection[]): Frame[] {
  const seen: Frame[] = [];
  for (const client of clients)
    void (async () => {
      for (;;) seen.push((await client.nextFrame()) as Frame);
    })();
  return seen;
}

const hasStreams = (name: string) =>
  runInDurableObject(
    talker(name),
    (_, { storage }) =>
      storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'cf_ai_chat_stream_chunks'").toArray().length > 0
  );
