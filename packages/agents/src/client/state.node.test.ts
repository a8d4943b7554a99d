import { expect, it, vi } from "vitest";
import { event, fakeAgent, through } from "./fake-agent.node";

const stateFrame = (state: unknown) => ({ type: "cf_agent_state", state });

// proves client-sdk#state-sync, client-sdk#onStateUpdate, client-sdk#onStateUpdate-source
// proves client-sdk#option-onStateUpdate, store-and-sync-state#AgentClient
it("takes the agent's state and tells of it", async () => {
  const agent = await fakeAgent();
  const onStateUpdate = vi.fn();
  const { client, peer } = await agent.connected({ onStateUpdate });
  expect(client.state).toBeUndefined();
  peer.send(stateFrame({ n: 1 }));
  await through(client, peer);
  expect(client.state).toEqual({ n: 1 });
  expect(onStateUpdate.mock.calls).toEqual([[{ n: 1 }, "server"]]);
});

// proves agents-api#client-setState, client-sdk#state-sync, client-sdk#setState, client-sdk#setState-source
// proves client-sdk#onStateUpdate-source, client-sdk#AgentClient-setState, store-and-sync-state#AgentClient-setState
// proves store-and-sync-state#optimistic
it("writes a state: here at once, then to the agent", async () => {
  const agent = await fakeAgent();
  const onStateUpdate = vi.fn();
  const { client, peer } = await agent.connected({ onStateUpdate });
  client.setState({ n: 2 });
  expect(client.state).toEqual({ n: 2 });
  expect(onStateUpdate.mock.calls).toEqual([[{ n: 2 }, "client"]]);
  expect(await peer.received()).toEqual(stateFrame({ n: 2 }));
});

// proves readonly-connections#onStateUpdateError-client, readonly-connections#onStateUpdateError-error
it("tells of a write that the agent refused", async () => {
  const agent = await fakeAgent();
  const onStateUpdateError = vi.fn();
  const { client, peer } = await agent.connected({ onStateUpdateError });
  client.setState({ n: -1 });
  peer.send({ type: "cf_agent_state_error", error: "Connection is readonly" });
  await through(client, peer);
  expect(onStateUpdateError.mock.calls).toEqual([["Connection is readonly"]]);
});

it.each([
  ["undefined", undefined],
  ["a function", () => {}],
  ["a bigint", 1n]
])("refuses to write %s", async (_, state) => {
  const agent = await fakeAgent();
  const { client } = await agent.connected();
  expect(() => client.setState(state)).toThrow(expect.objectContaining({ code: "STATE_NOT_SERIALIZABLE" }));
  expect(client.state).toBeUndefined();
});

it.each(["before the first connection", "between two connections"])(
  "keeps what was written %s: the agent's older state, sent on connecting, does not hide it",
  async (when) => {
    const agent = await fakeAgent();
    const client = agent.client();
    if (when === "between two connections") {
      const first = await agent.accepted();
      first.greet();
      await through(client, first);
      first.drop();
      await event(client, "close");
    }
    client.setState({ n: 2 });
    const peer = await agent.accepted();
    peer.greet({ state: { n: 1 } });
    expect(await peer.received()).toEqual(stateFrame({ n: 2 }));
    await through(client, peer);
    expect(client.state).toEqual({ n: 2 });
    peer.send(stateFrame({ n: 3 }));
    await through(client, peer);
    expect(client.state).toEqual({ n: 3 });
  }
);

// proves client-sdk#state-on-every-connection
it("takes the agent's state after a reconnect when nothing was written meanwhile", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  client.setState({ n: 1 });
  await peer.received();
  peer.drop();
  const second = await agent.accepted();
  second.greet({ state: { n: 5 } });
  await through(client, second);
  expect(client.state).toEqual({ n: 5 });
});

it("takes the agent's state on the next connection when a write was sent but the line broke", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  const first = await agent.accepted();
  client.setState({ n: 1 });
  await first.received();
  first.drop();
  const second = await agent.accepted();
  second.greet({ state: { n: 5 } });
  await through(client, second);
  expect(client.state).toEqual({ n: 5 });
});

it("tells subscribers of every change, with a new snapshot each time", async () => {
  const agent = await fakeAgent();
  const { client } = await agent.connected();
  const seen: unknown[] = [];
  const unsubscribe = client.subscribe(() => seen.push(client.getSnapshot()));
  const before = client.getSnapshot();
  expect(client.getSnapshot()).toBe(before);
  client.setState(1);
  client.close();
  unsubscribe();
  client.setState(2);
  const identity = { agent: "counter", name: "default" };
  expect(before).toEqual({ ...identity, identified: true, state: undefined });
  expect(seen).toEqual([
    { ...identity, identified: true, state: 1 },
    { ...identity, identified: false, state: 1 }
  ]);
});
