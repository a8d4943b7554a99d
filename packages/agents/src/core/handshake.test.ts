import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, connectExtended, evict } from "../test/kit";
import { readExtensions } from "./handshake";

let names = 0;
const board = () => env.Board.get(env.Board.idFromName(`handshake-${names++}`));
const types = (frames: readonly unknown[]) => frames.map((frame) => (frame as { type: string }).type);
const large = { list: Array.from({ length: 100 }, (_, i) => `entry ${i}`) };

describe("[C19] a client that announces the extensions", () => {
  it("is greeted first of all", async () => {
    const stub = board();
    await runInDurableObject(stub, (agent) => agent.setState({ n: 1 }));
    const connection = await connect(stub, "_pk=a&_agents_ext=1");
    const [hello, ...rest] = await connection.settled();
    expect(hello).toEqual({
      type: "cf_agent_hello",
      version: 1,
      connection: "a",
      heartbeatMs: 25_000,
      maxFrameBytes: 33_554_432
    });
    expect(types(rest)).toEqual(["cf_agent_identity", "cf_agent_state", "cf_agent_mcp_servers"]);
  });

  it("is greeted without an identity, too", async () => {
    const connection = await connect(env.HEIR_OF_ALL.get(env.HEIR_OF_ALL.idFromName("hello")), "_agents_ext=1");
    expect(types(await connection.settled())).toEqual(["cf_agent_hello", "cf_agent_state", "cf_agent_mcp_servers"]);
  });

  it.each([
    ["of this version", "_agents_ext=1", true],
    ["of a later version", "_agents_ext=2", true],
    ["twice", "_agents_ext=1&_agents_ext=0", true],
    ["not at all", "x=1", false],
    ["in another parameter", "x=_agents_ext=1", false],
    ["under a longer name", "_agents_ext2=1", false],
    ["of an earlier version", "_agents_ext=0", false],
    ["of no version", "_agents_ext", false],
    ["of an empty version", "_agents_ext=", false],
    ["of a negative version", "_agents_ext=-1", false],
    ["of garbage", "_agents_ext=1abc", false],
    ["of what is no number", "_agents_ext=NaN", false]
  ])("%s (%s) is greeted: %j %s", async (_how, query, greeted) => {
    const frames = (await (await connect(board(), query)).settled()) as { type: string; version?: number }[];
    expect(types(frames)).toEqual([
      ...(greeted ? ["cf_agent_hello"] : []),
      "cf_agent_identity",
      "cf_agent_mcp_servers"
    ]);
    if (greeted) expect(frames[0]!.version).toBe(1);
  });

  it("and gets no protocol frames is not greeted, nor ever treated as one", async () => {
    const stub = board();
    const connection = await connect(stub, "_agents_ext=1&silent");
    expect(await connection.settled()).toEqual([]);
    expect(await connection.call("fail", "CALL_FAILED")).not.toHaveProperty("code");
    expect(await runInDurableObject(stub, (agent) => agent.getConnections()[0]!.deserializeAttachment())).toMatchObject(
      { __user: { _cf_no_protocol: true } }
    );
  });

  it.each([
    ["_agents_ext=1", ""],
    ["_agents_ext=1&_pk=a", "?_pk=a"],
    ["_pk=a&_agents_ext=1", "?_pk=a"],
    ["_agents_ext=abc&x=1&_agents_ext=1", "?x=1"],
    ["flag&empty=&s=%20a+b%2F~*(&_agents_ext=1&u=%C3%BC", "?flag&empty=&s=%20a+b%2F~*(&u=%C3%BC"],
    ["x=_agents_ext=1&flag", "?x=_agents_ext=1&flag"]
  ])("with %s shows the program %j, to the letter, everywhere", async (query, seen) => {
    const stub = board();
    await connect(stub, query);
    const url = `http://test/agents/agent/name${seen}`;
    expect(await runInDurableObject(stub, ({ urls }) => urls)).toEqual([url, url, url]);
  });

  it("leaves headers and method of the request as they are", () => {
    const { request } = readExtensions(
      new Request("http://test/?_agents_ext=1", { headers: { Upgrade: "websocket", Cookie: "a=b" } })
    );
    expect([request.url, request.method, request.headers.get("Cookie"), request.headers.get("Upgrade")]).toEqual([
      "http://test/",
      "GET",
      "a=b",
      "websocket"
    ]);
  });

  it("is known to have done so after an eviction, and the program does not see the mark", async () => {
    const stub = board();
    await runInDurableObject(stub, (agent) => agent.setState(large));
    const [extended, documented] = [await connectExtended(stub, "_pk=e"), await connect(stub, "_pk=d")];
    await documented.settled();
    await evict(stub);
    const marks = await runInDurableObject(stub, (agent) =>
      ["e", "d"].map((id) => [
        agent.getConnection(id)!.state as unknown,
        (agent.getConnection(id)!.deserializeAttachment() as { __user: unknown }).__user
      ])
    );
    expect(marks).toEqual([
      [null, { _cf_extended: true }],
      [null, null]
    ]);
    await runInDurableObject(stub, (agent) => agent.setState({ ...large, n: 1 }));
    expect(types(await extended.settled())).toEqual(["cf_agent_state_patch"]);
    expect(types(await documented.settled())).toEqual(["cf_agent_state"]);
  });

  it("keeps its mark beside the state of its connection", async () => {
    const stub = board();
    const connection = await connectExtended(stub, "_pk=e&readonly");
    await runInDurableObject(stub, (agent) =>
      agent.getConnection("e")!.setState({ role: "viewer", _cf_extended: false })
    );
    await evict(stub);
    expect(await connection.call("fail", "CALL_FAILED")).toMatchObject({ code: "CALL_FAILED" });
    const states = await runInDurableObject(stub, (agent) => agent.getConnection("e")!.state as unknown);
    expect(states).toEqual({ role: "viewer", _cf_extended: false });
  });
});

describe("[C20] a ping", () => {
  const ping = '{"type":"cf_agent_ping"}';
  const pong = { type: "cf_agent_pong" };
  const starts = (stub: ReturnType<typeof board>) => runInDurableObject(stub, (agent) => agent.starts);

  it("is answered by the runtime: an agent that is not in memory is not woken", async () => {
    const stub = board();
    const connection = await connectExtended(stub);
    await evict(stub);
    for (let n = 0; n < 3; n++) connection.send(ping);
    for (let n = 0; n < 3; n++) expect(await connection.nextFrame()).toEqual(pong);
    expect(await starts(stub)).toBe(0);
    // Anything else wakes it, which shows that the look at `starts` would have seen that.
    await evict(stub);
    await connection.call("ping");
    expect(await starts(stub)).toBe(1);
  });

  it("is answered by the agent where the program has an answer of its own, which stays", async () => {
    const stub = board();
    await runInDurableObject(stub, (_, context) =>
      context.setWebSocketAutoResponse(new WebSocketRequestResponsePair("marco", "polo"))
    );
    const connection = await connectExtended(stub);
    await evict(stub);
    connection.send("marco");
    connection.send(ping);
    expect([await connection.nextFrame(), await connection.nextFrame()]).toEqual(["polo", pong]);
    expect(await starts(stub)).toBe(1);
  });

  it("is answered by an agent whose sockets are in memory", async () => {
    const connection = await connectExtended(env.Awake.get(env.Awake.idFromName("ping")));
    connection.send(ping);
    expect(await connection.nextFrame()).toEqual(pong);
  });

  it("in another spelling is answered by the agent, and reaches no program", async () => {
    const stub = env.Recorder.get(env.Recorder.idFromName("ping"));
    const connection = await connectExtended(stub);
    connection.send('{ "type": "cf_agent_ping" }');
    expect(await connection.settled()).toEqual([pong]);
    expect(await stub.events()).not.toContainEqual(expect.objectContaining({ event: "message" }));
  });

  it("costs a documented client nothing: no answer is set before a client takes part", async () => {
    const stub = board();
    const set = () => runInDurableObject(stub, (_, context) => context.getWebSocketAutoResponse()?.request);
    await connect(stub);
    expect(await set()).toBeUndefined();
    await connectExtended(stub);
    expect(await set()).toBe(ping);
  });
});
