import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, evict, logged } from "./test/kit";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, mutate } from "./test/random";

let names = 0;
const recorder = () => env.Recorder.get(env.Recorder.idFromName(`hostile-${names++}`));

/** A quiet connection to an agent of its own. */
async function open(query = "_pk=h") {
  const stub = recorder();
  const connection = await connect(stub, query);
  await connection.settled();
  const messages = () =>
    runInDurableObject(stub, ({ seen }) => seen.filter(({ event }) => event === "message").map(({ detail }) => detail));
  return { stub, connection, messages, alive: async () => (await connection.call("add", 20, 22)).result === 42 };
}

describe("[P1] a frame that is not what it says", () => {
  it.each([
    "",
    "not JSON",
    "{",
    "null",
    "[]",
    '{"type":"zzz"}',
    '{"type":"rpc"}',
    '{"type":"rpc","id":7,"method":"add","args":[1,2]}',
    '{"type":"rpc","id":"1","method":7,"args":[]}',
    '{"type":"rpc","id":"1","method":"add","args":{}}',
    '{"type":"rpc","id":"1","method":"add"}',
    '{"type":["rpc"],"id":"1","method":"add","args":[]}'
  ])("%j reaches onMessage as it is, and is not answered", async (text) => {
    const { connection, messages, alive } = await open();
    connection.send(text);
    expect(await connection.settled()).toEqual([]);
    expect(await messages()).toEqual([text]);
    expect(await alive()).toBe(true);
  });

  it("and begins with cf_agent_ is dropped, with an event", async () => {
    const { stub, connection, messages, alive } = await open();
    const events: unknown[] = [];
    await runInDurableObject(
      stub,
      (agent) => void (agent.observability = { emit: ({ type, payload }) => events.push([type, payload]) })
    );
    connection.send({ type: "cf_agent_state" });
    expect([await connection.settled(), await messages()]).toEqual([[], []]);
    expect(events).toContainEqual(["frame:malformed", { connectionId: "h", frame: "cf_agent_state" }]);
    expect([await alive(), await stub.plain()]).toEqual([true, 0]);
  });
});

describe("a very large", () => {
  it("text reaches onMessage", async () => {
    const { connection, messages, alive } = await open();
    connection.send("x".repeat(5_000_000));
    expect(await alive()).toBe(true);
    expect((await messages()).map((text) => String(text).length)).toEqual([5_000_000]);
  });

  it("call is answered", async () => {
    const { connection } = await open();
    const text = "ü".repeat(1_000_000);
    expect((await connection.call("add", text, text)).result).toHaveLength(2_000_000);
  });

  it("state is refused, and nothing has changed", async () => {
    const { stub, connection, alive } = await open();
    connection.send({ type: "cf_agent_state", state: { n: 1, text: "x".repeat(5_000_000) } });
    expect(await connection.settled()).toEqual([{ type: "cf_agent_state_error", error: "State update rejected" }]);
    expect([await alive(), await stub.plain()]).toEqual([true, 0]);
    await evict(stub);
    expect(await stub.plain()).toBe(0);
  });

  it("state of very many levels is refused or stored, and the agent wakes with it", async () => {
    const { stub, connection, alive } = await open();
    for (const levels of [1_000, 100_000, 900_000]) {
      connection.send(`{"type":"cf_agent_state","state":{"n":1,"deep":${"[".repeat(levels)}${"]".repeat(levels)}}}`);
      expect(await alive()).toBe(true);
      await evict(stub);
      expect([0, 1]).toContain(await stub.plain());
      expect(await alive()).toBe(true);
    }
  });
});

describe("[M5] a call of", () => {
  it.each([
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "__defineGetter__",
    "valueOf",
    "isPrototypeOf",
    "size",
    "#ready",
    "seen",
    "state",
    "name",
    "initialState",
    "sql.exec",
    "then",
    ""
  ])("%j finds nothing to call", async (method) => {
    const { connection, alive } = await open();
    const answer = await connection.call(method, "constructor");
    expect(answer).toMatchObject({
      success: false,
      error: expect.stringMatching(/^Method .* (does not exist|is not callable)$/)
    });
    expect(await alive()).toBe(true);
  });

  it.each([
    "setState",
    "sql",
    "broadcast",
    "fetch",
    "alarm",
    "onStart",
    "onMessage",
    "webSocketMessage",
    "__agentStart",
    "getCallableMethods",
    "setConnectionReadonly",
    "events",
    "explode"
  ])("%s is refused, though it exists", async (method) => {
    const { connection } = await open();
    expect(await connection.call(method)).toMatchObject({ success: false, error: `Method ${method} is not callable` });
  });
});

it("a state cannot reach a prototype", async () => {
  const { stub, connection } = await open();
  connection.send(
    '{"type":"cf_agent_state","state":{"n":1,"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}'
  );
  expect(await connection.settled()).toEqual([]);
  await evict(stub);
  expect(await stub.plain()).toBe(1);
  expect(await runInDurableObject(stub, () => ({}) as { polluted?: true })).not.toHaveProperty("polluted");
});

/** By the protocol, not by our decoder. */
function isCall(text: string): boolean {
  try {
    const { type, id, method, args } = JSON.parse(text) as Record<string, unknown>;
    return type === "rpc" && typeof id === "string" && typeof method === "string" && Array.isArray(args);
  } catch {
    return false;
  }
}

it(
  `frames mutated at random are answered once if they are calls, and leave the agent as it should be (${fuzzSeeds} seeds)`,
  async () => {
    const { stub, connection, alive } = await open();
    const valid = [
      { type: "cf_agent_state", state: { n: 1 } },
      { type: "rpc", id: "r", method: "add", args: [1, 2] },
      { type: "rpc", id: "r", method: "set", args: [3] },
      { type: "rpc", id: "r", method: "count", args: [2] },
      { type: "rpc", id: "r", method: "mark", args: [{ a: 1 }] }
    ];
    await logged(() =>
      eachSeed(async (random) => {
        const text = mutate(random.pick(valid), random);
        connection.send(text);
        const frames = (await connection.settled()) as { type: string; done?: boolean; success?: boolean }[];
        const ends = frames.filter(({ type, done, success }) => type === "rpc" && (done === true || success === false));
        expect(ends.length, text).toBe(isCall(text) ? 1 : 0);
      })
    );
    expect(await alive()).toBe(true);
    const inMemory = await runInDurableObject(stub, (agent) => agent.state as unknown);
    await evict(stub);
    expect(await runInDurableObject(stub, (agent) => agent.state as unknown)).toEqual(inMemory);
  },
  fuzzTimeoutMs(30_000)
);
