import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { getAgentByName } from "./index";
import { connect, costOf, errorOf, evict, logged, makeDue, metaOf, putMeta } from "./test/kit";

const recorder = (name: string) => env.Recorder.get(env.Recorder.idFromName(name));
const faulty = (name: string) => env.Faulty.get(env.Faulty.idFromName(name));
const seen = (stub: ReturnType<typeof recorder>, event: string) =>
  runInDurableObject(stub, (agent) => agent.seen.filter((entry) => entry.event === event).map(({ detail }) => detail));

describe("an error", () => {
  // proves http-websockets-older#onError-server, agent-class-internals#onError-server
  it("of onRequest goes to onError once, and reaches the caller as it was thrown", async () => {
    const stub = recorder("request");
    expect((await errorOf(() => stub.fetch("http://test/throw"))).message).toBe("thrown in onRequest");
    expect(await seen(stub, "error")).toEqual(["Error: thrown in onRequest"]);
  });

  it("of a method goes to onError once, and reaches the caller of the stub as it was thrown", async () => {
    const stub = recorder("method");
    expect((await errorOf(() => stub.explode())).message).toBe("thrown in a method");
    expect(await seen(stub, "error")).toEqual(["Error: thrown in a method"]);
  });

  it("of a nested method is reported once", async () => {
    const stub = recorder("nested");
    expect((await errorOf(() => stub.explodeDeeply())).message).toBe("thrown in a method");
    expect(await seen(stub, "error")).toEqual(["Error: thrown in a method"]);
  });

  it("that a method handles is not reported", async () => {
    const stub = recorder("handled");
    expect(await stub.explodeSafely()).toBe("Error: thrown in a method");
    expect(await seen(stub, "error")).toEqual([]);
  });

  // proves websockets#onError, http-websockets-older#onError-connection, agent-class-internals#onError-connection
  it("of onMessage goes to onError with its connection, which stays usable", async () => {
    const stub = recorder("message");
    const connection = await connect(stub, "_pk=m");
    connection.send("throw");
    expect(await connection.call("add", 1, 2)).toMatchObject({ result: 3 });
    expect(await seen(stub, "error")).toEqual(["m: Error: thrown in onMessage"]);
  });

  it("of onConnect reaches the caller, and leaves no open connection behind", async () => {
    const stub = recorder("connect");
    expect((await errorOf(() => connect(stub, "throw"))).message).toBe("thrown in onConnect");
    expect(await runInDurableObject(stub, (agent) => agent.getConnections().length)).toBe(0);
  });

  it("of onClose goes to onError with its connection", async () => {
    const stub = recorder("close");
    const connection = await connect(stub, "_pk=c");
    connection.close(4000, "throw");
    await connection.closed;
    await stub.plain();
    expect(await seen(stub, "error")).toEqual(["c: Error: thrown in onClose"]);
  });

  // proves websockets#onError, http-websockets-older#onError-connection, agents-api#onError
  // proves agent-class-internals#onError, agent-class-internals#onError-connection
  it("of a socket goes to onError with its connection", async () => {
    const stub = recorder("socket");
    await connect(stub, "_pk=s");
    await runInDurableObject(stub, (agent) => agent.webSocketError(agent.getConnections()[0]!, new Error("network")));
    expect(await seen(stub, "error")).toEqual(["s: Error: network"]);
  });

  it("keeps its code through Durable Object RPC", async () => {
    expect(await errorOf(() => recorder("code").query())).toMatchObject({ name: "SqlError", code: "SQL_FAILED" });
  });
});

describe("an onError that throws", () => {
  it("is called once, is logged, and does not replace the original error", async () => {
    const stub = faulty("new-error");
    let error: Error | undefined;
    const log = await logged(async () => (error = await errorOf(() => stub.explode())));
    expect(error?.message).toBe("thrown in a method");
    expect(log).toEqual([["onError threw:", expect.objectContaining({ message: "thrown in onError" })]]);
    expect(await runInDurableObject(stub, (agent) => agent.errors)).toBe(1);
  });

  // proves agent-class-internals#onError-throw
  it("may pass on the error that it got, which is not worth a line in the log", async () => {
    const stub = faulty("same");
    let error: Error | undefined;
    const log = await logged(async () => (error = await errorOf(() => stub.fetch("http://test/"))));
    expect(error?.message).toBe("thrown in onRequest");
    expect(log).toEqual([]);
  });

  it("leaves a connection usable", async () => {
    const connection = await connect(faulty("message"));
    await connection.next("cf_agent_mcp_servers");
    await logged(async () => {
      connection.send("throw");
      connection.send("hello");
      expect(await connection.nextFrame()).toBe("still here: hello");
    });
  });

  it("does not try a failed start again by itself", async () => {
    const stub = faulty("unstarted");
    await logged(async () => expect((await errorOf(() => stub.explode())).message).toBe("thrown in onStart"));
    expect(await runInDurableObject(stub, (agent) => agent.errors)).toBe(1);
  });
});

describe("an alarm", () => {
  const ring = async (name: string) => {
    const stub = env.Starter.get(env.Starter.idFromName(name));
    await makeDue(stub, "chime");
    const rangAtMs = Date.now();
    await runDurableObjectAlarm(stub);
    const alarm = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
    return { stub, pauseMs: alarm === null ? null : alarm - rangAtMs };
  };

  it("whose work throws is reported, and does not reach the runtime, which would ring again at once", async () => {
    const { stub, pauseMs } = await ring("unringable");
    expect(await runInDurableObject(stub, (agent) => agent.errors)).toEqual(["Error: no ring"]);
    expect(pauseMs).toBe(null);
  });

  it("that finds an agent which does not start is not lost, and rings again after a pause", async () => {
    const { stub, pauseMs } = await ring("never-starts");
    expect(await runInDurableObject(stub, (agent) => agent.errors)).toEqual(["Error: no start"]);
    expect(pauseMs).toBeGreaterThanOrEqual(1_000);
    expect(pauseMs).toBeLessThan(10_000);
  });
});

describe("a name", () => {
  const blank = env.Blank;
  const nameOf = (stub: DurableObjectStub<import("./test/agents").Blank>) =>
    runInDurableObject(stub, (agent) => agent.name);

  // proves agent-class-internals#name, http-websockets-older#name
  it("is the one that the instance was made with", async () => {
    expect(await nameOf(await getAgentByName(blank, "room 1/ü?#%"))).toBe("room 1/ü?#%");
  });

  it("of more than 1,024 bytes is kept by the instance", async () => {
    const name = "ü".repeat(600);
    const stub = await getAgentByName(blank, name);
    expect(await nameOf(stub)).toBe(name);
    await evict(stub);
    expect(await nameOf(stub)).toBe(name);
  });

  it("of more than 1,024 bytes is written once", async () => {
    const name = "x".repeat(2_000);
    const stub = await getAgentByName(blank, name);
    const cost = await costOf(stub, () => getAgentByName(blank, name));
    expect(cost.statements).toEqual([]);
  });

  it("is read from the row of an older release, where the id tells none", async () => {
    const stub = blank.get(blank.newUniqueId());
    await runInDurableObject(stub, (_, { storage }) => storage.kv.put("__ps_name", "stored"));
    expect(await nameOf(stub)).toBe("stored");
  });

  it("is remembered with the first thing that the instance stores, for whoever comes by its id", async () => {
    const id = env.Recorder.idFromName("by-id");
    const stub = env.Recorder.get(id);
    await stub.setState({ n: 1 });
    const meta = await runInDurableObject(stub, (_, { storage }) => metaOf(storage));
    expect(meta).toMatchObject({ name: "by-id" });
    const unnamed = env.Recorder.get(env.Recorder.newUniqueId());
    await runInDurableObject(unnamed, (_, { storage }) => putMeta(storage, meta!));
    await evict(unnamed);
    expect(await runInDurableObject(unnamed, (agent) => agent.name)).toBe("by-id");
  });

  it("is known to whoever comes by the text of its id, after an eviction, too", async () => {
    const id = env.Recorder.idFromName("by-text").toString();
    await env.Recorder.get(env.Recorder.idFromName("by-text")).setState({ n: 1 });
    const stub = env.Recorder.get(env.Recorder.idFromString(id));
    await evict(stub);
    expect(await runInDurableObject(stub, (agent) => [agent.name, agent.state])).toEqual(["by-text", { n: 1 }]);
    expect(await (await connect(stub)).next("cf_agent_identity")).toMatchObject({ name: "by-text" });
  });

  it("that nobody knows keeps a connection from being set up, and nothing else", async () => {
    const stub = blank.get(blank.newUniqueId());
    await logged(async () => expect(await errorOf(() => connect(stub))).toMatchObject({ code: "AGENT_NAME_UNKNOWN" }));
    expect((await stub.fetch("http://test/")).status).toBe(404);
    expect(await runInDurableObject(stub, (agent) => agent.getConnections().length)).toBe(0);
  });

  it("that nobody knows is a typed error", async () => {
    const stub = blank.get(blank.newUniqueId());
    const error = await runInDurableObject(stub, (agent) => errorOf(() => void agent.name));
    expect(error).toMatchObject({ name: "AgentError", code: "AGENT_NAME_UNKNOWN" });
  });

  it("must not be empty", async () => {
    expect(await errorOf(() => getAgentByName(blank, ""))).toMatchObject({ code: "AGENT_NAME_UNKNOWN" });
  });

  it("of a class is the one that the Worker exports, also when the class itself has another", async () => {
    const connection = await connect(env.MINIFIED.get(env.MINIFIED.idFromName("n")));
    expect(await connection.next("cf_agent_identity")).toEqual({
      type: "cf_agent_identity",
      name: "n",
      agent: "minified-agent"
    });
  });
});
