import { expect, it, vi } from "vitest";
import { AgentError } from "../protocol/errors";
import { event, fakeAgent } from "./fake-agent.node";

it("says why it stays closed, until reconnect()", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const seen: unknown[] = [];
  client.subscribe(() => seen.push(client.getSnapshot().connectionError));
  peer.close(4003, "Trial over");
  await event(client, "close");
  const { connectionError } = client;
  expect(AgentError.isInstance(connectionError, "CONNECTION_CLOSED")).toBe(true);
  expect(connectionError).toMatchObject({
    closeCode: 4003,
    reason: "Trial over",
    message: "The agent closed the connection for good (4003: Trial over)"
  });
  client.reconnect();
  expect(client.connectionError).toBeUndefined();
  (await agent.accepted()).greet();
  await client.ready;
  expect(seen).toEqual([connectionError, undefined, undefined]);
});

it("has no such reason while it connects again by itself, nor after close()", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  peer.drop();
  await event(client, "close");
  expect(client.connectionError).toBeUndefined();
  (await agent.accepted()).greet();
  await client.ready;
  client.close();
  expect(client.connectionError).toBeUndefined();
});

it("has none after the one attempt more that a query function gets, if that works", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({ query: async () => ({ token: "t" }) });
  peer.close(4001);
  await event(client, "close");
  expect(client.connectionError).toBeUndefined();
  const second = await agent.accepted();
  second.close(4001, "Still no");
  await event(client, "close");
  expect(client.connectionError).toMatchObject({ closeCode: 4001, reason: "Still no" });
});

// proves client-sdk#onError
it("gives up after maxRetries, with its calls", async () => {
  const agent = await fakeAgent();
  agent.isDown = true;
  const onError = vi.fn();
  const client = agent.client({ maxRetries: 2, onError });
  await expect(client.call("never")).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  expect([onError.mock.calls.length, client.readyState, client.connectionError?.closeCode]).toEqual([
    3,
    client.CLOSED,
    1006
  ]);
  agent.isDown = false;
  client.reconnect();
  (await agent.accepted()).greet();
  await client.ready;
});

it.each([
  [0, 1],
  [undefined, 2]
])("with minUptime %s, counts %i attempts in a row when two short connections are lost", async (minUptime, count) => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({ minUptime });
  peer.drop();
  const second = await agent.accepted();
  second.greet();
  await client.ready;
  second.drop();
  await event(client, "close");
  expect(client.retryCount).toBe(count);
});

it("asks for one query when reconnect() is called twice", async () => {
  const agent = await fakeAgent();
  const query = vi.fn(async () => ({}));
  const client = agent.client({ query });
  client.reconnect();
  client.reconnect();
  (await agent.accepted()).greet();
  await client.ready;
  expect(query).toHaveBeenCalledOnce();
});

it("closes with a code that programs must not use, all the same", async () => {
  const agent = await fakeAgent();
  const { client } = await agent.connected();
  const onClose = vi.fn();
  client.onclose = onClose;
  client.close(1001, "no");
  expect(onClose).toHaveBeenCalledOnce();
  expect(client.readyState).toBe(client.CLOSED);
});

it("gives up an attempt that takes too long", async () => {
  const agent = await fakeAgent();
  const onError = vi.fn();
  const query = vi.fn(async () => ({}));
  class Stuck extends EventTarget {
    readyState = 0;
    close() {
      this.readyState = 3;
    }
  }
  const client = agent.client({ WebSocket: Stuck, connectionTimeout: 5, query, onError });
  await vi.waitUntil(() => query.mock.calls.length > 2);
  client.close();
  expect(onError.mock.calls[0]![0].message).toBe("TIMEOUT");
});

it("takes bytes as the program wants them", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  client.binaryType = "arraybuffer";
  const peer = await agent.accepted();
  const message = event(client, "message");
  peer.send(new Uint8Array([1, 2]));
  expect([client.binaryType, [...new Uint8Array((await message).data)]]).toEqual(["arraybuffer", [1, 2]]);
});
