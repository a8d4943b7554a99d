// The examples of the page "Protocol messages", run.
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, costOf, evict, type TestConnection } from "../test/kit";

let names = 0;
const hub = () => env.SensorHub.get(env.SensorHub.idFromName(`hub-${names++}`));
const types = (frames: readonly unknown[]) => frames.map((frame) => (frame as { type: string }).type);
const info = async (connection: TestConnection) => (await connection.call("getConnectionInfo")).result;
const bytesOf = async (message: unknown) => [
  ...new Uint8Array(await new Response(message as Blob | ArrayBuffer).arrayBuffer())
];

/** A dashboard, which gets frames, and a sensor, which gets none. */
async function open(query = "_pk=s&type=sensor", headers: Record<string, string> = {}) {
  const stub = hub();
  const dashboard = await connect(stub, "_pk=d");
  const sensor = await connect(stub, query, headers);
  const greetings = [await dashboard.settled(), await sensor.settled()] as const;
  return { stub, dashboard, sensor, greetings };
}

describe("a new connection", () => {
  // proves protocol-messages#identity, protocol-messages#state, protocol-messages#mcp-servers
  // proves protocol-messages#shouldSendProtocolMessages-default, websockets#protocol-frames
  it("is sent identity, state and MCP servers, also where a program decides nothing", async () => {
    const { dashboard, greetings } = await open();
    expect(greetings[0]).toEqual([
      { type: "cf_agent_identity", name: expect.stringMatching(/^hub-/), agent: "sensor-hub" },
      { type: "cf_agent_state", state: { n: 0 } },
      { type: "cf_agent_mcp_servers", mcp: { servers: {}, tools: [], prompts: [], resources: [] } }
    ]);
    expect(await info(dashboard)).toEqual({ protocolEnabled: true, readonly: false });
    const undecided = await connect(env.Blank.get(env.Blank.idFromName("undecided")), "type=sensor");
    expect(types(await undecided.settled())).toEqual(["cf_agent_identity", "cf_agent_mcp_servers"]);
  });

  // proves protocol-messages#before-any-message, protocol-messages#evaluated-once
  // proves protocol-messages#shouldSendProtocolMessages-connection, protocol-messages#shouldSendProtocolMessages-ctx
  it("is asked about once, with its request, before anything is sent to it", async () => {
    const { stub, sensor, greetings } = await open();
    await evict(stub);
    await sensor.call("set", 1);
    expect(greetings[1]).toEqual([]);
    expect(await runInDurableObject(stub, ({ asked }) => asked)).toEqual([]);
    const again = await connect(stub, "_pk=x&type=sensor");
    await again.call("set", 2);
    expect(await runInDurableObject(stub, ({ asked }) => asked)).toEqual(["x"]);
  });
});

describe("a connection without protocol messages", () => {
  // proves protocol-messages#suppress, protocol-messages#no-identity, protocol-messages#no-state
  // proves protocol-messages#no-mcp-servers, protocol-messages#state-broadcast, protocol-messages#state-by-rpc
  // proves http-websockets-older#shouldSendProtocolMessages, http-websockets-older#protocol-off-connect
  // proves http-websockets-older#protocol-off-broadcast
  it("gets none on connect, and none when the state changes, not even by its own call", async () => {
    const { stub, dashboard, sensor, greetings } = await open();
    expect(greetings[1]).toEqual([]);
    sensor.send({ type: "rpc", id: "1", method: "set", args: [5] });
    dashboard.send({ type: "cf_agent_state", state: { n: 6 } });
    await dashboard.settled();
    await stub.setState({ n: 7 });
    expect(await sensor.settled()).toEqual([{ type: "rpc", id: "1", success: true, done: true }]);
    expect(await dashboard.settled()).toEqual([{ type: "cf_agent_state", state: { n: 7 } }]);
  });

  // proves protocol-messages#messages, protocol-messages#broadcast, protocol-messages#binary
  // proves http-websockets-older#protocol-off-messages
  it("sends and receives messages of its own, bytes too, and hears broadcasts", async () => {
    const { stub, sensor } = await open();
    sensor.send("text");
    sensor.send(new Uint8Array([1, 2]).buffer);
    const [text, bytes] = await sensor.settled();
    expect([text, await bytesOf(bytes)]).toEqual(["text", [1, 2]]);
    await runInDurableObject(stub, (agent) => agent.broadcast("all"));
    expect(await sensor.settled()).toEqual(["all"]);
    expect(await runInDurableObject(stub, ({ messages }) => messages)).toEqual(["text", 2]);
  });

  // proves protocol-messages#rpc, protocol-messages#check-in-callable, protocol-messages#with-readonly
  // proves protocol-messages#isConnectionProtocolEnabled
  it("can be readonly as well: it calls, and writes SQL, but no state", async () => {
    const { stub, sensor } = await open("type=sensor&readonly");
    expect(await info(sensor)).toEqual({ protocolEnabled: false, readonly: true });
    expect(await sensor.call("reportReading", "s1", 20.5)).toMatchObject({ success: true });
    expect(await sensor.call("set", 1)).toMatchObject({ error: "Connection is readonly" });
    const found = await runInDurableObject(stub, (agent) => [agent.sql`SELECT * FROM readings`, agent.state.n]);
    expect(found).toEqual([[{ sensor_id: "s1", value: 20.5 }], 0]);
  });

  // proves protocol-messages#subprotocol
  it("may be told by its subprotocol", async () => {
    const { greetings } = await open("", { "Sec-WebSocket-Protocol": "mqtt" });
    expect(greetings.map(({ length }) => length)).toEqual([3, 0]);
  });

  // proves protocol-messages#survives-hibernation, protocol-messages#check-after-hibernation
  // proves http-websockets-older#isConnectionProtocolEnabled, agents-api#protocol
  it("stays so through hibernation", async () => {
    const { stub, dashboard, sensor } = await open();
    await evict(stub);
    expect([await info(dashboard), await info(sensor)]).toMatchObject([
      { protocolEnabled: true },
      { protocolEnabled: false }
    ]);
    await stub.setState({ n: 1 });
    expect([types(await dashboard.settled()), await sensor.settled()]).toEqual([["cf_agent_state"], []]);
  });

  // proves protocol-messages#no-cleanup
  it("gets them when it comes back as another kind of client", async () => {
    const { stub, sensor } = await open();
    sensor.close();
    await sensor.closed;
    expect(types(await (await connect(stub, "_pk=s")).settled())).toHaveLength(3);
  });

  // proves protocol-messages#flags-independent, protocol-messages#safe-from-user-code
  it("shows its flags nowhere in its state, and no state changes them, nor one flag the other", async () => {
    const { stub, sensor } = await open("_pk=s&type=sensor&readonly");
    const states = await runInDurableObject(stub, (agent) => {
      const peer = agent.getConnection("s")!;
      const before = peer.state as unknown;
      peer.setState({ _cf_no_protocol: false, _cf_readonly: false });
      const forged = peer.state as unknown;
      agent.setConnectionReadonly(peer, false);
      agent.setConnectionReadonly(peer, true);
      return [before, forged, peer.setState({ battery: 90 }) as unknown];
    });
    await evict(stub);
    states.push(await runInDurableObject(stub, (agent) => agent.getConnection("s")!.state as unknown));
    expect(states).toEqual([null, { _cf_no_protocol: false, _cf_readonly: false }, { battery: 90 }, { battery: 90 }]);
    expect(await info(sensor)).toEqual({ protocolEnabled: false, readonly: true });
  });

  // proves protocol-messages#zero-overhead
  it("costs no statement, and no table", async () => {
    const { stub, sensor } = await open();
    const cost = await costOf(stub, async () => {
      await info(sensor);
      await (await connect(stub, "type=sensor")).settled();
    });
    expect(cost.statements).toEqual([]);
  });
});
