import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Connection } from "../index";
import type { Recorder } from "../test/agents";
import { connect, cut, errorOf, evict } from "../test/kit";

let names = 0;
const recorder = () => env.Recorder.get(env.Recorder.idFromName(`connection-${names++}`));
type Stub = ReturnType<typeof recorder>;

/** Runs code inside the agent, with its only (or first) connection. */
const inside = <Result>(stub: Stub, run: (connection: Connection, agent: Recorder) => Result) =>
  runInDurableObject(stub, (agent) => run(agent.getConnections()[0]!, agent));
const attachment = (stub: Stub) => inside(stub, (connection) => connection.deserializeAttachment() as unknown);
/** Puts an attachment of another release on the connection, which is read at the next wake. */
const restore = async (stub: Stub, user: unknown) => {
  await inside(stub, (connection) =>
    connection.serializeAttachment({ __pk: { id: "old", tags: ["old"] }, __user: user })
  );
  await evict(stub);
};
const uri = (query: string) => `http://test/agents/agent/name?${query}`;

// proves http-websockets-older#connection-server
it("a connection tells the name of its instance, also after hibernation", async () => {
  const stub = env.Recorder.get(env.Recorder.idFromName("a room"));
  await connect(stub);
  expect(await inside(stub, ({ server }) => server)).toBe("a room");
  await evict(stub);
  expect(await inside(stub, ({ server }) => server)).toBe("a room");
});

describe("[C11] the attachment of a socket", () => {
  it("has the documented form", async () => {
    const stub = recorder();
    await connect(stub, "_pk=a&tag=t1&tag=t2");
    expect(await attachment(stub)).toEqual({
      __pk: { id: "a", tags: ["a", "t1", "t2"], uri: uri("_pk=a&tag=t1&tag=t2") },
      __user: null
    });
  });

  it("has the user's state, and the flags beside it", async () => {
    const stub = recorder();
    const connection = await connect(stub, "_pk=a&readonly&silent");
    expect(await connection.call("mark", { role: "viewer" })).toMatchObject({ result: { role: "viewer" } });
    expect(await attachment(stub)).toMatchObject({
      __user: { role: "viewer", _cf_readonly: true, _cf_no_protocol: true }
    });
  });

  it("has the flags alone before there is a state", async () => {
    const stub = recorder();
    await connect(stub, "readonly");
    expect(await attachment(stub)).toMatchObject({ __user: { _cf_readonly: true } });
    expect(await inside(stub, ({ state }) => state as unknown)).toBe(null);
  });

  it.each([
    ["an object", { role: "admin" }, { role: "admin" }, [false, true]],
    [
      "an object with flags",
      { role: "admin", _cf_readonly: true, _cf_no_protocol: true },
      { role: "admin" },
      [true, false]
    ],
    ["only flags", { _cf_readonly: true }, null, [true, true]],
    ["nothing", null, null, [false, true]],
    ["no field at all", undefined, null, [false, true]],
    ["a text", "plain", "plain", [false, true]],
    ["an array", [1, 2], [1, 2], [false, true]]
  ])("that an older release left with %s is understood", async (_name, user, state, flags) => {
    const stub = recorder();
    await connect(stub);
    await restore(stub, user);
    const read = await inside(stub, (connection, agent) => ({
      id: connection.id,
      tags: [...connection.tags],
      uri: connection.uri,
      state: connection.state as unknown,
      flags: [agent.isConnectionReadonly(connection), agent.isConnectionProtocolEnabled(connection)]
    }));
    expect(read).toEqual({ id: "old", tags: ["old"], uri: null, state, flags });
  });
});

describe("[C12] the state of a connection", () => {
  it.each([
    ["an object", { a: 1 }],
    ["an empty object", {}],
    ["a text", "text"],
    ["a number", 0],
    ["false", false],
    ["an array", [1, [2]]],
    ["null", null],
    ["an object with a field named like our flags", { _cf_readonly: true, _cf_no_protocol: true }],
    ["an object with a field named like our wrapper", { _cf_value: 1, a: 2 }]
  ])("that is %s survives an eviction beside a flag, and changes no flag", async (_name, state) => {
    for (const query of ["", "readonly"]) {
      const stub = recorder();
      const connection = await connect(stub, query);
      await connection.call("mark", state);
      await evict(stub);
      // Not `toMatchObject`, to which `{}` is the same as null.
      expect((await connection.call("marked")).result).toEqual(state);
      const flags = await inside(stub, (peer, agent) => [
        agent.isConnectionReadonly(peer),
        agent.isConnectionProtocolEnabled(peer)
      ]);
      expect(flags).toEqual([query === "readonly", true]);
    }
  });

  it("can be set by a function of the previous one", async () => {
    const stub = recorder();
    await connect(stub);
    const states = await inside(stub, (connection) => [
      connection.setState((previous: unknown) => ({ previous })),
      connection.setState((previous: unknown) => ({ previous })),
      connection.setState(null),
      connection.setState((previous: unknown) => previous)
    ]);
    expect(states).toEqual([{ previous: null }, { previous: { previous: null } }, null, null]);
  });

  it("that is too large, or cannot be cloned, is refused, and nothing has changed", async () => {
    const stub = recorder();
    await connect(stub);
    const before = await inside(stub, (connection) => connection.setState({ kept: true }));
    for (const state of ["x".repeat(20_000), { run() {} }]) {
      const error = await inside(stub, (connection) => errorOf(() => connection.setState(state) as never));
      expect(error).toMatchObject({ name: "AgentError", code: "CONNECTION_STATE_TOO_LARGE" });
      expect(await inside(stub, (connection) => connection.state as unknown)).toEqual(before);
    }
    await evict(stub);
    expect(await inside(stub, (connection) => connection.state as unknown)).toEqual(before);
  });

  it("leaves room for flags, or the flag is not set", async () => {
    const stub = recorder();
    await connect(stub);
    // 16,384 bytes less what is around the text: found by trying, so that the flag is what does not fit.
    const filled = await inside(stub, (connection) => {
      let length = 16_384;
      for (;;) {
        try {
          connection.setState({ text: "x".repeat(length) });
          return length;
        } catch {
          length--;
        }
      }
    });
    const result = await inside(stub, async (connection, agent) => {
      const error = await errorOf(() => agent.setConnectionReadonly(connection));
      return [error.code, agent.isConnectionReadonly(connection), (connection.state as { text: string }).text.length];
    });
    expect(result).toEqual(["CONNECTION_STATE_TOO_LARGE", false, filled]);
  });
});

describe("[C13] the identity of a connection", () => {
  it("is chosen by the client, or made by the server where the client has none", async () => {
    const stub = recorder();
    await connect(stub, "_pk=mine");
    await connect(stub, "_pk=");
    await connect(stub);
    const ids = await stub.ids();
    expect(new Set(ids).size).toBe(3);
    expect(ids.filter((id) => /^[\da-f-]{36}$/.test(id)).length).toBe(2);
    expect(ids).toContain("mine");
  });

  // proves websockets#getConnection, http-websockets-older#getConnection
  it("finds it, as long as it is open", async () => {
    const stub = recorder();
    const connection = await connect(stub, "_pk=x&tag=y");
    const found = () =>
      runInDurableObject(stub, (agent) => [agent.getConnection("x")?.id, agent.getConnection("y")?.id]);
    expect(await found()).toEqual(["x", undefined]);
    connection.close();
    await connection.closed;
    expect(await found()).toEqual([undefined, undefined]);
  });

  it("finds the newest of a client that came back before its lost connection was noticed", async () => {
    for (const agents of [env.Recorder, env.Awake] as DurableObjectNamespace<Recorder>[]) {
      const stub = agents.getByName("connection-returned");
      const [lost, , back] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b"), await connect(stub, "_pk=a")];
      if (agents === env.Recorder) await evict(stub);
      await runInDurableObject(stub, (agent) => agent.getConnection("a")!.send("hello"));
      expect(await back.settled()).toContain("hello");
      expect(await lost.settled()).not.toContain("hello");
    }
  });

  it("that is not there, or cannot be, finds nothing", async () => {
    const stub = recorder();
    await connect(stub, "_pk=x");
    const found = await runInDurableObject(stub, (agent) =>
      ["", "z", "x".repeat(1_000)].map((id) => agent.getConnection(id))
    );
    expect(found).toEqual([undefined, undefined, undefined]);
  });
});

describe("[C13] tags", () => {
  it("find connections, also after an eviction", async () => {
    const stub = recorder();
    await connect(stub, "_pk=a&tag=red&tag=round");
    await connect(stub, "_pk=b&tag=red");
    await connect(stub, "_pk=c");
    for (let n = 0; n < 2; n++) {
      expect([await stub.tagged("red"), await stub.tagged("round"), await stub.tagged("none")]).toEqual([
        ["a", "b"],
        ["a"],
        []
      ]);
      await evict(stub);
    }
  });

  // proves websockets#tags-count, websockets#tags-length, http-websockets-older#getConnectionTags
  it("may be nine of 256 characters", async () => {
    const stub = recorder();
    const tags = Array.from({ length: 9 }, (_, n) => `tag=${n}${"x".repeat(255)}`);
    await connect(stub, `_pk=a&${tags.join("&")}`);
    expect(await stub.tagged(`8${"x".repeat(255)}`)).toEqual(["a"]);
  });

  // proves websockets#tags-count, websockets#tags-length
  it.each([
    ["are ten", Array.from({ length: 10 }, (_, n) => `tag=${n}`).join("&"), "returned 10"],
    ["are too long", `tag=${"x".repeat(257)}`, "1 to 256"],
    ["are empty", "tag=", "1 to 256"]
  ])("that %s are refused, and no connection is left behind", async (_name, query, reason) => {
    const stub = recorder();
    const error = await errorOf(() => connect(stub, query));
    expect(error).toMatchObject({ code: "CONNECTION_TAGS_INVALID", message: expect.stringContaining(reason) });
    expect(await runInDurableObject(stub, (_, context) => context.getWebSockets().length)).toBe(0);
  });

  it("that are no array are refused", async () => {
    const stub = recorder();
    for (const none of [undefined, "", new Set(["red"])]) {
      await runInDurableObject(stub, (agent) => {
        agent.getConnectionTags = () => none as never;
      });
      expect(await errorOf(() => connect(stub))).toMatchObject({ code: "CONNECTION_TAGS_INVALID" });
    }
  });

  it("that repeat the id count once", async () => {
    const stub = recorder();
    await connect(stub, "_pk=a&tag=a");
    expect(await attachment(stub)).toMatchObject({ __pk: { tags: ["a"] } });
  });
});

describe("[C29] hooks of a connection that take their time", () => {
  it("are waited for before the client is let in, and their tags count", async () => {
    const stub = recorder();
    const [asked, tagged] = [Promise.withResolvers<void>(), Promise.withResolvers<string[]>()];
    const [connecting, greeted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await runInDurableObject(stub, async (agent) => {
      agent.getConnectionTags = () => (asked.resolve(), tagged.promise) as never;
      agent.onConnect = () => (connecting.resolve(), greeted.promise) as never;
      const open = () => agent.getConnections("slow").length;
      let isIn = false;
      const entering = agent.fetch(new Request(uri("_pk=a"), { headers: { Upgrade: "websocket" } }));
      void entering.then(() => (isIn = true));
      await asked.promise;
      expect([open(), isIn]).toEqual([0, false]);
      tagged.resolve(["slow"]);
      await connecting.promise;
      expect([open(), isIn]).toEqual([1, false]);
      greeted.resolve();
      expect((await entering).status).toBe(101);
    });
  });

  it("may be of any kind that can be awaited", async () => {
    const stub = recorder();
    const later = <Value>(value: Value) => ({
      // oxlint-disable-next-line unicorn/no-thenable
      then: (resolve: (value: Value) => void) => queueMicrotask(() => resolve(value))
    });
    await runInDurableObject(stub, (agent) => {
      agent.getConnectionTags = () => later(["slow"]) as never;
      agent.onConnect = () => later(undefined) as never;
    });
    await (await connect(stub)).settled();
    expect(await runInDurableObject(stub, (agent) => agent.getConnections("slow").length)).toBe(1);
  });

  it("and fail then leave nobody behind", async () => {
    const stub = recorder();
    const late = async (text: string) => {
      await Promise.resolve();
      throw new Error(text);
    };
    await runInDurableObject(stub, (agent) => {
      agent.onConnect = () => late("late in onConnect") as never;
    });
    expect((await errorOf(() => connect(stub))).message).toBe("late in onConnect");
    await runInDurableObject(stub, (agent) => {
      agent.getConnectionTags = () => late("late in getConnectionTags") as never;
    });
    expect((await errorOf(() => connect(stub))).message).toBe("late in getConnectionTags");
    expect(await runInDurableObject(stub, (agent) => agent.getConnections().length)).toBe(0);
  });
});

it("a URL that does not fit into the attachment is refused, and no connection is left behind", async () => {
  const stub = recorder();
  expect(await errorOf(() => connect(stub, `token=${"x".repeat(17_000)}`))).toMatchObject({
    code: "CONNECTION_STATE_TOO_LARGE"
  });
  expect(await runInDurableObject(stub, (_, context) => context.getWebSockets().length)).toBe(0);
});

describe("[C14] broadcast", () => {
  it("reaches all but those that are named, also those without protocol frames, also after an eviction", async () => {
    const stub = recorder();
    const [a, b, c] = await Promise.all([
      connect(stub, "_pk=a"),
      connect(stub, "_pk=b&silent"),
      connect(stub, "_pk=c")
    ]);
    await evict(stub);
    await runInDurableObject(stub, (agent) => agent.broadcast("hello", ["a"]));
    await stub.say("all");
    expect(await b.nextFrame()).toBe("hello");
    await c.next("cf_agent_mcp_servers");
    expect(await c.nextFrame()).toBe("hello");
    await a.next("cf_agent_mcp_servers");
    expect(await a.nextFrame()).toBe("all");
  });

  it("carries bytes", async () => {
    const stub = recorder();
    const connection = await connect(stub, "silent");
    await runInDurableObject(stub, (agent) => {
      agent.broadcast(new Uint8Array([9, 1, 9]).subarray(1, 2));
      agent.broadcast(new Uint8Array([2]).buffer);
    });
    const bytes = async () => [
      ...new Uint8Array(await new Response((await connection.nextFrame()) as Blob | ArrayBuffer).arrayBuffer())
    ];
    expect([await bytes(), await bytes()]).toEqual([[1], [2]]);
  });

  it("leaves out a connection that is being closed", async () => {
    const stub = recorder();
    const [a, b] = await Promise.all([connect(stub, "_pk=a&silent"), connect(stub, "_pk=b&silent")]);
    await runInDurableObject(stub, (agent) => {
      agent.getConnection("a")!.close(4000, "out");
      agent.broadcast("after");
    });
    expect(await b.nextFrame()).toBe("after");
    expect(await a.closed).toEqual({ code: 4000, reason: "out" });
    expect(a.pending).toEqual([]);
  });
});

it("[C22] bytes from a client reach onMessage as an ArrayBuffer, though the runtime may deliver a Blob", async () => {
  const stub = recorder();
  const connection = await connect(stub);
  connection.send(new Uint8Array([1, 2, 3]).buffer);
  await connection.call("add", 1, 1);
  // What this runtime does for sockets with listeners; programs read `byteLength`, which a Blob has not.
  await inside(stub, (peer, agent) => agent.webSocketMessage(peer, new Blob(["four"]) as unknown as ArrayBuffer));
  const messages = await inside(stub, (_, { seen }) => seen.filter(({ event }) => event === "message"));
  expect(messages.map(({ detail }) => detail)).toEqual([3, 4]);
});

it("[C28] a message to a client that has gone is not sent, and disturbs nobody; one that cannot be sent does", async () => {
  const stub = recorder();
  const connection = await connect(stub, "_pk=a");
  const kept = await inside(stub, (peer) => peer);
  connection.close();
  await connection.closed;
  await runInDurableObject(stub, () => kept.send("to nobody"));
  await connect(stub, "_pk=b");
  await inside(stub, (peer) => expect(() => peer.send(Symbol("not text") as never)).toThrow());
});

describe("[C15] a close", () => {
  it.each([
    [1000, ""],
    [4001, "own reason"]
  ])("by the client with %i is echoed, and told to onClose once", async (code, reason) => {
    const stub = recorder();
    const connection = await connect(stub, "_pk=a");
    connection.close(code, reason);
    expect(await connection.closed).toMatchObject({ code });
    expect(await runInDurableObject(stub, ({ seen }) => seen.filter(({ event }) => event === "close"))).toEqual([
      { event: "close", detail: ["a", code, reason] }
    ]);
    expect(await stub.ids()).toEqual([]);
  });

  it("without a code reaches onClose as 1005, and is answered without one", async () => {
    const stub = recorder();
    const connection = await connect(stub, "_pk=a");
    connection.closeWithoutCode();
    expect((await connection.closed).code).toBe(1005);
    expect(await stub.events()).toContainEqual({ event: "close", detail: ["a", 1005, ""] });
  });

  it("by a lost network reaches onClose, and leaves nothing open", async () => {
    const stub = recorder();
    const connection = await connect(stub, "_pk=a");
    await cut(stub);
    expect((await connection.closed).code).toBe(1006);
    expect(await stub.ids()).toEqual([]);
  });

  it("in onConnect reaches the client after what was sent before", async () => {
    const connection = await connect(recorder(), "refuse=no");
    expect(await connection.closed).toEqual({ code: 4001, reason: "no" });
    expect(connection.pending).toContainEqual(expect.objectContaining({ type: "cf_agent_identity" }));
  });
});

describe("[C16] a read-only connection", () => {
  it("can be made so, and be freed again, at any time, for good", async () => {
    const stub = recorder();
    const connection = await connect(stub, "_pk=a");
    const answers: unknown[] = [];
    for (const readonly of [true, false]) {
      await inside(stub, (peer, agent) => agent.setConnectionReadonly(peer, readonly));
      await evict(stub);
      answers.push((await connection.call("set", 5)).error);
    }
    expect(answers).toEqual(["Connection is readonly", undefined]);
  });

  it("keeps its own state when the flag changes", async () => {
    const stub = recorder();
    const connection = await connect(stub);
    await connection.call("mark", { a: 1 });
    await inside(stub, (peer, agent) => agent.setConnectionReadonly(peer));
    await evict(stub);
    await inside(stub, (peer, agent) => agent.setConnectionReadonly(peer, false));
    expect(await connection.call("marked")).toMatchObject({ result: { a: 1 } });
  });
});

// proves agent-class-internals#sockets
it("a socket that the program accepted by itself is no connection, and disturbs none", async () => {
  const stub = recorder();
  const connection = await connect(stub, "_pk=a&silent");
  await runInDurableObject(stub, async (agent, context) => {
    const { 1: own } = new WebSocketPair();
    context.acceptWebSocket(own, ["own"]);
    agent.broadcast("hello");
    await agent.webSocketMessage(own, "for the program");
    await agent.webSocketClose(own, 1000, "", true);
    await agent.webSocketError(own, new Error("x"));
  });
  expect(await connection.nextFrame()).toBe("hello");
  expect([await stub.ids(), await stub.tagged("own")]).toEqual([["a"], []]);
});
