import { expect, it, vi } from "vitest";
import { event, fakeAgent, through } from "./fake-agent.node";

const at = { epoch: "e", revision: 1 };
const state = { n: 1, list: [{ a: null }] };

it("is the same, and nobody is told, when what arrives is what is known", async () => {
  const agent = await fakeAgent();
  const onStateUpdate = vi.fn();
  const { client, peer } = await agent.connected({ onStateUpdate }, { state, revision: 1 });
  const before = client.getSnapshot();
  const listener = vi.fn();
  client.subscribe(listener);
  peer.send({ type: "cf_agent_state", state, ...at, revision: 2 });
  peer.send({ type: "cf_agent_state_patch", epoch: "e", from: 2, to: 3, patch: [] });
  peer.send({ type: "cf_agent_identity", name: "default", agent: "counter" });
  peer.send({ type: "cf_agent_pong" });
  peer.send({ type: "cf_agent_mcp_servers", mcp: { servers: {}, tools: [], prompts: [], resources: [] } });
  peer.send({ type: "rpc", id: "nobody", success: true, done: true });
  await through(client, peer);
  expect([listener.mock.calls.length, client.getSnapshot() === before, client.revision]).toEqual([0, true, 3]);
  // Programs that keep a copy of their own hear of it all the same.
  expect(onStateUpdate).toHaveBeenCalledTimes(3);
});

it("keeps the state that it shows when the agent sends it again after a loss", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state });
  const shown = client.state;
  const told: unknown[] = [];
  client.subscribe(() => told.push(client.identified));
  peer.drop();
  await event(client, "close");
  const second = await agent.accepted();
  second.greet({ state });
  await through(client, second);
  expect([client.state === shown, told]).toEqual([true, [false, true]]);
});

it("is new for every write of the program, also of the object that it shows", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { state });
  const listener = vi.fn();
  client.subscribe(listener);
  client.state.n++;
  client.setState(client.state);
  expect(listener).toHaveBeenCalledOnce();
  peer.send({ type: "cf_agent_state", state });
  await through(client, peer);
  expect([listener.mock.calls.length, client.state]).toEqual([2, state]);
});

it("tells of a close once, and of attempts that fail not at all", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const listener = vi.fn();
  client.subscribe(listener);
  peer.drop();
  await event(client, "close");
  (await agent.accepted()).drop();
  await event(client, "close");
  expect(listener).toHaveBeenCalledOnce();
  client.reconnect();
  client.close();
  expect(listener).toHaveBeenCalledOnce();
});
