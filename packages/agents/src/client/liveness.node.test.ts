import { expect, it, onTestFinished, vi } from "vitest";
import { WebSocket as WsSocket } from "ws";
import { AgentClient } from "./agent-client";
import { event, fakeAgent, through, type Peer } from "./fake-agent.node";
import { lossyProxy } from "./lossy-proxy.node";

const ping = { type: "cf_agent_ping" };
const pong = '{"type":"cf_agent_pong"}';

function fakeTime() {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** A page, as far as a client looks at it. */
function fakePage(): { window: EventTarget; document: EventTarget & { visibilityState: string } } {
  const page = {
    window: new EventTarget(),
    document: Object.assign(new EventTarget(), { visibilityState: "visible" })
  };
  Object.assign(globalThis, page);
  onTestFinished(() => {
    for (const name of Object.keys(page)) Reflect.deleteProperty(globalThis, name);
  });
  return page;
}

it.each([
  ["the platform's socket", undefined],
  ["the one of ws", WsSocket]
])("replaces a connection within 40 s whose line went dead without a word, with %s", async (_, WebSocket) => {
  const agent = await fakeAgent();
  const proxy = await lossyProxy(agent.host);
  fakeTime();
  const onClose = vi.fn();
  const client = agent.client({ host: proxy.host, minReconnectionDelay: 9000, onClose, WebSocket });
  await vi.advanceTimersByTimeAsync(1);
  const peer = await agent.accepted();
  peer.greet({ revision: 0 });
  await client.ready;
  await through(client, peer);

  await vi.advanceTimersByTimeAsync(25_000);
  expect(await peer.received()).toEqual(ping);
  peer.send(pong);
  await through(client, peer);

  proxy.swallow();
  const unanswered = client.call("lost").catch((error: { code: string }) => error.code);
  await vi.advanceTimersByTimeAsync(34_999);
  expect(onClose).not.toHaveBeenCalled();
  // No longer: while the real connection is made, time would run out that is not real.
  await vi.advanceTimersByTimeAsync(2);
  expect(await unanswered).toBe("CONNECTION_CLOSED");
  expect(onClose.mock.calls[0]![0].code).toBe(3008);
  const second = await agent.accepted();
  second.greet({ revision: 0 });
  await client.ready;
  expect(client.connectionError).toBeUndefined();
});

it("does not ask while there is no connection", async () => {
  const agent = await fakeAgent();
  fakeTime();
  const client = agent.client({ minReconnectionDelay: 9_000_000, maxReconnectionDelay: 9_000_000 });
  await vi.advanceTimersByTimeAsync(1);
  const peer = await agent.accepted();
  peer.greet({ revision: 0 });
  await client.ready;
  peer.drop();
  await event(client, "close");
  // The wait for the next attempt.
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(client.readyState).toBe(client.CONNECTING);
});

it("does not ask an agent that would not understand", async () => {
  const agent = await fakeAgent();
  fakeTime();
  const client = agent.client();
  await vi.advanceTimersByTimeAsync(1);
  const peer = await agent.accepted();
  peer.greet();
  await client.ready;
  await vi.advanceTimersByTimeAsync(100_000);
  client.send("next");
  expect(await peer.received()).toBe("next");
  expect(vi.getTimerCount()).toBe(0);
});

it.each(["online", "pageshow", "resume", "visibilitychange"])("asks at once on %s", async (type) => {
  const { window, document } = fakePage();
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { revision: 0 });
  const target = ["online", "pageshow"].includes(type) ? window : document;
  target.dispatchEvent(new Event(type));
  expect(await peer.received()).toEqual(ping);
  client.close();
  target.dispatchEvent(new Event(type));
  expect(client.readyState).toBe(client.CLOSED);
});

it("does not ask when the page is hidden", async () => {
  const { document } = fakePage();
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, { revision: 0 });
  document.visibilityState = "hidden";
  document.dispatchEvent(new Event("visibilitychange"));
  client.send("next");
  expect(await peer.received()).toBe("next");
});

it("connects at once when the network is back, however long it meant to wait", async () => {
  const { window } = fakePage();
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({ minReconnectionDelay: 1_000_000, maxReconnectionDelay: 1_000_000 });
  peer.drop();
  await event(client, "close");
  expect(client.readyState).toBe(client.CONNECTING);
  window.dispatchEvent(new Event("online"));
  (await agent.accepted()).greet();
  await client.ready;
});

it("listens to the page only while it wants a connection", async () => {
  const { window } = fakePage();
  const add = vi.spyOn(window, "addEventListener");
  const remove = vi.spyOn(window, "removeEventListener");
  const agent = await fakeAgent();
  const client = agent.client({ startClosed: true });
  expect(add).not.toHaveBeenCalled();
  client.reconnect();
  client.reconnect();
  (await agent.accepted()).close(4001);
  await vi.waitUntil(() => client.connectionError);
  expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([2, 2]);
});

it("has no timer when it is closed, or while it waits for nothing", async () => {
  fakeTime();
  const client = new AgentClient({ agent: "Counter", host: "127.0.0.1:1", startClosed: true });
  void client.call("waits").catch(() => {});
  expect(vi.getTimerCount()).toBe(0);
  client.reconnect();
  expect(vi.getTimerCount()).toBe(1);
  client.close();
  expect(vi.getTimerCount()).toBe(0);
});

it("waits for hello on every connection anew", async () => {
  const agent = await fakeAgent();
  fakeTime();
  const client = agent.client();
  await vi.advanceTimersByTimeAsync(1);
  // It is lost before the agent has said anything.
  (await agent.accepted()).drop();
  await event(client, "close");
  await vi.advanceTimersByTimeAsync(1);
  const peer = await agent.accepted();
  while (client.readyState !== client.OPEN) await new Promise(setImmediate);
  await vi.advanceTimersByTimeAsync(99);
  client.setState({ n: 1 });
  peer.greet({ revision: 0 });
  expect(await peer.received()).toMatchObject({ state: { n: 1 }, writeId: expect.any(String) });
});

it("gives an agent that says nothing a moment to say hello, then sends what waits as documented", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  const stream = client.stream("count");
  client.setState({ n: 1 });
  const peer: Peer = await agent.accepted();
  expect(await peer.received()).toEqual({ type: "rpc", id: expect.any(String), method: "count", args: [] });
  expect(await peer.received()).toEqual({ type: "cf_agent_state", state: { n: 1 } });
  client.close();
  await expect(stream.final).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
});
