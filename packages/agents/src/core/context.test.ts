import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { getAgentByName, getCurrentAgent } from "../index";
import { connect, makeDue } from "../test/kit";

const recorder = (name: string) => env.Recorder.get(env.Recorder.idFromName(name));
const contexts = (stub: ReturnType<typeof recorder>, event: string) =>
  runInDurableObject(stub, ({ traced }) => traced.filter(([where]) => where === event).map(([, context]) => context));

describe("[C17] getCurrentAgent", () => {
  it("knows the agent in onStart", async () => {
    await recorder("start").plain();
    expect(await contexts(recorder("start"), "onStart")).toEqual([{ agent: "start" }]);
  });

  // proves agent-class-internals#getCurrentAgent, agents-api#getCurrentAgent, get-current-agent#in-onRequest
  // proves get-current-agent#built-in-methods, get-current-agent#request, get-current-agent#request-fields
  it("knows agent and request in onRequest", async () => {
    const response = await recorder("request").fetch("http://test/", { method: "PUT" });
    expect(await response.json()).toMatchObject({ context: { agent: "request", request: "PUT" } });
  });

  // proves agent-class-internals#getCurrentAgent, agents-api#getCurrentAgent, get-current-agent#in-onConnect
  // proves get-current-agent#connection, get-current-agent#connection-id
  it("knows agent, connection and request in onConnect and its hooks", async () => {
    await connect(recorder("connect"), "_pk=c");
    const all = { agent: "connect", connection: "c", request: "GET" };
    for (const hook of ["onConnect", "getConnectionTags", "shouldConnectionBeReadonly"]) {
      expect(await contexts(recorder("connect"), hook), hook).toEqual([all]);
    }
  });

  // proves get-current-agent#name-and-state, get-current-agent#external-functions
  it("has name and state of the agent, in a function that knows of none", async () => {
    const stub = await getAgentByName(env.CounterAgent, "context-state");
    await stub.increment();
    expect(await stub.describe()).toEqual({ name: "context-state", count: 1 });
  });

  // proves agent-class-internals#getCurrentAgent, agents-api#getCurrentAgent, get-current-agent#in-onMessage
  it("knows agent and connection in onMessage and onClose", async () => {
    const stub = recorder("message");
    const connection = await connect(stub, "_pk=c");
    connection.send("hello");
    connection.close(4000);
    await connection.closed;
    expect([await contexts(stub, "onMessage"), await contexts(stub, "onClose")]).toEqual([
      [{ agent: "message", connection: "c" }],
      [{ agent: "message", connection: "c" }]
    ]);
  });

  // proves agent-class-internals#getCurrentAgent, agents-api#getCurrentAgent, get-current-agent#in-rpc
  // proves get-current-agent#external-functions, get-current-agent#libraries, get-current-agent#custom-methods
  it.each(["where", "whereInTimer", "whereInMicrotask", "whereAfterStorage", "whereInParallel"])(
    "knows agent and connection in a callable: %s",
    async (method) => {
      const connection = await connect(recorder("call"), "_pk=c");
      expect(await connection.call(method)).toMatchObject({ result: { agent: "call", connection: "c" } });
    }
  );

  // proves get-current-agent#built-in-methods
  it("knows agent and connection in onStateChanged, by a frame and by a call", async () => {
    const stub = recorder("state");
    const connection = await connect(stub, "_pk=c");
    connection.send({ type: "cf_agent_state", state: { n: 1 } });
    await connection.call("set", 2);
    const context = { agent: "state", connection: "c" };
    expect(await contexts(stub, "onStateChanged")).toEqual([context, context]);
  });

  // proves get-current-agent#custom-methods, get-current-agent#agent
  it("knows the agent, and nobody else, in a method that a stub calls", async () => {
    await connect(recorder("stub"), "_pk=c");
    expect(await recorder("stub").context()).toEqual({ agent: "stub" });
  });

  it("knows the agent in an alarm", async () => {
    const stub = env.Starter.get(env.Starter.idFromName("context-alarm"));
    await makeDue(stub, "chime");
    await runDurableObjectAlarm(stub);
    expect(await runInDurableObject(stub, ({ order }) => order.includes("rung by context-alarm"))).toBe(true);
  });

  it("knows agent and connection in onError", async () => {
    const stub = recorder("error");
    const connection = await connect(stub, "_pk=c");
    connection.send("throw");
    await connection.call("add", 1, 1);
    expect(await contexts(stub, "onError")).toEqual([{ agent: "error", connection: "c" }]);
  });

  // proves get-current-agent#outside
  it("knows nobody outside", () => {
    expect(getCurrentAgent()).toEqual({
      agent: undefined,
      connection: undefined,
      request: undefined,
      email: undefined
    });
  });

  it("does not mix two agents that work at the same time, nor two connections of one", async () => {
    const opened = ["a", "b"].flatMap((name) =>
      ["1", "2"].map(async (id) => [name, id, await connect(recorder(`mix-${name}`), `_pk=${id}`)] as const)
    );
    const calls = (await Promise.all(opened)).flatMap(([name, id, connection]) =>
      ["where", "whereInTimer", "whereAfterStorage"].map(async (method) => {
        const { result } = await connection.call(method);
        return [result, { agent: `mix-${name}`, connection: id }];
      })
    );
    for (const [found, expected] of await Promise.all(calls)) expect(found).toEqual(expected);
  });

  // proves callable-methods#when-agent
  it("of an agent that another one calls is its own, and the caller's is back afterwards", async () => {
    const connection = await connect(recorder("caller"), "_pk=c");
    const { result } = await connection.call("askOther", "callee");
    expect(result).toEqual({ other: { agent: "callee" }, own: { agent: "caller", connection: "c" } });
  });

  it("of an agent that calls itself by a stub does not keep the connection", async () => {
    const connection = await connect(recorder("self"), "_pk=c");
    const { result } = await connection.call("askOther", "self");
    expect(result).toEqual({ other: { agent: "self" }, own: { agent: "self", connection: "c" } });
  });
});
