// Calls to an agent that takes part in the extensions of the protocol.
import { expect, it, onTestFinished, vi } from "vitest";
import { fakeAgent, through } from "./fake-agent.node";

const extended = { revision: 0 };
const chunk = (id: string, value: unknown) => ({ type: "rpc", id, success: true, result: value, done: false });
const final = (id: string, value?: unknown) => ({ type: "rpc", id, success: true, result: value, done: true });
const failure = (id: string, error: string, code?: string) => ({ type: "rpc", id, success: false, error, code });
const cancel = (id: string) => ({ type: "cf_agent_rpc_cancel", id });
const credit = (id: string, count: number) => ({ type: "cf_agent_rpc_credit", id, credit: count });

it("cancels when the signal is aborted, and drops the answer", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const { signal, abort } = aborting();
  const call = client.call("slow", [], { signal });
  const { id } = await peer.received();
  abort("no longer needed");
  const error = { code: "CALL_CANCELLED", message: "RPC call to slow was cancelled", cause: "no longer needed" };
  await expect(call).rejects.toMatchObject(error);
  expect(await peer.received()).toEqual(cancel(id));
  peer.send(failure(id, "cancelled"));
  await through(client, peer);
});

it("does not call at all when the signal is aborted before there is a connection", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  const early = aborting();
  early.abort();
  await expect(client.call("a", [], { signal: early.signal })).rejects.toMatchObject({ code: "CALL_CANCELLED" });
  const late = aborting();
  const call = client.call("b", [], { signal: late.signal });
  late.abort();
  await expect(call).rejects.toMatchObject({ code: "CALL_CANCELLED" });
  client.send("next");
  const peer = await agent.accepted();
  peer.greet(extended);
  expect(await peer.received()).toBe("next");
});

it("leaves a signal alone when the call has ended", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const { signal, abort } = aborting();
  const forgotten = vi.spyOn(signal, "removeEventListener");
  const call = client.call("quick", [], { signal });
  peer.send(final((await peer.received()).id, 1));
  expect(await call).toBe(1);
  expect(forgotten).toHaveBeenCalledOnce();
  abort();
  client.send("next");
  expect(await peer.received()).toBe("next");
});

it("cancels when the time is up", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const call = client.call("slow", [], { timeout: 5000 });
  const { id } = await peer.received();
  vi.advanceTimersByTime(5000);
  await expect(call).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
  expect(await peer.received()).toEqual(cancel(id));
});

it("does not tell an agent that would not understand", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const { signal, abort } = aborting();
  const call = client.call("slow", [], { signal, stream: { onChunk() {} } });
  const { id, ...frame } = await peer.received();
  expect(frame).toEqual({ type: "rpc", method: "slow", args: [] });
  for (let n = 0; n < 40; n++) peer.send(chunk(id, n));
  await through(client, peer);
  abort();
  await expect(call).rejects.toMatchObject({ code: "CALL_CANCELLED" });
  client.send("next");
  expect(await peer.received()).toBe("next");
});

it("rejects with the code of the agent's error, and without one with CALL_FAILED", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const calls = [client.call("a"), client.call("b")];
  peer.send(failure((await peer.received()).id, "Too large", "STATE_TOO_LARGE"));
  peer.send(failure((await peer.received()).id, "Own"));
  await expect(calls[0]).rejects.toMatchObject({ code: "STATE_TOO_LARGE", message: "Too large" });
  await expect(calls[1]).rejects.toMatchObject({ code: "CALL_FAILED", message: "Own" });
});

it("sends an idempotent call again with the same id, before what waited, and rejects the others", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const [first, second] = [client.call("a", [1], { idempotent: true }), client.call("b", [], { idempotent: true })];
  const other = client.call("c");
  const sent = [await peer.received(), await peer.received(), await peer.received()];
  peer.drop();
  await expect(other).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  client.send("waited");
  const next = await agent.accepted();
  next.greet(extended);
  const again = [await next.received(), await next.received()];
  expect(again).toEqual(sent.slice(0, 2));
  expect(await next.received()).toBe("waited");
  for (const { id, method } of again) next.send(final(id, method));
  expect(await Promise.all([first, second])).toEqual(["a", "b"]);
});

it.each([
  ["the agent has begun to stream", 1006],
  ["the connection broke of it", 1009]
])("does not send an idempotent call again when %s", async (_, code) => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const call = client.call("a", [], { idempotent: true, stream: { onChunk() {} } });
  const { id } = await peer.received();
  if (code === 1006) {
    peer.send(chunk(id, 1));
    await through(client, peer);
    peer.drop();
  } else peer.close(code);
  await expect(call).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
});

it("rejects an idempotent call when it is closed for good", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const call = client.call("a", [], { idempotent: true });
  await peer.received();
  peer.close(4001);
  await expect(call).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
});

it("gives credit to a call with callbacks as values arrive, and none is asked of one without", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  void client.call("plain").catch(() => {});
  expect(await peer.received()).not.toHaveProperty("credit");
  const onChunk = vi.fn();
  const call = client.call("count", [], { stream: { onChunk } });
  const { id, credit: first } = await peer.received();
  expect(first).toBe(32);
  for (let n = 0; n < 40; n++) peer.send(chunk(id, n));
  expect(await peer.received()).toEqual(credit(id, 16));
  expect(await peer.received()).toEqual(credit(id, 16));
  peer.send(final(id, "end"));
  expect(await call).toBe("end");
  expect(onChunk).toHaveBeenCalledTimes(40);
});

it("reads a stream in a loop, and then what it ends with", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const stream = client.stream("count", [3]);
  const { id, method, args, credit: first } = await peer.received();
  expect([method, args, first]).toEqual(["count", [3], 32]);
  const read = collect(stream);
  for (const n of [1, 2, 3]) peer.send(chunk(id, n));
  peer.send(final(id, "end"));
  expect(await read).toEqual([1, 2, 3]);
  expect(await stream.final).toBe("end");
  client.send("next");
  expect(await peer.received()).toBe("next");
});

it("gives credit as the reader reads", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const stream = client.stream("count");
  const { id } = await peer.received();
  for (let n = 0; n < 32; n++) peer.send(chunk(id, n));
  await through(client, peer);
  client.send("nothing before");
  expect(await peer.received()).toBe("nothing before");
  const values = stream[Symbol.asyncIterator]();
  for (let n = 0; n < 17; n++) expect(await values.next()).toEqual({ done: false, value: n });
  expect(await peer.received()).toEqual(credit(id, 16));
  peer.send(final(id));
  await expect(stream.final).resolves.toBeUndefined();
  expect((await collect({ [Symbol.asyncIterator]: () => values })).length).toBe(15);
});

it("cancels when the loop is left", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const stream = client.stream("count");
  const { id } = await peer.received();
  peer.send(chunk(id, 1));
  for await (const _ of stream) break;
  expect(await peer.received()).toEqual(cancel(id));
  await expect(stream.final).rejects.toMatchObject({ code: "CALL_CANCELLED" });
});

it("throws in the loop, after the values before, what the stream failed with", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const stream = client.stream("count");
  const { id } = await peer.received();
  peer.send(chunk(id, 1));
  peer.send(failure(id, "mid"));
  await through(client, peer);
  const read: unknown[] = [];
  const reading = (async () => {
    for await (const value of stream) read.push(value);
  })();
  await expect(reading).rejects.toMatchObject({ code: "CALL_FAILED", message: "mid" });
  expect(read).toEqual([1]);
});

it.each(["a signal", "a timeout", "a lost connection"])("ends a waiting loop by %s", async (by) => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({}, extended);
  const { signal, abort } = aborting();
  const stream = client.stream("count", [], { signal, ...(by === "a timeout" && { timeout: 1 }) });
  const code = { "a signal": "CALL_CANCELLED", "a timeout": "CALL_TIMEOUT" }[by] ?? "CONNECTION_CLOSED";
  const failed = collect(stream).catch((error: unknown) => error);
  await peer.received();
  if (by === "a signal") abort();
  if (by === "a lost connection") peer.drop();
  expect(await failed).toMatchObject({ code });
});

it("is silent when nobody looks at a stream that fails", async () => {
  const agent = await fakeAgent();
  const { client } = await agent.connected({}, extended);
  client.stream("count", [1n]);
  client.stream("count");
  client.close();
  await expect(client.stream("count").final).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
});

it("streams from an agent that knows no credit", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  const stream = client.stream("count");
  const peer = await agent.accepted();
  peer.greet();
  const { id, credit: first } = await peer.received();
  expect(first).toBeUndefined();
  for (let n = 0; n < 100; n++) peer.send(chunk(id, n));
  peer.send(final(id));
  expect((await collect(stream)).length).toBe(100);
});

function aborting(): { signal: AbortSignal; abort(reason?: string): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason = "aborted") => controller.abort(reason) };
}

async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const collected: Value[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}

it("says whether the agent at the other end of this connection takes part in the extensions", async () => {
  const agent = await fakeAgent();
  const client = agent.client({ minReconnectionDelay: 1 });
  expect(client.extended).toBe(undefined);
  for (const isExtended of [true, false]) {
    const peer = await agent.accepted();
    if (isExtended) peer.greet({ revision: 0 });
    else peer.send({ type: "cf_agent_identity", name: "a", agent: "counter" });
    await client.ready;
    expect(client.extended).toBe(isExtended);
    client.reconnect();
    expect(client.extended).toBe(undefined);
  }
});
