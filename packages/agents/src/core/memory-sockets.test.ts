import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect } from "../test/kit";
import { MemorySockets } from "./memory-sockets";

let names = 0;
const awake = () => env.Awake.get(env.Awake.idFromName(`awake-${names++}`));
const text = (bytes: ArrayBuffer) => new TextDecoder().decode(bytes);

describe("[C21] an agent with hibernate: false", () => {
  // proves websockets#hibernation-off, http-websockets-older#hibernation-off, routing#hibernate
  it("holds its sockets in memory, and none by the runtime", async () => {
    const stub = awake();
    await connect(stub, "_pk=a&tag=blue");
    await connect(stub, "_pk=b");
    const found = await runInDurableObject(stub, (agent) => [
      agent.ids(),
      agent.tagged("blue"),
      agent.getConnection("b")?.id,
      agent.getConnection("c")
    ]);
    expect(found).toEqual([["a", "b"], ["a"], "b", undefined]);
    expect(await runInDurableObject(stub, (_, state) => state.getWebSockets())).toEqual([]);
  });

  it("introduces itself, keeps state in sync, and answers calls", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    const other = await connect(stub, "_pk=b");
    expect(await connection.next("cf_agent_identity")).toMatchObject({ agent: "awake" });
    expect(await connection.call("set", 3)).toMatchObject({ result: 3 });
    expect(await other.next((frame: { state?: { n: number } }) => frame.state?.n === 3)).toBeTruthy();
    expect(await connection.call("where")).toMatchObject({ result: { connection: "a" } });
  });

  it("gets text as text and bytes as an ArrayBuffer, in order", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    const seen = await runInDurableObject(stub, (agent) => {
      const messages: unknown[] = [];
      agent.onMessage = (_, message) => void messages.push(message instanceof ArrayBuffer ? text(message) : [message]);
      return messages;
    });
    connection.send("one");
    connection.send(new TextEncoder().encode("two").buffer);
    connection.send("three");
    await connection.settled();
    expect(seen).toEqual([["one"], "two", ["three"]]);
  });

  it("keeps the state of a connection, and its flags", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a&readonly");
    await connection.call("mark", { role: "viewer" });
    expect(await connection.call("set", 1)).toMatchObject({ error: "Connection is readonly" });
    const state = await runInDurableObject(stub, (agent) => agent.getConnection("a")?.state as unknown);
    expect(state).toEqual({ role: "viewer" });
  });

  it("is told of a close once, echoes it, and forgets the connection", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    connection.close(4002, "bye");
    expect(await connection.closed).toMatchObject({ code: 4002, reason: "bye" });
    const { closes, ids } = await runInDurableObject(stub, (agent) => ({
      closes: agent.seen.filter(({ event }) => event === "close"),
      ids: agent.ids()
    }));
    expect({ closes, ids }).toEqual({ closes: [{ event: "close", detail: ["a", 4002, "bye"] }], ids: [] });
  });

  it("has errors of a connection go to onError", async () => {
    const stub = awake();
    const connection = await connect(stub, "_pk=a");
    connection.send("throw");
    await connection.settled();
    const errors = await runInDurableObject(stub, (agent) => agent.seen.filter(({ event }) => event === "error"));
    expect(errors).toEqual([{ event: "error", detail: "a: Error: thrown in onMessage" }]);
  });

  it("still has the connections that hibernated under an earlier release of its class", () => {
    const { 0: before, 1: now } = new WebSocketPair();
    const getWebSockets = (tag?: string) => (tag === "now" ? [] : [before]);
    const ignored = () => {};
    const sockets = new MemorySockets(
      {
        acceptWebSocket: ignored,
        getWebSockets,
        getWebSocketAutoResponse: () => null,
        setWebSocketAutoResponse: ignored
      },
      { webSocketMessage: ignored, webSocketClose: ignored, webSocketError: ignored }
    );
    sockets.acceptWebSocket(now, ["now"]);
    expect([sockets.getWebSockets(), sockets.getWebSockets("now"), sockets.getWebSockets("before")]).toEqual([
      [before, now],
      [now],
      [before]
    ]);
  });
});
