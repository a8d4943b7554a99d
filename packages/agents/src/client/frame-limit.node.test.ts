import { expect, it, vi } from "vitest";
import { AgentError } from "../protocol/errors";
import { event, fakeAgent, through } from "./fake-agent.node";

const tooLarge = { name: "AgentError", code: "FRAME_TOO_LARGE", message: expect.stringContaining("200 bytes") };
const limited = { state: { n: 1 }, revision: 1, maxFrameBytes: 200 };
const large = "x".repeat(200);

it("rejects a call that is larger than the agent takes, and nothing else", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, limited);
  const before = client.call("before");
  const onError = vi.fn();
  await expect(client.call("save", [large], { stream: { onError } })).rejects.toMatchObject(tooLarge);
  expect(onError).toHaveBeenCalledOnce();
  const { id } = await peer.received();
  peer.send({ type: "rpc", id, success: true, result: 1, done: true });
  expect(await before).toBe(1);
  client.send("next");
  expect([await peer.received(), client.readyState]).toEqual(["next", client.OPEN]);
});

it("ends a stream whose call is larger than the agent takes", async () => {
  const agent = await fakeAgent();
  const { client } = await agent.connected({}, limited);
  const stream = client.stream("count", [large]);
  await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject(tooLarge);
  await expect(stream.final).rejects.toMatchObject(tooLarge);
});

it("takes a state back that is larger than the agent takes, and keeps the writes around it", async () => {
  const agent = await fakeAgent();
  const onStateUpdateError = vi.fn();
  const { client, peer } = await agent.connected({ onStateUpdateError }, limited);
  client.setState({ n: 2 });
  client.setState({ large });
  expect(client.state).toEqual({ n: 2 });
  expect(onStateUpdateError.mock.calls).toEqual([[tooLarge.message, expect.objectContaining(tooLarge)]]);
  client.setState({ n: 3 });
  const frames = [await peer.received(), await peer.received()];
  expect(frames.map(({ state }) => state)).toEqual([{ n: 2 }, { n: 3 }]);
  expect(client.state).toEqual({ n: 3 });
});

it("does not send what waited and is too large, tells of each, and sends the rest in order", async () => {
  const agent = await fakeAgent();
  const onStateUpdateError = vi.fn();
  const onError = vi.fn();
  const client = agent.client({ onStateUpdateError, onError });
  const refused = vi.fn();
  client.send("first");
  const call = client.call("save", [large]).catch((error: unknown) => error);
  client.send(large + "raw");
  client.send(new Uint8Array(201), refused);
  client.setState({ large });
  client.send("last");
  const peer = await agent.accepted();
  peer.greet(limited);
  expect([await peer.received(), await peer.received()]).toEqual(["first", "last"]);
  expect(await call).toMatchObject(tooLarge);
  expect(onError.mock.calls.map(([{ error }]) => error)).toEqual([expect.objectContaining(tooLarge)]);
  expect(AgentError.isInstance(refused.mock.calls[0]![0], "FRAME_TOO_LARGE")).toBe(true);
  expect([onStateUpdateError.mock.calls.length, client.state, client.bufferedAmount]).toEqual([1, { n: 1 }, 0]);
});

it.each([
  ["a text of the limit", "x".repeat(200), true],
  ["one more", "x".repeat(201), false],
  ["half as many characters of two bytes", "é".repeat(100), true],
  ["one more of them", "é".repeat(101), false],
  ["bytes of the limit", new Uint8Array(200), true],
  ["one byte more", new Uint8Array(201), false]
])("counts bytes: %s", async (_name, data, isSent) => {
  const agent = await fakeAgent();
  const { client } = await agent.connected({}, limited);
  const refused = vi.fn();
  expect(client.send(data, refused)).toBe(isSent);
  expect(refused).toHaveBeenCalledTimes(isSent ? 0 : 1);
});

it.each([
  ["is not one of ours", {}],
  ["tells none", { state: { n: 1 }, revision: 1 }]
])("knows no limit of an agent that %s, after one that did", async (_name, greeting) => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, limited);
  peer.drop();
  await event(client, "close");
  const second = await agent.accepted();
  second.greet(greeting);
  await through(client, second);
  expect(client.send("x".repeat(10_000))).toBe(true);
});
