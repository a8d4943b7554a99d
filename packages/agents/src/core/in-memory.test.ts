import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { fault } from "../test/fault";
import { connect, errorOf } from "../test/kit";
import { resolveOptions, type AgentStaticOptions } from "./options";

let names = 0;
const awake = () => env.Awake.get(env.Awake.idFromName(`awake-${names++}`));
const seen = (stub: ReturnType<typeof awake>, event: string) =>
  runInDurableObject(stub, (agent) => agent.seen.filter((entry) => entry.event === event).map(({ detail }) => detail));
/** The runtime holds none: what there is, is in memory. */
const held = (stub: ReturnType<typeof awake>) =>
  runInDurableObject(stub, (_, context) => context.getWebSockets().length);
/** A stub of an instance that was aborted is broken. */
const awakeAgain = (stub: ReturnType<typeof awake>) => env.Awake.get(stub.id).ids();

describe("[C21] a connection in memory", () => {
  it("is greeted, calls, and follows the state as any other", async () => {
    const stub = awake();
    const [a, b] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b&_agents_ext=1")];
    expect(await a.settled()).toMatchObject([{ type: "cf_agent_identity" }, { state: { n: 0 } }, { mcp: {} }]);
    expect(await b.settled()).toMatchObject([{ type: "cf_agent_hello", connection: "b" }, {}, { revision: 1 }, {}]);
    expect(await a.call("add", 1, 2)).toMatchObject({ result: 3 });
    a.send({ type: "cf_agent_state", state: { n: 5 } });
    expect([await a.settled(), await b.settled()]).toMatchObject([[], [{ state: { n: 5 }, revision: 2 }]]);
    expect(await held(stub)).toBe(0);
  });

  it("is found by its id and tags, with its own state", async () => {
    const stub = awake();
    const a = await connect(stub, "_pk=a&tag=red");
    await connect(stub, "_pk=b");
    expect([await stub.ids(), await stub.tagged("red"), await stub.tagged("b")]).toEqual([["a", "b"], ["a"], ["b"]]);
    expect(await a.call("mark", { role: "admin" })).toMatchObject({ result: { role: "admin" } });
    expect(await a.call("marked")).toMatchObject({ result: { role: "admin" } });
    const peer = await runInDurableObject(stub, (agent) => {
      const connection = agent.getConnection("a")!;
      return [connection.uri, connection.tags, connection.deserializeAttachment() as unknown];
    });
    const uri = "http://test/agents/agent/name?_pk=a&tag=red";
    expect(peer).toEqual([
      uri,
      ["a", "red"],
      { __pk: { id: "a", tags: ["a", "red"], uri }, __user: { role: "admin" } }
    ]);
  });

  it("hears a broadcast, unless it is named, and can be read-only or without protocol", async () => {
    const stub = awake();
    const [a, b] = [await connect(stub, "_pk=a&silent"), await connect(stub, "_pk=b&readonly&silent")];
    await runInDurableObject(stub, (agent) => agent.broadcast("not a", ["a"]));
    await stub.say("all");
    expect([await a.nextFrame(), await b.nextFrame(), await b.nextFrame()]).toEqual(["all", "not a", "all"]);
    expect(await b.call("set", 1)).toMatchObject({ error: "Connection is readonly" });
  });

  it("carries bytes and texts in their order, with the context of its agent", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    connection.send(new Uint8Array([1, 2, 3]).buffer);
    connection.send("text");
    await connection.settled();
    expect(await seen(stub, "message")).toEqual([3, "text"]);
    const context = { agent: expect.stringContaining("awake-"), connection: "a" };
    expect(await connection.call("whereAfterStorage")).toMatchObject({ result: context });
    expect((await connection.call("where")).result).not.toHaveProperty("request", "GET");
  });

  it.each([
    [1000, ""],
    [4001, "own reason"]
  ])("that its client closes with %i is answered, and told to onClose once", async (code, reason) => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    connection.close(code, reason);
    expect(await connection.closed).toEqual({ code, reason });
    await vi.waitFor(async () => expect(await seen(stub, "close")).toEqual([["a", code, reason]]));
    expect(await stub.ids()).toEqual([]);
  });

  it("that its client closes without a code is told as 1005", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    connection.closeWithoutCode();
    expect((await connection.closed).code).toBe(1005);
    await vi.waitFor(async () => expect(await seen(stub, "close")).toEqual([["a", 1005, ""]]));
  });

  it("that its agent closes is gone at once", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    const left = await runInDurableObject(stub, (agent) => {
      agent.getConnection("a")!.close(4002, "out");
      return agent.getConnections().length;
    });
    expect([left, await connection.closed]).toEqual([0, { code: 4002, reason: "out" }]);
  });

  it("whose error the runtime reports goes to onError with it", async () => {
    const stub = awake();
    await connect(stub, "_pk=a");
    await runInDurableObject(stub, (agent) => {
      const socket = agent.getConnection("a")!;
      socket.dispatchEvent(new ErrorEvent("error", { error: new Error("network") }));
    });
    await vi.waitFor(async () => expect(await seen(stub, "error")).toEqual(["a: Error: network"]));
  });

  it("that cannot be set up is not left behind", async () => {
    const stub = awake();
    expect((await errorOf(() => connect(stub, "throw"))).message).toBe("thrown in onConnect");
    expect((await errorOf(() => connect(stub, `tag=${"x".repeat(257)}`))).message).toContain("1 to 256");
    expect(await stub.ids()).toEqual([]);
  });

  // proves websockets#hibernation-off
  it("ends with its agent", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    await runInDurableObject(stub, (_, context) => context.abort(fault.reason)).catch(() => {});
    expect((await connection.closed).code).toBe(1006);
    expect(await awakeAgain(stub)).toEqual([]);
  });
});

describe("static options", () => {
  it("are merged along the class chain, in the agent too", async () => {
    class Base {
      static options: AgentStaticOptions = { hibernate: false };
    }
    class Middle extends Base {}
    class Derived extends Middle {
      static override options: AgentStaticOptions = { sendIdentityOnConnect: false };
    }
    class Back extends Derived {
      static override options = { hibernate: true };
    }
    expect([Base, Middle, Derived, Back].map(resolveOptions)).toMatchObject([
      { hibernate: false, sendIdentityOnConnect: true },
      { hibernate: false, sendIdentityOnConnect: true },
      { hibernate: false, sendIdentityOnConnect: false },
      { hibernate: true, sendIdentityOnConnect: false }
    ]);
    const stub = env.AwakeHeir.get(env.AwakeHeir.idFromName("heir"));
    const connection = await connect(stub);
    expect(await connection.settled()).toMatchObject([{ type: "cf_agent_state" }, { type: "cf_agent_mcp_servers" }]);
    expect(await held(stub)).toBe(0);
  });
});
