// The examples of the page "WebSockets", run.
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, evict, type TestConnection } from "../test/kit";

let names = 0;
const room = () => env.ChatRoom.get(env.ChatRoom.idFromName(`room-${names++}`));
const files = () => env.FileAgent.get(env.FileAgent.idFromName(`files-${names++}`));
const presence = () => env.PresenceAgent.get(env.PresenceAgent.idFromName(`presence-${names++}`));

/** Messages of the program, without frames of the agent. */
async function heard(connection: TestConnection): Promise<unknown[]> {
  const frames = await connection.settled();
  return frames.filter((frame) => !String((frame as { type?: string }).type).startsWith("cf_agent_"));
}
const bytesOf = async (message: unknown) => [
  ...new Uint8Array(await new Response(message as Blob | ArrayBuffer).arrayBuffer())
];

describe("a chat room", () => {
  // proves websockets#chat-room, websockets#onConnect, websockets#onMessage, websockets#onClose
  // proves websockets#onClose-state, websockets#accepted, websockets#setState, websockets#broadcast
  // proves websockets#broadcast-without, http-websockets-older#chat-room, http-websockets-older#broadcast
  // proves agents-api#broadcast, agent-class-internals#onConnect, agent-class-internals#onMessage
  // proves agent-class-internals#onClose, agent-class-internals#broadcast, agents-api#onConnect, agents-api#onMessage
  it("tells the others who joins, everybody what is said, and those who stay who leaves", async () => {
    const stub = room();
    const ann = await connect(stub, "username=Ann");
    const bob = await connect(stub, "username=Bob");
    bob.send("hello");
    await bob.settled();
    const said = { type: "message", user: "Bob", text: "hello" };
    expect(await heard(ann)).toEqual([{ type: "join", user: "Bob" }, said]);
    bob.close(1000);
    await bob.closed;
    expect([await heard(ann), bob.pending]).toEqual([[{ type: "leave", user: "Bob" }], []]);
  });

  // proves websockets#ctx-request, websockets#close-in-onConnect, websockets#close, http-websockets-older#onConnect
  // proves http-websockets-older#authentication, http-websockets-older#connection-close
  it.each([
    ["by its URL", "token=wrong", {}],
    ["by its cookies", "", { Cookie: "session=wrong" }]
  ])("refuses who comes without a right to, %s", async (_how, query, headers: Record<string, string>) => {
    const stub = room();
    const connection = await connect(stub, query, headers);
    expect(await connection.closed).toEqual({ code: 4001, reason: "Unauthorized" });
    expect(await runInDurableObject(stub, (agent) => agent.getConnections().length)).toBe(0);
  });

  // proves websockets#onStart, websockets#onStart-finished, http-websockets-older#onStart
  it("is started when connections arrive, and started once", async () => {
    const stub = room();
    await Promise.all([connect(stub), connect(stub), connect(stub)]);
    expect(await runInDurableObject(stub, ({ ready }) => ready)).toEqual([true, true, true]);
  });

  // proves websockets#getConnectionTags, websockets#getConnections-tag, websockets#send
  // proves http-websockets-older#getConnectionTags, http-websockets-older#getConnections
  it("tells admins alone, by their tag, also after an eviction", async () => {
    const stub = room();
    const [admin, moderator, user] = [
      await connect(stub, "role=admin"),
      await connect(stub, "role=moderator"),
      await connect(stub, "role=other")
    ];
    for (const each of [admin, moderator, user]) await each.settled();
    await evict(stub);
    await stub.notifyAdmins("for admins");
    expect([await admin.settled(), await moderator.settled(), await user.settled()]).toEqual([["for admins"], [], []]);
  });

  // proves websockets#broadcast-anywhere
  it("is told by any of its methods", async () => {
    const stub = room();
    const connection = await connect(stub);
    await connection.settled();
    await stub.notifyAll("tick", 1);
    expect(await connection.settled()).toEqual([{ event: "tick", data: 1 }]);
  });

  // proves websockets#onClose-arguments, http-websockets-older#onClose, agents-api#onClose
  it("hears how a connection was closed: by its client, or by a lost network", async () => {
    const stub = room();
    const [polite] = [await connect(stub), await connect(stub)];
    polite.close(4000, "bye");
    await polite.closed;
    expect(await runInDurableObject(stub, ({ closes }) => closes)).toEqual([[4000, "bye", true]]);
    // What the runtime says of a socket that broke.
    const closes = await runInDurableObject(stub, async (agent) => {
      await agent.webSocketClose(agent.getConnections()[0]!, 1006, "", false);
      return agent.closes;
    });
    expect(closes.at(1)).toEqual([1006, "", false]);
  });
});

describe("presence", () => {
  const users = (message: unknown) =>
    Object.values((message as { users: object }).users)
      .map(({ name }: { name: string }) => name)
      .sort();

  // proves websockets#presence, websockets#state, websockets#getConnections, http-websockets-older#presence
  it("is in the states of connections, and ends with them", async () => {
    const stub = presence();
    const ann = await connect(stub, "name=Ann");
    expect(users(await ann.nextFrame())).toEqual(["Ann"]);
    const bob = await connect(stub, "name=Bob");
    expect([users(await ann.nextFrame()), users(await bob.nextFrame())]).toEqual([
      ["Ann", "Bob"],
      ["Ann", "Bob"]
    ]);
    bob.close();
    expect(users(await ann.nextFrame())).toEqual(["Ann"]);
  });

  // proves websockets#setState-function, http-websockets-older#connection-setState
  // proves http-websockets-older#connection-state-hibernation
  it("is updated by a function of the previous state, for one connection only, also after an eviction", async () => {
    const stub = presence();
    const [ann] = [await connect(stub, "_pk=a&name=Ann"), await connect(stub, "_pk=b&name=Bob")];
    await ann.settled();
    for (let n = 0; n < 2; n++) {
      ann.send("ping");
      expect(await ann.settled()).toEqual(["pong"]);
      await evict(stub);
    }
    const states = await runInDurableObject(stub, (agent) => ["a", "b"].map((id) => agent.getConnection(id)!.state));
    expect(states).toEqual([
      { name: "Ann", lastSeen: 2 },
      { name: "Bob", lastSeen: 0 }
    ]);
  });
});

describe("messages", () => {
  // proves websockets#binary, websockets#message-ArrayBuffer, websockets#message-ArrayBufferView
  // proves websockets#message-string, http-websockets-older#onMessage, http-websockets-older#connection-send
  // proves http-sse#websocket-binary, http-sse#websocket-both-ways
  it("of bytes arrive as an ArrayBuffer, and leave as a view or a buffer", async () => {
    const connection = await connect(files());
    await connection.settled();
    connection.send(new Uint8Array([7, 8, 9]).buffer);
    const [told, view, whole] = await connection.settled();
    expect([told, await bytesOf(view), await bytesOf(whole)]).toEqual([
      { status: "received", size: 3 },
      [8, 9],
      [7, 8, 9]
    ]);
  });
});

describe("hibernation", () => {
  // proves websockets#hibernation, websockets#hibernation-wake, websockets#persists-state
  // proves websockets#persists-connection-state, websockets#persists-sql, websockets#persists-metadata
  // proves http-websockets-older#hibernation, http-websockets-older#hibernation-persists
  it("keeps connections, and wakes with a message, which is handled as ever; what is in memory only is lost", async () => {
    const stub = files();
    const connection = await connect(stub, "_pk=f&x=1");
    await connection.settled();
    for (const text of ["one", "two"]) {
      await evict(stub);
      connection.send(text);
      await connection.settled();
    }
    expect(await stub.kept()).toEqual({
      state: { counter: 2 },
      rows: [{ text: "one" }, { text: "two" }],
      connections: [{ id: "f", state: { count: 2 }, tags: ["f"], uri: "http://test/agents/agent/name?_pk=f&x=1" }],
      local: 1
    });
  });
});

describe("a connection", () => {
  // proves websockets#id, http-websockets-older#connection-id
  it("has an id of its own", async () => {
    const stub = room();
    await Promise.all([connect(stub), connect(stub), connect(stub)]);
    const ids = await runInDurableObject(stub, (agent) => agent.getConnections().map(({ id }) => id));
    expect(new Set(ids).size).toBe(3);
  });

  // proves http-websockets-older#connection-state, http-websockets-older#connection-state-immutable
  it("has a state that is null at first, and that cannot be assigned", async () => {
    const stub = files();
    await connect(stub);
    const states = await runInDurableObject(stub, (agent) => {
      const [connection] = agent.getConnections();
      const assign = () => Object.assign(connection!, { state: { role: "admin" } });
      expect(assign).toThrow(TypeError);
      return connection!.state;
    });
    expect(states).toBe(null);
  });
});
