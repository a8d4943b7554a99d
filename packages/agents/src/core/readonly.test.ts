// The examples of the page "Readonly connections", run.
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, costOf, evict } from "../test/kit";

let names = 0;
const collab = () => env.CollabAgent.get(env.CollabAgent.idFromName(`collab-${names++}`));
type Stub = ReturnType<typeof collab>;
const seen = (stub: Stub) => runInDurableObject(stub, (agent) => agent.seen.splice(0));
const count = (stub: Stub) => runInDurableObject(stub, ({ state }) => state.count);

async function open(query = "_pk=v&mode=view") {
  const stub = collab();
  const connection = await connect(stub, query);
  const greeting = await connection.settled();
  await seen(stub);
  return { stub, connection, greeting };
}
const write = (n: number) => ({ type: "cf_agent_state", state: { count: n, orders: [] } });
const refused = { success: false, error: "Connection is readonly" };
const refusedWrite = { type: "cf_agent_state_error", error: "Connection is readonly" };

describe("a readonly connection", () => {
  // proves readonly-connections#receives-state, readonly-connections#calls-methods
  // proves readonly-connections#no-setState-in-methods, readonly-connections#no-client-setState
  // proves readonly-connections#error-client, readonly-connections#error-callable, readonly-connections#enforced-inside
  it("follows the state and calls methods, and writes neither itself nor through a method", async () => {
    const { stub, connection, greeting } = await open();
    expect(greeting).toContainEqual({ type: "cf_agent_state", state: { count: 0, orders: [] } });
    connection.send(write(7));
    expect(await connection.settled()).toEqual([refusedWrite]);
    expect(await connection.call("increment")).toMatchObject(refused);
    expect(await connection.call("getPermissions")).toMatchObject({ result: { canEdit: false, connectionId: "v" } });
    expect(await count(stub)).toBe(0);
    await runInDurableObject(stub, (agent) => agent.increment());
    expect(await connection.settled()).toEqual([{ type: "cf_agent_state", state: { count: 1, orders: [] } }]);
  });

  // proves readonly-connections#side-effects-run, readonly-connections#state-first
  it("has caused what a method does before it sets the state, and nothing after", async () => {
    const { stub, connection } = await open();
    expect(await connection.call("processOrder", "a", false)).toMatchObject(refused);
    expect(await connection.call("processOrder", "b", true)).toMatchObject(refused);
    expect(await seen(stub)).toEqual([["charged", "a"]]);
  });

  // proves readonly-connections#only-setState
  it("sends messages and has its own state, as any other", async () => {
    const { stub, connection } = await open();
    await runInDurableObject(stub, (agent) => {
      agent.onMessage = (peer, message) => peer.send(`${String(peer.setState({ last: message })?.last)}!`);
    });
    connection.send("hello");
    expect(await connection.settled()).toEqual(["hello!"]);
  });
});

describe("the status", () => {
  // proves readonly-connections#on-connect, readonly-connections#before-state
  // proves readonly-connections#shouldConnectionBeReadonly-connection, readonly-connections#shouldConnectionBeReadonly-ctx
  it("is asked for with connection and request, before anything is sent or received", async () => {
    const stub = collab();
    const connection = await connect(stub, "_pk=v&mode=view");
    // Before the greeting was read.
    connection.send(write(1));
    expect(await connection.next("cf_agent_state_error")).toEqual(refusedWrite);
    expect(await seen(stub)).toEqual([
      ["asked", "v"],
      ["connected", true]
    ]);
    const sent = await runInDurableObject(stub, async (agent) => {
      const frames: number[] = [];
      agent.shouldConnectionBeReadonly = (peer) => {
        const send = peer.send.bind(peer);
        peer.send = (message: string) => (frames.push(message.length), send(message));
        frames.push(0);
        return true;
      };
      await agent.fetch(new Request("http://test/", { headers: { Upgrade: "websocket" } }));
      return frames;
    });
    expect([sent[0], sent.length > 1]).toEqual([0, true]);
  });

  // proves readonly-connections#shouldConnectionBeReadonly-default
  it("is writable where a program says nothing", async () => {
    const stub = env.Blank.get(env.Blank.idFromName("writable"));
    const connection = await connect(stub, "mode=view");
    connection.send({ type: "cf_agent_state", state: "written" });
    await connection.settled();
    const found = await runInDurableObject(stub, (agent) => [
      agent.state as unknown,
      agent.isConnectionReadonly(agent.getConnections()[0]!)
    ]);
    expect(found).toEqual(["written", false]);
  });

  // proves readonly-connections#at-any-time, readonly-connections#setConnectionReadonly
  // proves readonly-connections#toggle-itself, readonly-connections#check-status
  // proves readonly-connections#isConnectionReadonly, readonly-connections#setConnectionReadonly-default
  it("can be changed by the connection itself through a method, and is what isConnectionReadonly says", async () => {
    const { stub, connection } = await open("_pk=e");
    const canEdit = async () => ((await connection.call("getPermissions")).result as { canEdit: boolean }).canEdit;
    const changes: [method: string, ...args: unknown[]][] = [
      ["setMyReadonly", true],
      ["setMyReadonly", false],
      ["startSpectating"]
    ];
    const found = [await canEdit()];
    for (const [method, ...args] of changes) {
      await connection.call(method, ...args);
      found.push(await canEdit());
      await connection.call("increment");
    }
    expect([found, await count(stub)]).toEqual([[true, false, true, false], 1]);
  });

  // proves readonly-connections#roles
  it("may come from a role, and be lifted by a method that checks first", async () => {
    for (const [role, canEdit] of [
      ["viewer", false],
      ["guest", false],
      ["editor", true]
    ]) {
      const { connection } = await open(`role=${role}`);
      expect(await connection.call("getPermissions")).toMatchObject({ result: { canEdit } });
      expect(await connection.call("upgradeToEditor", "wrong")).toMatchObject({ error: "Insufficient permissions" });
      expect(await connection.call("upgradeToEditor", "open")).toMatchObject({ result: { success: true } });
      expect(await connection.call("increment")).toMatchObject({ success: true });
    }
  });

  // proves readonly-connections#survives-hibernation
  it("survives hibernation, whether it was given on connect or later", async () => {
    for (const query of ["mode=view", "mode=edit"]) {
      const { stub, connection } = await open(query);
      if (query === "mode=edit") await connection.call("setMyReadonly", true);
      await evict(stub);
      expect(await connection.call("increment")).toMatchObject(refused);
      expect(await connection.call("getPermissions")).toMatchObject({ result: { canEdit: false } });
    }
  });

  // proves readonly-connections#no-cleanup, readonly-connections#per-connection
  it("belongs to one connection, and ends with it: the same client comes back without", async () => {
    const { stub, connection } = await open("_pk=same");
    const other = await connect(stub, "_pk=other");
    await connection.call("setMyReadonly", true);
    expect(await other.call("increment")).toMatchObject({ success: true });
    connection.close();
    await connection.closed;
    const again = await connect(stub, "_pk=same");
    expect(await again.call("increment")).toMatchObject({ success: true });
    expect(await count(stub)).toBe(2);
  });

  // proves readonly-connections#zero-overhead
  it("costs no statement, and no table", async () => {
    const { stub, connection } = await open("_pk=e");
    const cost = await costOf(stub, async () => {
      await connection.call("setMyReadonly", true);
      await connection.call("getPermissions");
      await (await connect(stub, "mode=view")).settled();
    });
    expect(cost.statements).toEqual([]);
  });

  // proves readonly-connections#safe-from-user-code
  it("is neither seen nor changed by the state of the connection", async () => {
    const { stub, connection } = await open();
    const states = await runInDurableObject(stub, (agent) => {
      const [peer] = agent.getConnections();
      const before = peer!.state as unknown;
      peer!.setState({ _cf_readonly: false, readonly: false });
      peer!.setState(null);
      peer!.setState({ name: "v" });
      return [before, peer!.state as unknown];
    });
    await evict(stub);
    states.push(await runInDurableObject(stub, (agent) => agent.getConnections()[0]!.state as unknown));
    expect(states).toEqual([null, { name: "v" }, { name: "v" }]);
    expect(await connection.call("increment")).toMatchObject(refused);
  });
});

describe("a writable connection", () => {
  // proves readonly-connections#source
  it("is named as the one that wrote", async () => {
    const { stub, connection } = await open("_pk=admin");
    connection.send(write(1));
    await connection.settled();
    await runInDurableObject(stub, (agent) => agent.increment());
    expect(await seen(stub)).toEqual([["written by", "admin", false]]);
  });

  // proves readonly-connections#error-validation
  it("is told of a state that the agent does not accept", async () => {
    const { stub, connection } = await open("_pk=admin");
    connection.send(write(-1));
    expect(await connection.settled()).toEqual([{ type: "cf_agent_state_error", error: "State update rejected" }]);
    expect(await count(stub)).toBe(0);
  });
});
