// State with an agent that takes part in the extensions of the protocol.
import { expect, it } from "vitest";
import { event, fakeAgent, through, type Peer } from "./fake-agent.node";

const at = (revision: number, epoch = "e") => ({ epoch, revision });
const stateFrame = (state: unknown, revision: number, epoch?: string) => ({
  type: "cf_agent_state",
  state,
  ...at(revision, epoch)
});
const ack = (writeId: string, revision: number) => ({ type: "cf_agent_state_ack", writeId, ...at(revision) });
const replace = (from: number, path: string, value: unknown) => ({
  type: "cf_agent_state_patch",
  epoch: "e",
  from,
  to: from + 1,
  patch: [{ op: "replace", path, value }]
});
const pull = { type: "cf_agent_state_pull" };

function callbacks() {
  const heard: unknown[] = [];
  return {
    heard,
    onStateUpdate: (state: unknown, source: string) => void heard.push([state, source]),
    onStateUpdateError: (message: string, cause?: { code: string }) => void heard.push([message, cause?.code])
  };
}

/** The id of the next write, which must be of this state. */
async function written(peer: Peer, state: unknown): Promise<string> {
  const { writeId, ...frame } = await peer.received();
  expect(frame).toEqual({ type: "cf_agent_state", state });
  expect(writeId).toEqual(expect.any(String));
  return writeId;
}

it("applies patches, and shares what they do not touch", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state: { n: 1, list: [1] }, revision: 4 });
  const { list } = client.state;
  peer.send(replace(4, "/n", 2));
  await through(client, peer);
  expect([client.state, client.revision]).toEqual([{ n: 2, list: [1] }, 5]);
  expect(client.state.list).toBe(list);
});

it.each([
  ["a revision is missing", { ...replace(6, "/n", 3) }],
  ["the epoch is another", { ...replace(4, "/n", 3), epoch: "f" }],
  ["a patch does not fit", replace(4, "/none/n", 3)]
])("asks for the whole state once when %s", async (_, patch) => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state: { n: 1 }, revision: 4 });
  peer.send(patch);
  peer.send({ ...patch, from: 7, to: 8 });
  await through(client, peer);
  client.send("next");
  expect([await peer.received(), await peer.received()]).toEqual([pull, "next"]);
  expect(client.state).toEqual({ n: 1 });
  peer.send(stateFrame({ n: 9 }, 9));
  peer.send(replace(9, "/n", 10));
  await through(client, peer);
  expect([client.state, client.revision]).toEqual([{ n: 10 }, 10]);
});

it("makes an acknowledged write the base of what follows", async () => {
  const agent = await fakeAgent();
  const told = callbacks();
  const { client, peer } = await agent.connected(told, { state: { n: 1 }, revision: 4 });
  const mine = { n: 2, when: new Date(0), none: undefined };
  client.setState(mine);
  expect(client.state).toBe(mine);
  const id = await written(peer, { n: 2, when: "1970-01-01T00:00:00.000Z" });
  peer.send(ack(id, 5));
  await through(client, peer);
  expect([client.state, client.revision]).toEqual([mine, 5]);
  // Changing it now is not a write.
  mine.n = 100;
  peer.send({ ...replace(5, "/when", 0), patch: [{ op: "add", path: "/last", value: 1 }] });
  await through(client, peer);
  expect(client.state).toEqual({ n: 2, when: "1970-01-01T00:00:00.000Z", last: 1 });
  expect(told.heard).toEqual([
    [{ n: 1 }, "server"],
    [mine, "client"],
    [client.state, "server"]
  ]);
});

it("shows its own newest write while others change the state, and theirs when it was stored before", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state: { n: 1 }, revision: 1 });
  client.setState({ n: 10 });
  client.setState({ n: 20 });
  const [first, second] = [await written(peer, { n: 10 }), await written(peer, { n: 20 })];
  peer.send(replace(1, "/n", 2));
  peer.send(ack(first, 3));
  await through(client, peer);
  expect(client.state).toEqual({ n: 20 });
  peer.send(ack(second, 4));
  peer.send(replace(4, "/n", 30));
  await through(client, peer);
  expect([client.state, client.revision]).toEqual([{ n: 30 }, 5]);
});

it("takes the answer to a newer write for one to those before", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state: { n: 1 }, revision: 1 });
  client.setState({ n: 2 });
  client.setState({ n: 3 });
  await written(peer, { n: 2 });
  peer.send(ack(await written(peer, { n: 3 }), 3));
  peer.send(replace(3, "/n", 4));
  await through(client, peer);
  expect(client.state).toEqual({ n: 4 });
});

it("does not let the answer to a write hide a newer state that came before it", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state: { n: 1 }, revision: 1 });
  client.setState({ n: 2 });
  const id = await written(peer, { n: 2 });
  peer.send(stateFrame({ n: 3 }, 3));
  await through(client, peer);
  expect(client.state).toEqual({ n: 2 });
  peer.send(ack(id, 2));
  await through(client, peer);
  expect([client.state, client.revision]).toEqual([{ n: 3 }, 3]);
});

it("takes a refused write back, to the agent's state, and tells", async () => {
  const agent = await fakeAgent();
  const told = callbacks();
  const { client, peer } = await agent.connected(told, { state: { n: 1 }, revision: 1 });
  client.setState({ n: -1 });
  const writeId = await written(peer, { n: -1 });
  const refused = { type: "cf_agent_state_reject", writeId, code: "STATE_REJECTED", message: "State update rejected" };
  peer.send({ ...refused, ...at(3), state: { n: 3 } });
  await through(client, peer);
  expect([client.state, client.revision]).toEqual([{ n: 3 }, 3]);
  expect(told.heard.slice(1)).toEqual([
    [{ n: -1 }, "client"],
    [{ n: 3 }, "server"],
    ["State update rejected", "STATE_REJECTED"]
  ]);
});

it("keeps showing a newer write when an older one is refused", async () => {
  const agent = await fakeAgent();
  const told = callbacks();
  const { client, peer } = await agent.connected(told, { revision: 0 });
  client.setState({ n: -1 });
  client.setState({ n: 5 });
  const writeId = await written(peer, { n: -1 });
  peer.send({ type: "cf_agent_state_reject", writeId, code: "STATE_REJECTED", message: "no", ...at(0) });
  await through(client, peer);
  expect(client.state).toEqual({ n: 5 });
  expect(told.heard.slice(2)).toEqual([["no", "STATE_REJECTED"]]);
  const second = await written(peer, { n: 5 });
  peer.send({ type: "cf_agent_state_reject", writeId: second, code: "STATE_REJECTED", message: "no", ...at(0) });
  await through(client, peer);
  expect(client.state).toBeUndefined();
});

it("says on which revision a write depends: a number, or what it shows", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state: { n: 1 }, revision: 7 });
  client.setState({ n: 2 }, { ifRevision: 3 });
  client.setState({ n: 3 });
  client.setState({ n: 4 }, { ifRevision: true });
  const frames = [await peer.received(), await peer.received(), await peer.received()];
  // 7, and the two writes that it shows on top.
  expect(frames.map(({ ifRevision, ifEpoch }) => [ifRevision, ifEpoch])).toEqual([
    [3, "e"],
    [undefined, undefined],
    [9, "e"]
  ]);
});

it("says that a write depends on there being no state, until it knows of one", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { revision: 0 });
  client.setState({ n: 1 }, { ifRevision: 0 });
  expect(await peer.received()).toMatchObject({ state: { n: 1 }, ifRevision: 0, ifEpoch: "" });
});

it("takes the state that an agent sends after the answer to a write: it stored another than was written", async () => {
  const agent = await fakeAgent();
  const told = callbacks();
  const { client, peer } = await agent.connected(told, { state: { n: 1 }, revision: 1 });
  client.setState({ n: 500 });
  peer.send(ack(await written(peer, { n: 500 }), 2));
  peer.send(stateFrame({ n: 100 }, 2));
  peer.send(replace(2, "/n", 101));
  await through(client, peer);
  expect([client.state, client.revision]).toEqual([{ n: 101 }, 3]);
  expect(told.heard.slice(1)).toEqual([
    [{ n: 500 }, "client"],
    [{ n: 100 }, "server"],
    [{ n: 101 }, "server"]
  ]);
});

it.each([true, false])(
  "does not send a write that depends on a revision to an agent without any (connected: %s)",
  async (isConnected) => {
    const agent = await fakeAgent();
    const told = callbacks();
    const client = agent.client(told);
    if (!isConnected) client.setState({ n: 2 }, { ifRevision: true });
    const peer = await agent.accepted();
    peer.greet({ state: { n: 1 } });
    await through(client, peer);
    if (isConnected) client.setState({ n: 2 }, { ifRevision: true });
    client.send("next");
    expect(await peer.received()).toBe("next");
    expect(client.state).toEqual({ n: 1 });
    expect(told.heard).toContainEqual([expect.stringContaining("no revisions"), "STATE_CONFLICT"]);
  }
);

it("does not send a write that depends on a revision when the state has begun anew, whatever its revision", async () => {
  const agent = await fakeAgent();
  const told = callbacks();
  const { client, peer } = await agent.connected(told, { state: { n: 1 }, revision: 7 });
  peer.drop();
  await event(client, "close");
  client.setState({ n: 2 }, { ifRevision: true });
  const second = await agent.accepted();
  second.greet({ state: { n: 100 }, revision: 7, epoch: "f" });
  await through(client, second);
  client.send("next");
  expect(await second.received()).toBe("next");
  expect(client.state).toEqual({ n: 100 });
  expect(told.heard.at(-1)).toEqual([expect.stringContaining("begun anew"), "STATE_CONFLICT"]);
});

it("sends only the newest of the writes that waited for a connection, but keeps them apart from what was sent between", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  for (const n of [1, 2, 3]) client.setState({ n });
  client.send("between");
  for (const n of [4, 5]) client.setState({ n });
  const peer = await agent.accepted();
  peer.greet({ state: { n: 0 }, revision: 1 });
  await written(peer, { n: 3 });
  expect(await peer.received()).toBe("between");
  await written(peer, { n: 5 });
  await through(client, peer);
  expect(client.state).toEqual({ n: 5 });
});

it("sends the newest write without an answer again after a lost connection, before what waited", async () => {
  const agent = await fakeAgent();
  const told = callbacks();
  const { client, peer } = await agent.connected(told, { state: { n: 1 }, revision: 1 });
  client.setState({ n: 2 });
  client.setState({ n: 3 });
  await peer.received();
  const { writeId } = await peer.received();
  peer.drop();
  await event(client, "close");
  client.send("waited");
  const second = await agent.accepted();
  second.greet({ state: { n: 2 }, revision: 2 });
  expect(await written(second, { n: 3 })).toBe(writeId);
  expect(await second.received()).toBe("waited");
  await through(client, second);
  expect([client.state, client.revision]).toEqual([{ n: 3 }, 2]);
  expect(told.heard.slice(1)).toEqual([
    [{ n: 2 }, "client"],
    [{ n: 3 }, "client"]
  ]);
});

it("does not send a write again that the agent's state shows, or that a newer one replaces", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state: { n: 1 }, revision: 1 });
  client.setState({ n: 2 });
  await peer.received();
  peer.drop();
  const second = await agent.accepted();
  second.greet({ state: { n: 2 }, revision: 2 });
  await through(client, second);
  client.setState({ n: 3 });
  await written(second, { n: 3 });
  second.drop();
  await event(client, "close");
  client.setState({ n: 4 });
  const third = await agent.accepted();
  third.greet({ state: { n: 9 }, revision: 9 });
  await written(third, { n: 4 });
  client.send("next");
  expect(await third.received()).toBe("next");
});

it("sends a write that depends on its revision again only if that is still the revision", async () => {
  const agent = await fakeAgent();
  const told = callbacks();
  const { client, peer } = await agent.connected(told, { state: { n: 1 }, revision: 1 });
  client.setState({ n: 2 }, { ifRevision: true });
  await peer.received();
  peer.drop();
  const second = await agent.accepted();
  second.greet({ state: { n: 1 }, revision: 1 });
  expect(await second.received()).toMatchObject({ state: { n: 2 }, ifRevision: 1 });
  second.drop();
  const third = await agent.accepted();
  third.greet({ state: { n: 7 }, revision: 2 });
  await through(client, third);
  expect(client.state).toEqual({ n: 7 });
  expect(told.heard.slice(-2)).toEqual([
    [{ n: 7 }, "server"],
    [expect.stringContaining("not known whether"), "CONNECTION_CLOSED"]
  ]);
});

it("does not send a write again that the connection broke of", async () => {
  const agent = await fakeAgent();
  const told = callbacks();
  const { client, peer } = await agent.connected(told, { state: { n: 1 }, revision: 1 });
  client.setState({ n: "too big" });
  await peer.received();
  peer.close(1009);
  const second = await agent.accepted();
  second.greet({ state: { n: 1 }, revision: 1 });
  await through(client, second);
  client.send("next");
  expect(await second.received()).toBe("next");
  expect(client.state).toEqual({ n: 1 });
  expect(told.heard).toContainEqual([expect.stringContaining("not known whether"), "CONNECTION_CLOSED"]);
});

it("has no state after a reconnect to an agent that has none any more", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state: { n: 1 }, revision: 1 });
  peer.drop();
  const second = await agent.accepted();
  second.greet({ revision: 0, epoch: "f" });
  await through(client, second);
  expect(client.state).toBeUndefined();
});

it("does not send what was sent to one instance to another", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({ onIdentityChange() {} }, { state: { n: 1 }, revision: 1 });
  client.setState({ n: 2 });
  await peer.received();
  peer.drop();
  const second = await agent.accepted();
  second.greet({ name: "other", state: { n: 100 }, revision: 1, epoch: "f" });
  await through(client, second);
  client.send("next");
  expect(await second.received()).toBe("next");
  expect(client.state).toEqual({ n: 100 });
});

it("finds out by itself when the agent says late that it takes part", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  client.setState({ n: 2 });
  const peer = await agent.accepted();
  expect(await peer.received()).toEqual({ type: "cf_agent_state", state: { n: 2 } });
  peer.greet({ state: { n: 1 }, revision: 1 });
  expect(await peer.received()).toEqual(pull);
  await through(client, peer);
  expect(client.state).toEqual({ n: 2 });
  peer.send(stateFrame({ n: 2 }, 2));
  await through(client, peer);
  expect(client.revision).toBe(2);
});
