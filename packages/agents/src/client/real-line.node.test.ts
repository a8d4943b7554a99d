// Our client and our agent on the real runtime, with a line between them that goes dead without a word.
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { AgentClient } from "./agent-client";
import { lossyProxy } from "./lossy-proxy.node";
import type { AgentClientOptions } from "./options";
import { realAgent } from "./real-agent.node";

let agent: Awaited<ReturnType<typeof realAgent>>;
beforeAll(async () => {
  agent = await realAgent();
}, 30_000);
afterAll(() => agent.stop());

type State = { count: number };
let names = 0;

/** A client that is connected through a line which can be broken, with time that passes when the test says so. */
async function connected(options: Partial<AgentClientOptions<State>> = {}) {
  const line = await lossyProxy(agent.host);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const window = new EventTarget();
  Object.assign(globalThis, { window });
  const name = `line-${names++}`;
  const client = new AgentClient<State>({ agent: "Counter", name, host: line.host, ...options });
  onTestFinished(() => {
    client.close();
    vi.useRealTimers();
    Reflect.deleteProperty(globalThis, "window");
  });
  await vi.advanceTimersByTimeAsync(1);
  await client.ready;
  expect(await client.call<number>("add", [1])).toBe(1);
  return { client, line, window };
}

it("is replaced within 40 s when nothing arrives, and what was not sent is sent then, in order", async () => {
  const codes: number[] = [];
  const { client, line } = await connected({ onClose: ({ code }) => codes.push(code) });
  // It is alive: the runtime answers, and nothing happens.
  for (let n = 0; n < 4; n++) {
    await vi.advanceTimersByTimeAsync(25_000);
    expect(await client.call<number>("connections")).toBe(1);
  }
  line.swallow();
  const lost = client.call<number>("add", [100]).catch((error: { code: string }) => error.code);
  await vi.advanceTimersByTimeAsync(34_999);
  expect([codes, client.identified]).toEqual([[], true]);
  await vi.advanceTimersByTimeAsync(1);
  expect([await lost, codes, client.identified]).toEqual(["CONNECTION_CLOSED", [3008], false]);
  // Before there is another connection.
  client.send("first");
  client.setState({ count: 5 });
  client.send("second");
  const sum = client.call<number>("add", [1]);
  client.send("third");
  await vi.advanceTimersByTimeAsync(1);
  await client.ready;
  // It is stored before the call, and the call before the last message.
  expect([await sum, client.state]).toEqual([6, { count: 6 }]);
  expect(await client.call<string[]>("messages")).toEqual(["first", "second", "third"]);
});

it("is asked at once when the network is back, and replaced 5 s later", async () => {
  const { client, line, window } = await connected();
  await vi.advanceTimersByTimeAsync(1000);
  line.swallow();
  window.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(4999);
  expect(client.identified).toBe(true);
  await vi.advanceTimersByTimeAsync(2);
  expect(client.identified).toBe(false);
  await client.ready;
  expect(await client.call<number>("add", [1])).toBe(2);
});

it("stays when it is alive and the network is back", async () => {
  const onClose = vi.fn();
  const { client, window } = await connected({ onClose });
  window.dispatchEvent(new Event("online"));
  expect(await client.call<number>("connections")).toBe(1);
  await vi.advanceTimersByTimeAsync(24_000);
  expect([onClose.mock.calls, client.identified]).toEqual([[], true]);
});

it("is replaced for a call that may run twice, which is sent again", async () => {
  const { client, line, window } = await connected();
  line.swallow();
  const sum = client.call<number>("add", [1], { idempotent: true });
  window.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(5001);
  expect(await sum).toBe(2);
});
