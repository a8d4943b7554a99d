import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { frameHandlers, type Capability } from "../core/capability";
import { createConnection } from "../core/connection";
import { EntryContext } from "../core/context";
import { connect, evict, logged, type TestConnection } from "../test/kit";
import { callable } from "./callable";
import { Rpc } from "./rpc";

let names = 0;
async function open(query = "_pk=c") {
  const stub = env.Recorder.get(env.Recorder.idFromName(`rpc-${names++}`));
  const connection = await connect(stub, query);
  await connection.settled();
  const errors = () =>
    runInDurableObject(stub, ({ seen }) => seen.filter(({ event }) => event === "error").map(({ detail }) => detail));
  return { stub, connection, errors };
}
/** All frames that answer one call. */
async function answers(connection: TestConnection, method: string, ...args: unknown[]) {
  connection.send({ type: "rpc", id: "x", method, args });
  return (await connection.settled()).filter((frame) => (frame as { id?: string }).id === "x");
}
const failure = (error: unknown) => [{ type: "rpc", id: "x", success: false, error }];

describe("[M2] a call is answered exactly once", () => {
  // proves agent-class-internals#callable-value, agent-class-internals#rpc-frame, callable-methods#callable
  it.each<[string, unknown[], object]>([
    ["add", [2, 3], { result: 5 }],
    ["add", ["a", "b"], { result: "ab" }],
    ["add", [], { result: null }],
    ["nothing", [], {}],
    ["functional", [], {}],
    ["marked", [], { result: null }],
    ["add", [{ toJSON: 1 }, []], { result: "[object Object]" }]
  ])("%s(%j) with its result", async (method, args, rest) => {
    const { connection } = await open();
    expect(await answers(connection, method, ...args)).toEqual([
      { type: "rpc", id: "x", success: true, done: true, ...rest }
    ]);
  });

  // proves callable-methods#errors
  it.each([
    ["boom", "boom!"],
    ["boomText", "Unknown error occurred"],
    ["unserializable", expect.stringContaining("BigInt")],
    ["plain", "Method plain is not callable"],
    ["nope", "Method nope does not exist"]
  ])("%s with its error", async (method, error) => {
    const { connection } = await open();
    expect(await answers(connection, method)).toEqual(failure(error));
  });

  it("when the method, without being async, hands on what another agent promises", async () => {
    const { connection, errors } = await open();
    expect(await connection.call("relay", "rpc-other", "plain")).toMatchObject({ success: true, result: 0 });
    const { error } = await connection.call("relay", "rpc-other", "query");
    expect(error).toMatch(/^Internal error/);
    expect(await errors()).toHaveLength(1);
  });

  it("whatever it is called, and however many there are", async () => {
    const { connection } = await open();
    const ids = ["", "1", "__proto__", "ü", "x".repeat(10_000)];
    for (const id of ids) connection.send({ type: "rpc", id, method: "add", args: [1, 1] });
    expect((await connection.settled()).map((frame) => (frame as { id: string }).id)).toEqual(ids);
  });

  it("on its own connection only", async () => {
    const { stub, connection } = await open();
    const other = await connect(stub, "_pk=other");
    await other.settled();
    await connection.call("add", 1, 1);
    expect(await other.settled()).toEqual([]);
  });

  it("after an eviction", async () => {
    const { stub, connection } = await open();
    await evict(stub);
    expect(await answers(connection, "add", 1, 1)).toMatchObject([{ result: 2 }]);
  });

  it("by what an instance was given in the place of its method", async () => {
    const { stub, connection } = await open();
    await runInDurableObject(stub, (agent) => {
      agent.add = new Proxy(agent.add, { apply: (add, self, args: [number, number]) => -add.apply(self, args) });
    });
    for (const result of [-2, -2]) expect(await answers(connection, "add", 1, 1)).toMatchObject([{ result }]);
  });

  it("also when it waits, while others are answered", async () => {
    const { stub, connection } = await open();
    connection.send({ type: "rpc", id: "slow", method: "held", args: [] });
    expect(await connection.call("add", 1, 1)).toMatchObject({ result: 2 });
    await stub.release();
    expect(await connection.nextFrame()).toMatchObject({ id: "slow", result: "released" });
  });

  it("unless the connection has gone: that is no error", async () => {
    const { stub, connection, errors } = await open();
    connection.send({ type: "rpc", id: "x", method: "held", args: [] });
    await vi.waitFor(async () => expect(await stub.holds()).toBe(1));
    connection.close(1000);
    await connection.closed;
    await stub.release();
    expect([await errors(), connection.pending]).toEqual([[], []]);
  });
});

describe("[M4] an error in a method", () => {
  it.each(["add", "where"])(
    "or of a connection that does not take what %s returns, is told to the caller",
    async (method) => {
      const { stub, connection, errors } = await open();
      await runInDurableObject(stub, (agent) => {
        const [held] = agent.getConnections();
        const send = held!.send.bind(held);
        held!.send = (message) => {
          if (String(message).includes('"result"')) throw new RangeError("The result is too large");
          send(message);
        };
      });
      expect(await answers(connection, method, 1, 1)).toEqual(failure("The result is too large"));
      expect(await errors()).toHaveLength(1);
    }
  );

  it("goes to onError once, with the connection", async () => {
    const { connection, errors } = await open();
    await answers(connection, "boom");
    await answers(connection, "midway");
    expect(await errors()).toEqual(["c: Error: boom!", "c: Error: mid"]);
  });

  it("of the client is none of the agent's", async () => {
    const { connection, errors } = await open();
    await answers(connection, "nope");
    await answers(connection, "plain");
    expect(await errors()).toEqual([]);
  });

  it.each(["brokenQuery", "brokenStream"])(
    "of the database (%s) is told to the client by a reference, under which the log has it",
    async (method) => {
      const { connection } = await open();
      let frames: { error?: string }[] = [];
      const log = await logged(async () => (frames = (await answers(connection, method)) as { error?: string }[]));
      const [, reference] = /^Internal error \(reference ([\da-f-]{36})\)$/.exec(frames.at(-1)?.error ?? "") ?? [];
      expect(reference).toBeDefined();
      expect(log).toContainEqual([
        `Error ${reference}:`,
        expect.objectContaining({ code: "SQL_FAILED", query: expect.stringContaining("missing") })
      ]);
    }
  );

  it("is answered before onError has its turn, which may take for ever", async () => {
    const frames: string[] = [];
    class Target {
      @callable()
      fail() {
        throw new Error("at once");
      }
    }
    const rpc = new Rpc(new Target(), { emit: () => {}, failed: () => new Promise(() => {}) });
    const { 0: client, 1: server } = new WebSocketPair();
    const connection = createConnection(server, "a", null, { name: "target" });
    connection.accept();
    client.accept();
    client.addEventListener("message", ({ data }) => void frames.push(data as string));
    const frame = { type: "rpc", id: "1", method: "fail", args: [] };
    void rpc.frames.rpc!.handle(rpc, connection, frame, JSON.stringify(frame), new EntryContext(rpc, connection));
    await vi.waitFor(() => expect(frames).toEqual(['{"type":"rpc","id":"1","success":false,"error":"at once"}']));
  });
});

describe("[M3] a streaming call", () => {
  const chunk = (result: unknown) => ({ type: "rpc", id: "x", success: true, result, done: false });
  const done = (rest: object = {}) => ({ type: "rpc", id: "x", success: true, done: true, ...rest });

  // proves agent-class-internals#callable-stream, callable-methods#streaming, callable-methods#stream-first-parameter
  // proves callable-methods#stream-send, callable-methods#stream-end, callable-methods#stream-end-value
  // proves callable-methods#stream-error
  it.each<[string, unknown[], unknown[]]>([
    ["count", [2], [chunk({ i: 0 }), chunk({ i: 1 }), done({ result: "fin" })]],
    ["count", [0], [done({ result: "fin" })]],
    ["forgetful", [], [chunk(1), done()]],
    ["midway", [], [chunk(1), ...failure("mid")]],
    ["gentle", [], [chunk(1), ...failure("custom")]],
    ["unsendable", [], [chunk(1), ...failure(expect.stringContaining("BigInt"))]],
    ["unendable", [], failure(expect.stringContaining("BigInt"))],
    ["endedThenThrows", [], [done()]]
  ])("of %s(%j) ends exactly once", async (method, args, expected) => {
    const { connection } = await open();
    expect(await answers(connection, method, ...args)).toEqual(expected);
  });

  it("of many values keeps their order", async () => {
    const { connection } = await open();
    const frames = (await answers(connection, "count", 500)) as { result: unknown }[];
    expect(frames.map(({ result }) => result)).toEqual([...Array.from({ length: 500 }, (_, i) => ({ i })), "fin"]);
  });

  it("whose client leaves midway runs to its end without an error", async () => {
    const { stub, connection, errors } = await open();
    connection.send({ type: "rpc", id: "x", method: "heldStream", args: [] });
    expect(await connection.nextFrame()).toEqual(chunk(1));
    connection.close(4000);
    await connection.closed;
    await stub.release();
    expect([await errors(), connection.pending, await stub.holds()]).toEqual([[], [], 0]);
  });
});

// proves callable-methods#getCallableMethods, callable-methods#metadata-streaming
it("[M1] an agent lists its callable methods, inherited ones included, hidden ones not", async () => {
  const heir = env.HEIR_OF_ALL.get(env.HEIR_OF_ALL.idFromName("rpc"));
  const methods = await runInDurableObject(heir, (agent) => agent.getCallableMethods());
  expect(methods.get("count")).toEqual({ streaming: true });
  expect([methods.has("set"), methods.has("add"), methods.has("plain")]).toEqual([true, false, false]);
  const connection = await connect(heir);
  expect([await connection.call("add", 1, 2), await connection.call("set", 2)]).toMatchObject([
    { success: false, error: "Method add is not callable" },
    { success: true, result: 2 }
  ]);
});

it("a method is looked up by its name, whatever was called before", async () => {
  const connection = await connect(env.HEIR_OF_ALL.get(env.HEIR_OF_ALL.idFromName("names")));
  const outcomes = [];
  for (const method of ["set", "add", "set", "absent", "constructor", "set"]) {
    const { success, error } = (await connection.call(method, 2)) as { success: boolean; error?: string };
    outcomes.push(success || error);
  }
  expect(outcomes).toEqual([
    true,
    "Method add is not callable",
    true,
    "Method absent does not exist",
    "Method constructor is not callable",
    true
  ]);
});

it("a frame type without a handler does not compile", () => {
  // @ts-expect-error: no handler
  frameHandlers<{ type: "a" }, Capability>({ a: () => true }, {});
  expect(Object.keys(frameHandlers<{ type: "a" }, Capability>({ a: () => true }, { a: { handle: () => {} } }))).toEqual(
    ["a"]
  );
});
