import { expect, it, onTestFinished, vi } from "vitest";
import { event, fakeAgent, through, type Peer } from "./fake-agent.node";

const closed = { name: "AgentError", code: "CONNECTION_CLOSED", message: "Connection closed" };

/** Answers the next call. */
async function answer(peer: Peer, ...frames: object[]): Promise<{ method: string; args: unknown[] }> {
  const { id, method, args } = await peer.received();
  for (const frame of frames) peer.send({ type: "rpc", id, ...frame });
  return { method, args };
}

const result = (value: unknown) => ({ success: true, result: value, done: true });
const chunk = (value: unknown) => ({ success: true, result: value, done: false });
const failure = (error: string) => ({ success: false, error });

// proves agent-class-internals#client-stub, agents-api#stub, client-sdk#rpc, client-sdk#call, client-sdk#call-arguments
// proves client-sdk#stub, client-sdk#stub-arguments, client-sdk#AgentClient-call, callable-methods#stub
// proves callable-methods#call, callable-methods#client-call, callable-methods#client-stub
it("resolves with the result, by call and by stub", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const sums = [client.call("add", [1, 2]), client.stub.add!(3, 4)];
  expect(await answer(peer, result(3))).toEqual({ method: "add", args: [1, 2] });
  expect(await answer(peer, result(7))).toEqual({ method: "add", args: [3, 4] });
  expect(await Promise.all(sums)).toEqual([3, 7]);
});

// proves client-sdk#call-no-arguments, callable-methods#void
it("resolves with undefined for a method that returns nothing, and without `done` of an older agent", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const calls = [client.call("reset"), client.call("reset")];
  expect(await answer(peer, { success: true, done: true })).toEqual({ method: "reset", args: [] });
  await answer(peer, { success: true });
  expect(await Promise.all(calls)).toEqual([undefined, undefined]);
});

it("gives each call its own answer, in whatever order they come", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const calls = [client.call("a"), client.call("b")];
  const [a, b] = [await peer.received(), await peer.received()];
  peer.send({ type: "rpc", id: b.id, ...result("b") });
  peer.send({ type: "rpc", id: a.id, ...result("a") });
  expect(await Promise.all(calls)).toEqual(["a", "b"]);
});

// proves client-sdk#rpc-error, callable-methods#client-catch
it("rejects with the agent's message", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const call = client.call("risky");
  await answer(peer, failure("Invalid data format"));
  await expect(call).rejects.toMatchObject({ code: "CALL_FAILED", message: "Invalid data format" });
});

it("leaves out arguments at the end that are undefined, so that the method's defaults apply", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  void client.stub.list!(undefined, 2, undefined, undefined).catch(() => {});
  expect((await peer.received()).args).toEqual([null, 2]);
});

it("rejects, and sends nothing, when an argument is not JSON", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  await expect(client.call("add", [1n])).rejects.toThrow(TypeError);
  client.send("next");
  expect(await peer.received()).toBe("next");
});

// proves client-sdk#streaming, client-sdk#onChunk, client-sdk#onDone, callable-methods#options-stream
// proves callable-methods#options-legacy, callable-methods#stream-onChunk, callable-methods#stream-onDone
it.each(["stream", "legacy"])("streams, with the options in the %s form", async (form) => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const heard: unknown[] = [];
  const stream = {
    onChunk: (value: unknown) => heard.push(["chunk", value]),
    onDone: (value: unknown) => heard.push(["done", value]),
    onError: (message: string) => heard.push(["error", message])
  };
  const call = client.call("count", [2], form === "stream" ? { stream } : stream);
  await answer(peer, chunk(0), chunk(1), result("end"));
  expect(await call).toBe("end");
  expect(heard).toEqual([
    ["chunk", 0],
    ["chunk", 1],
    ["done", "end"]
  ]);
});

// proves client-sdk#stream-onError, client-sdk#stream-error, callable-methods#stream-onError
it("tells of an error in the middle of a stream, and of nothing after it", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const stream = { onChunk: vi.fn(), onDone: vi.fn(), onError: vi.fn() };
  const call = client.call("count", [], { stream });
  await answer(peer, chunk(1), failure("mid"), chunk(2), result(3));
  await expect(call).rejects.toMatchObject({ code: "CALL_FAILED", message: "mid" });
  await through(client, peer);
  expect(stream.onChunk.mock.calls).toEqual([[1]]);
  expect(stream.onError.mock.calls).toEqual([["mid"]]);
  expect(stream.onDone).not.toHaveBeenCalled();
});

// proves callable-methods#timeout
it("rejects when the time is up, and drops the answer that comes later", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const onError = vi.fn();
  const call = client.call("slow", [], { timeout: 5000, stream: { onError } });
  const other = client.call("slow", [], { timeout: 2 ** 40 });
  vi.advanceTimersByTime(4999);
  expect(onError).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  await expect(call).rejects.toMatchObject({
    code: "CALL_TIMEOUT",
    message: "RPC call to slow timed out after 5000ms"
  });
  expect(onError.mock.calls).toEqual([["RPC call to slow timed out after 5000ms"]]);
  await answer(peer, result(1));
  await answer(peer, result(2));
  expect(await other).toBe(2);
  const quick = client.call("quick", [], { timeout: 5000 });
  await answer(peer, result(3));
  await quick;
  expect(vi.getTimerCount()).toBe(0);
});

it("does not send a call whose time was up before there was a connection", async () => {
  const agent = await fakeAgent();
  const client = agent.client({ startClosed: true });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const call = client.call("slow", [], { timeout: 10 });
  client.send("next");
  vi.advanceTimersByTime(10);
  vi.useRealTimers();
  await expect(call).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
  client.reconnect();
  expect(await (await agent.accepted()).received()).toBe("next");
});

// proves callable-methods#connection-closed, callable-methods#ready-to-retry
it("rejects calls that were sent when the connection closes, with the new ready to wait for", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const onError = vi.fn();
  const call = client.call("long", [], { stream: { onError } });
  await peer.received();
  peer.drop();
  await expect(call).rejects.toMatchObject(closed);
  expect(onError.mock.calls).toEqual([["Connection closed"]]);
  const retry = client.ready.then(() => client.call("long"));
  const second = await agent.accepted();
  second.greet();
  await answer(second, result("done"));
  expect(await retry).toBe("done");
});

it("keeps what was not sent, in order, and sends it on the next connection", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  const early = [client.send("1"), client.setState({ n: 2 }), client.call("three"), client.send("4")];
  const first = await agent.accepted();
  expect(early[0]).toBe(false);
  const sent = [await first.received(), await first.received(), await first.received(), await first.received()];
  expect(sent.map((message) => message.method ?? message.state ?? message)).toEqual([1, { n: 2 }, "three", 4]);
  first.drop();
  await expect(early[2]).rejects.toMatchObject(closed);
  const call = client.call("five");
  client.send("6");
  const second = await agent.accepted();
  await answer(second, result("5"));
  expect(await second.received()).toBe(6);
  expect(await call).toBe("5");
});

it("keeps a call while attempts to connect fail", async () => {
  const agent = await fakeAgent();
  agent.isDown = true;
  const client = agent.client();
  const call = client.call("patient");
  await event(client, "close");
  agent.isDown = false;
  expect(await answer(await agent.accepted(), result("done"))).toMatchObject({ method: "patient" });
  expect(await call).toBe("done");
});

it("sends what waited before what a listener sends on opening", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  client.send("first");
  client.onopen = () => client.send("second");
  const peer = await agent.accepted();
  expect([await peer.received(), await peer.received()]).toEqual(["first", "second"]);
});

it("counts what waits in bufferedAmount", async () => {
  const agent = await fakeAgent();
  const client = agent.client({ startClosed: true });
  client.send("four");
  client.send(new Uint8Array(3));
  expect(client.bufferedAmount).toBe(7);
});

// proves client-sdk#close
it("rejects all calls when it is closed for good, and those made afterwards", async () => {
  const agent = await fakeAgent();
  const client = agent.client({ startClosed: true });
  const unsent = client.call("a");
  client.close();
  await expect(unsent).rejects.toMatchObject(closed);
  await expect(client.call("b")).rejects.toMatchObject(closed);
  client.reconnect();
  const again = client.call("c");
  expect(await answer(await agent.accepted(), result(1))).toMatchObject({ method: "c" });
  expect(await again).toBe(1);
});

it("rejects unsent calls when the agent refuses the connection", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  peer.close(4001);
  await event(client, "close");
  await expect(client.call("a")).rejects.toMatchObject(closed);
});

it("rejects every call even if one program's onError throws", async () => {
  const agent = await fakeAgent();
  const { client } = await agent.connected();
  const thrown = new Promise((resolve) => {
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => {
      for (const listener of listeners) process.on("uncaughtException", listener);
      resolve(error);
    });
  });
  const boom = new Error("boom");
  const calls = [
    client.call("a", [], {
      stream: {
        onError() {
          throw boom;
        }
      }
    }),
    client.call("b")
  ];
  client.close();
  for (const call of calls) await expect(call).rejects.toMatchObject(closed);
  expect(await thrown).toBe(boom);
});

it("has methods that work when they are taken out of it", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const { call, setState, send, stub } = client;
  const sum = call("add", [1, 2]);
  await answer(peer, result(3));
  expect(await sum).toBe(3);
  setState(1);
  send("2");
  void stub.three!().catch(() => {});
  expect([(await peer.received()).state, await peer.received(), (await peer.received()).method]).toEqual([
    1,
    2,
    "three"
  ]);
});

it("gives each call an id of its own, also those of two clients with one connection id, and after a loss", async () => {
  const agent = await fakeAgent();
  const ids: string[] = [];
  for (let n = 0; n < 2; n++) {
    const { client, peer } = await agent.connected({ id: "mine" });
    void client.call("one").catch(() => {});
    ids.push((await peer.received()).id);
    peer.drop();
    await event(client, "close");
    void client.call("two").catch(() => {});
    const second = await agent.accepted();
    second.greet();
    ids.push((await second.received()).id);
    client.close();
  }
  expect(new Set(ids).size).toBe(4);
});
