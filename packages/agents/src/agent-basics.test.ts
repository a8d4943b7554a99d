// What the pages "Agents API" and "Agent class internals" say of every agent.
import { DurableObject } from "cloudflare:workers";
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { Agent, getAgentByName, routeAgentRequest } from "./index";
import { connect, cut, evict } from "./test/kit";

const recorder = (name: string) => env.Recorder.get(env.Recorder.idFromName(`basics-${name}`));
const request = (path: string) => routeAgentRequest(new Request(`http://test${path}`), env);

describe("an agent", () => {
  // proves agents-api#one-instance, agents-api#url, agents-api#routeAgentRequest
  // proves agent-class-internals#getAgentByName, agent-class-internals#rpc, agent-class-internals#routeAgentRequest
  it("is the same one by stub and by URL under one name, and another one under another", async () => {
    await (await getAgentByName(env.Recorder, "basics-one")).setState({ n: 5 });
    const names = ["basics-one", "basics-two"];
    const byStub = names.map(async (name) => (await getAgentByName(env.Recorder, name)).plain());
    const byUrl = names.map(async (name) => (await request(`/agents/recorder/${name}`))?.json());
    expect(await Promise.all(byStub)).toEqual([5, 0]);
    expect(await Promise.all(byUrl)).toMatchObject([
      { name: "basics-one", n: 5 },
      { name: "basics-two", n: 0 }
    ]);
    expect((await request("/elsewhere/recorder/basics-one")) ?? "falsy").toBe("falsy");
  });

  // proves agents-api#reconnect
  it("is found again, with its state, by a client that was cut off", async () => {
    const stub = recorder("again");
    const first = await connect(stub, "_pk=a");
    first.send({ type: "cf_agent_state", state: { n: 3 } });
    await first.settled();
    await cut(stub);
    await first.closed;
    expect(await (await connect(stub, "_pk=a")).next("cf_agent_state")).toMatchObject({ state: { n: 3 } });
  });

  // proves agent-class-internals#durable-object, agent-class-internals#ctx, agent-class-internals#env
  // proves agents-api#ctx, agents-api#env, http-websockets-older#ctx, http-websockets-older#env
  it("is a Durable Object, with the context and the bindings that the runtime gave it", async () => {
    const stub = recorder("object");
    const found = await runInDurableObject(stub, (agent, context) => {
      const own = agent as unknown as { ctx: DurableObjectState; env: Cloudflare.Env };
      const isObject = agent instanceof DurableObject && agent instanceof Agent;
      return [isObject, own.ctx === context, own.env.Recorder.idFromName("x").toString()];
    });
    expect(found).toEqual([true, true, env.Recorder.idFromName("x").toString()]);
  });

  // proves agent-class-internals#storage-sql, agent-class-internals#storage-kv, agent-class-internals#sql
  it("has the runtime's own storage, at once for SQL, which this.sql looks into as well", async () => {
    const found = await runInDurableObject(recorder("storage"), async (agent, { storage }) => {
      storage.sql.exec("CREATE TABLE contacts (name TEXT, country TEXT)");
      storage.sql.exec("INSERT INTO contacts VALUES (?, ?), (?, ?)", "Ann", "US", "Bob", "DE");
      await storage.put("someToken", "t");
      const rows = storage.sql.exec("SELECT name FROM contacts WHERE country = ?", "US").toArray();
      return [rows, agent.sql`SELECT name FROM contacts WHERE country = ${"DE"}`, await storage.get("someToken")];
    });
    expect(found).toEqual([[{ name: "Ann" }], [{ name: "Bob" }], "t"]);
  });

  // proves agents-api#sql, agents-api#sql-create, agents-api#sql-values, agents-api#sql-rows
  // proves agent-class-internals#sql-rows
  it("makes tables, binds values and reads rows with this.sql, and still has them after an eviction", async () => {
    const stub = recorder("sql");
    const [id, name] = ["1", "Ann'); DROP TABLE users; --"];
    await runInDurableObject(stub, (agent) => {
      agent.sql`CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, name TEXT)`;
      agent.sql`INSERT INTO users (id, name) VALUES (${id}, ${name})`;
    });
    await evict(stub);
    const read = () =>
      runInDurableObject(stub, (agent) => agent.sql<{ id: string }>`SELECT * FROM users WHERE id = ${id}`);
    expect(await read()).toEqual([{ id, name }]);
  });

  // proves agent-class-internals#constructor, agent-class-internals#rpc-cold, agent-class-internals#onStart
  // proves agents-api#onStart
  it("is constructed and started before a stub's call: the first ever, one to it awake, and one after an eviction", async () => {
    const stub = env.Starter.get(env.Starter.idFromName("basics-cold"));
    const attempts = () => runInDurableObject(stub, (agent) => agent.attempts);
    expect([await stub.isReady(), await attempts()]).toEqual([true, 1]);
    expect([await stub.isReady(), await attempts()]).toEqual([true, 1]);
    await evict(stub);
    // A new object, whose constructor and start have run once more.
    expect([await stub.history(), await attempts()]).toEqual([
      ["constructing now", "constructed now", "starting now", "started"],
      1
    ]);
  });

  // proves agent-class-internals#connection, agent-class-internals#connection-request
  it("has connections that are WebSockets, each with the request that it came by", async () => {
    const stub = recorder("socket");
    await connect(stub, "_pk=a&x=1", { "X-Own": "header" });
    const found = await runInDurableObject(stub, async (agent) => {
      const seen: (string | null)[] = [];
      agent.onConnect = (_, { request: { url, headers } }) => void seen.push(url, headers.get("X-Own"));
      const headers = { Upgrade: "websocket", "X-Own": "header" };
      await agent.fetch(new Request("http://test/agents/recorder/a?x=1", { headers }));
      return [agent.getConnection("a") instanceof WebSocket, ...seen];
    });
    expect(found).toEqual([true, "http://test/agents/recorder/a?x=1", "header"]);
  });

  // proves agent-class-internals#state-table, agent-class-internals#state-survives, agent-class-internals#state-persists
  // proves agents-api#setState, agents-api#state, http-websockets-older#state
  it("stores what setState was given in cf_agents_state, sends it, and has it after an eviction", async () => {
    const stub = recorder("state");
    const connection = await connect(stub);
    await connection.settled();
    await stub.setState({ n: 8 });
    expect(await connection.settled()).toEqual([{ type: "cf_agent_state", state: { n: 8 } }]);
    await evict(stub);
    const read = await runInDurableObject(stub, (agent) => [
      agent.state,
      agent.sql`SELECT state FROM cf_agents_state WHERE id = 'cf_state_row_id'`
    ]);
    expect(read).toEqual([{ n: 8 }, [{ state: '{"n":8}' }]]);
  });
});

describe("[M1] @callable", () => {
  // proves agent-class-internals#callable, agent-class-internals#callable-description, agents-api#callable
  it("describes a method, and makes it one that clients call", async () => {
    const stub = recorder("callable");
    const methods = await runInDurableObject(stub, (agent) => agent.getCallableMethods());
    expect(methods.get("add")).toEqual({ description: "Adds" });
    expect(await (await connect(stub)).call("add", 2, 3)).toMatchObject({ result: 5 });
  });
});
