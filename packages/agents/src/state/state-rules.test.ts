import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { getAgentByName } from "../index";
import { connect, errorOf, evict } from "../test/kit";

const counter = (name: string) => getAgentByName(env.CounterAgent, `rules-${name}`);
const game = (name: string) => getAgentByName(env.GameAgent, `rules-${name}`);
const frame = (state: object) => ({ type: "cf_agent_state", state });

describe("the state of an agent", () => {
  // proves store-and-sync-state#onStart, store-and-sync-state#existing
  it("is there in onStart: the initial one at first, then the one that was stored", async () => {
    const stub = await counter("start");
    await stub.increment();
    expect(await runInDurableObject(stub, ({ found }) => found)).toBe(0);
    await evict(stub);
    await stub.getStats();
    expect(await runInDurableObject(stub, ({ found }) => found)).toBe(1);
  });

  // proves store-and-sync-state#read-your-writes, callable-methods#setState, add-to-existing-project#counter
  it("can be read by the call that has set it, and is sent to all before the call is answered", async () => {
    const connection = await connect(await counter("own-write"));
    await connection.settled();
    connection.send({ type: "rpc", id: "1", method: "increment", args: [] });
    expect(await connection.settled()).toEqual([
      frame({ count: 1, items: [] }),
      { type: "rpc", id: "1", success: true, result: 1, done: true }
    ]);
  });

  // proves store-and-sync-state#concurrent
  it("loses no change when many clients make one at the same time", async () => {
    const stub = await counter("together");
    const connections = await Promise.all(["a", "b", "c", "d"].map((id) => connect(stub, `_pk=${id}`)));
    const calls = connections.flatMap((connection) =>
      Array.from({ length: 25 }, (_, n) => connection.send({ type: "rpc", id: `${n}`, method: "increment", args: [] }))
    );
    for (const connection of connections) await connection.settled();
    expect([calls.length, (await stub.getStats()).count]).toEqual([100, 100]);
  });

  // proves store-and-sync-state#setState-replaces
  it("is replaced as a whole: what the new one does not have is gone", async () => {
    const stub = env.Board.get(env.Board.idFromName("rules-replace"));
    await stub.put({ a: 1, b: 2 });
    await stub.put({ b: 3 });
    await evict(stub);
    expect(await runInDurableObject(stub, ({ state }) => state)).toEqual({ b: 3 });
  });

  // proves store-and-sync-state#validate-synchronous
  it("is not stored when its validation would only be over later", async () => {
    const stub = env.Board.get(env.Board.idFromName("rules-async-validation"));
    await stub.put({ a: 1 });
    await runInDurableObject(stub, async (agent) => {
      agent.validateStateChange = async () => Promise.reject(new Error("too late"));
      const error = await errorOf(async () => agent.setState({ a: 2 }));
      expect(error).toMatchObject({ code: "STATE_VALIDATION_ASYNC" });
      expect(agent.state).toEqual({ a: 1 });
    });
  });

  // proves store-and-sync-state#undefined, store-and-sync-state#set-when-undefined
  it("is undefined without an initial one, and may be set later", async () => {
    const stub = env.Board.get(env.Board.idFromName("rules-undefined"));
    const connection = await connect(stub);
    expect(await connection.settled()).toMatchObject([{ type: "cf_agent_identity" }, { type: "cf_agent_mcp_servers" }]);
    expect(await runInDurableObject(stub, ({ state }) => state)).toBe(undefined);
    await stub.put({ initialized: true });
    expect(await connection.settled()).toEqual([frame({ initialized: true })]);
  });

  // proves store-and-sync-state#not-json
  it("is JSON: a function is left out, a Date is a text, a Map is empty, to clients at once and after a wake", async () => {
    const stub = env.Board.get(env.Board.idFromName("rules-json"));
    const connection = await connect(stub);
    await connection.settled();
    await runInDurableObject(stub, (agent) => {
      agent.setState({ at: new Date(0), run: () => {}, inner: { map: new Map([["a", 1]]), list: [() => {}] } });
    });
    const stored = { at: "1970-01-01T00:00:00.000Z", inner: { map: {}, list: [null] } };
    expect(await connection.settled()).toEqual([frame(stored)]);
    await evict(stub);
    expect(await runInDurableObject(stub, ({ state }) => state)).toEqual(stored);
  });

  // proves add-to-existing-project#state-setState
  it("that was changed in place, and not set, is not stored", async () => {
    const stub = await counter("mutated");
    await stub.increment();
    await stub.mutate();
    await evict(stub);
    expect((await stub.getStats()).count).toBe(1);
  });

  // proves routing#instances-are-isolated, store-and-sync-state#private, store-and-sync-state#own-database
  // proves add-to-existing-project#state-same-name
  it("and its database are those of one name, and not seen by others", async () => {
    const [a, b] = [await counter("a"), await counter("b")];
    await a.increment();
    await a.logEvent("in a");
    await b.getStats();
    const count = (stub: typeof a) =>
      runInDurableObject(stub, (agent) => [agent.state.count, agent.sql`SELECT * FROM events`.length]);
    expect([await count(a), await count(b)]).toEqual([
      [1, 1],
      [0, 0]
    ]);
    expect(await count(await counter("a"))).toEqual([1, 1]);
  });

  it("begins with what a getter says, also for a stub that looks at it before the start", async () => {
    expect(await env.LegacyHeir.getByName("rules-getter").state).toEqual({ n: 7 });
  });

  // proves store-and-sync-state#state, store-and-sync-state#initialState
  it("is read in onRequest", async () => {
    const stub = await game("request");
    expect(await (await stub.fetch("http://test/")).text()).toBe("Waiting for players...");
    const state = { players: ["Ada", "Bob"], score: 0, status: "playing" } as const;
    await stub.setState({ ...state, players: [...state.players] });
    expect(await (await stub.fetch("http://test/")).json()).toEqual(state);
  });
});

describe("the rules of a program", () => {
  // proves store-and-sync-state#validateStateChange, store-and-sync-state#validate-throws
  it("see the state as it is and who asks, and keep a state from being stored", async () => {
    const stub = await game("rules");
    const finished = { players: [], score: 5, status: "finished" } as const;
    await stub.setState({ ...finished, players: [] });
    const restart = { players: [], score: 5, status: "waiting" as const };
    expect((await errorOf(() => stub.setState(restart))).message).toBe("Cannot restart a finished game");
    const negative = { ...restart, score: -1 };
    expect((await errorOf(() => stub.setState(negative))).message).toBe("score cannot be negative, said server");
    await evict(stub);
    expect(await (await stub.fetch("http://test/")).json()).toEqual(finished);
  });

  // proves store-and-sync-state#validate-client
  it("refuse what a client writes, and the others do not hear of it", async () => {
    const stub = await game("client-rules");
    const [a, b] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b")];
    await Promise.all([a.settled(), b.settled()]);
    a.send(frame({ players: [], score: -1, status: "waiting" }));
    expect(await a.settled()).toEqual([{ type: "cf_agent_state_error", error: "State update rejected" }]);
    expect(await b.settled()).toEqual([]);
  });

  // proves store-and-sync-state#client-driven, store-and-sync-state#no-loop
  it("react to what a client wrote, and not to what they set themselves", async () => {
    const stub = await game("driven");
    const [a, b] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b")];
    await Promise.all([a.settled(), b.settled()]);
    const written = { players: ["Ada", "Bob"], score: 0, status: "waiting" };
    a.send(frame(written));
    const answer = frame({ ...written, status: "playing" });
    expect([await a.settled(), await b.settled()]).toEqual([[answer], [frame(written), answer]]);
  });
});

// proves store-and-sync-state#sql, store-and-sync-state#sql-tables, store-and-sync-state#sql-array
it("the database holds tables of the program's own, and a query gives an array of rows, also of one or none", async () => {
  const stub = await counter("sql");
  await stub.logEvent("user-clicked");
  expect(await (await stub.fetch("http://test/?id=1")).json()).toEqual({ name: "user-clicked" });
  expect(await (await stub.fetch("http://test/?id=2")).json()).toBe(null);
  await evict(stub);
  const rows = await runInDurableObject(stub, (agent) => [
    agent.sql`SELECT name FROM events`,
    agent.sql`SELECT name FROM events WHERE id = ${2}`
  ]);
  expect(rows).toEqual([[{ name: "user-clicked" }], []]);
});
