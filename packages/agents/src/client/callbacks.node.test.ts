import { expect, it, vi } from "vitest";
import { event, fakeAgent, through } from "./fake-agent.node";

// proves client-sdk#event-open, client-sdk#event-close, client-sdk#event-error, client-sdk#event-message
it("has the events of a WebSocket, with what they say", async () => {
  const agent = await fakeAgent();
  const client = agent.client();
  const heard: unknown[] = [];
  client.addEventListener("open", () => heard.push("open"));
  client.addEventListener("message", ({ data }) => heard.push(data));
  client.addEventListener("error", () => heard.push("error"));
  client.addEventListener("close", ({ code, reason }) => heard.push([code, reason]));
  const peer = await agent.accepted();
  peer.send("hello");
  agent.isDown = true;
  peer.close(4000, "over");
  await event(client, "close");
  expect(heard).toEqual(["open", "hello", [4000, "over"]]);
  client.reconnect();
  await event(client, "error");
  expect(heard).toContain("error");
});

// proves client-sdk#onMcpUpdate
it("tells what the agent says of its MCP servers: the servers, and what they offer", async () => {
  const agent = await fakeAgent();
  const onMcpUpdate = vi.fn();
  const { client, peer } = await agent.connected({ onMcpUpdate });
  onMcpUpdate.mockClear();
  const server = { name: "docs", server_url: "https://mcp.example", auth_url: null, state: "ready" };
  const mcp = { servers: { s1: server }, tools: [{ name: "search" }], prompts: [], resources: [] };
  peer.send({ type: "cf_agent_mcp_servers", mcp });
  await through(client, peer);
  expect(onMcpUpdate.mock.calls).toEqual([[mcp]]);
});

// proves client-sdk#state-on-every-connection, client-sdk#onClose-then-reconnects
it("tells of the state that an agent sends on each connection, with nothing that the program has to do", async () => {
  const agent = await fakeAgent();
  const onStateUpdate = vi.fn();
  const onClose = vi.fn();
  const { client, peer } = await agent.connected({ onStateUpdate, onClose }, { state: { n: 1 } });
  peer.drop();
  const second = await agent.accepted();
  second.greet({ state: { n: 2 } });
  await through(client, second);
  expect(onStateUpdate.mock.calls).toEqual([
    [{ n: 1 }, "server"],
    [{ n: 2 }, "server"]
  ]);
  expect(onClose).toHaveBeenCalledOnce();
});

// proves routing#no-identity-identified, routing#no-identity-ready, routing#no-identity-callbacks
// proves routing-older#no-identity
it("of an agent that does not say who it is, knows the state and calls, and is never ready", async () => {
  const agent = await fakeAgent();
  const [onIdentity, onIdentityChange, ready] = [vi.fn(), vi.fn(), vi.fn()];
  const client = agent.client({ onIdentity, onIdentityChange });
  void client.ready.then(ready);
  for (const n of [1, 2]) {
    const peer = await agent.accepted();
    peer.send({ type: "cf_agent_state", state: { n } });
    await through(client, peer);
    const call = client.call("whoever");
    const { id } = await peer.received();
    peer.send({ type: "rpc", id, success: true, result: "you are", done: true });
    expect([await call, client.state, client.identified]).toEqual(["you are", { n }, false]);
    if (n === 1) peer.drop();
  }
  expect([onIdentity, onIdentityChange, ready].map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0]);
});

// proves client-sdk#AgentClient-send, client-sdk#AgentClient-close, client-sdk#AgentClient-reconnect
it("sends text as it is, closes for good, and connects anew when it is told to", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  client.send("raw {");
  expect(await peer.received()).toBe("raw {");
  client.reconnect();
  const second = await agent.accepted();
  second.greet();
  await client.ready;
  expect(second.url.searchParams.get("_pk")).toBe(client.id);
  client.close();
  expect([client.shouldReconnect, client.identified]).toEqual([false, false]);
});
