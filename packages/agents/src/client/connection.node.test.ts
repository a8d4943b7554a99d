import { expect, it, onTestFinished, vi } from "vitest";
import { AgentClient } from "./agent-client";
import { event, fakeAgent, through } from "./fake-agent.node";

// proves agents-api#AgentClient, websockets#AgentClient, client-sdk#AgentClient, client-sdk#query
// proves client-sdk#option-agent, client-sdk#option-query, client-sdk#option-path, routing#client-agent
it("connects to the agent's address with its id and query", async () => {
  const agent = await fakeAgent();
  const client = agent.client({
    agent: "ChatRoom",
    name: "lobby",
    path: "live",
    query: { token: "t", none: undefined }
  });
  const { url } = await agent.accepted();
  expect(url.pathname).toBe("/agents/chat-room/lobby/live");
  expect(Object.fromEntries(url.searchParams)).toEqual({ _pk: client.id, _agents_ext: "1", token: "t" });
});

// proves client-sdk#AgentClient-agent, client-sdk#AgentClient-name, routing#ready, routing#client-onIdentity
// proves routing#agent-ignored
it("is ready when the agent has said which instance it is", async () => {
  const agent = await fakeAgent();
  const onIdentity = vi.fn();
  const client = agent.client({ agent: "UserAgent", basePath: "user", onIdentity });
  expect([client.agent, client.name, client.identified]).toEqual(["user-agent", "default", false]);
  const peer = await agent.accepted();
  expect(peer.url.pathname).toBe("/user");
  peer.greet({ agent: "user-agent", name: "user-123" });
  await client.ready;
  expect([client.agent, client.name, client.identified]).toEqual(["user-agent", "user-123", true]);
  expect(onIdentity.mock.calls).toEqual([["user-123", "user-agent"]]);
});

// proves client-sdk#backoff, callable-methods#ready-to-retry
it("has a new ready after each loss, which keeps waiting while connections fail", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const first = client.ready;
  peer.drop();
  await event(client, "close");
  const second = client.ready;
  expect(second).not.toBe(first);
  expect(client.identified).toBe(false);
  (await agent.accepted()).drop();
  await event(client, "close");
  expect(client.ready).toBe(second);
  (await agent.accepted()).greet();
  await second;
  expect(client.identified).toBe(true);
});

// proves client-sdk#query-async, client-sdk#query-fresh-on-reconnect
it("keeps its id and asks for the query again on every attempt", async () => {
  const agent = await fakeAgent();
  let count = 0;
  const client = agent.client({ query: async () => ({ token: `t${++count}` }) });
  const first = await agent.accepted();
  first.drop();
  const second = await agent.accepted();
  expect([first, second].map(({ url }) => url.searchParams.get("token"))).toEqual(["t1", "t2"]);
  expect(second.url.searchParams.get("_pk")).toBe(client.id);
});

it("reports a query that fails, and tries again", async () => {
  const agent = await fakeAgent();
  const onError = vi.fn();
  const query = vi.fn(async () => ({ token: "t" })).mockRejectedValueOnce(new Error("no token"));
  agent.client({ query, onError });
  const peer = await agent.accepted();
  expect(onError.mock.calls.map(([error]) => error.message)).toEqual(["no token"]);
  expect(peer.url.searchParams.get("token")).toBe("t");
});

it("does not use a query that was asked for before reconnect()", async () => {
  const agent = await fakeAgent();
  const answers: ((token: string) => void)[] = [];
  const query = vi.fn(() => new Promise<{ token: string }>((resolve) => answers.push((token) => resolve({ token }))));
  const client = agent.client({ query });
  await vi.waitUntil(() => answers.length === 1);
  client.reconnect();
  answers[0]!("old");
  await vi.waitUntil(() => answers.length === 2);
  answers[1]!("new");
  expect((await agent.accepted()).url.searchParams.get("token")).toBe("new");
});

it.each([1008, 4001])("stays closed after %i, until it is told to reconnect", async (code) => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({ query: { token: "old" } });
  peer.close(code);
  await event(client, "close");
  expect([client.shouldReconnect, client.readyState]).toEqual([false, client.CLOSED]);
  client.reconnect();
  (await agent.accepted()).greet();
  await client.ready;
});

// proves guide-cross-domain-auth#refresh-after-refusal
it("asks a query function once more after a refusal, then stays closed; reconnect() starts over", async () => {
  const agent = await fakeAgent();
  const query = vi.fn(async () => ({ token: "t" }));
  const client = agent.client({ query });
  for (const again of [true, false]) {
    (await agent.accepted()).close(4001);
    await event(client, "close");
    expect(client.shouldReconnect).toBe(again);
  }
  expect(query).toHaveBeenCalledTimes(2);
  client.reconnect();
  (await agent.accepted()).close(4001);
  await event(client, "close");
  expect(client.shouldReconnect).toBe(true);
});

it("leaves that decision to shouldReconnectOnClose", async () => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected({ shouldReconnectOnClose: ({ code }) => code === 4001 });
  peer.close(4001);
  expect((await agent.accepted()).url.searchParams.get("_pk")).toBe(client.id);
});

it("reconnects on request whatever code it closes with", async () => {
  const agent = await fakeAgent();
  const { client } = await agent.connected();
  client.reconnect(4000, "switch");
  expect((await agent.accepted()).url.searchParams.get("_pk")).toBe(client.id);
});

// proves routing#client-onIdentityChange
it("tells that a reconnect led to another instance, whose state is not known yet", async () => {
  const agent = await fakeAgent();
  const onIdentityChange = vi.fn();
  const { client, peer } = await agent.connected({ onIdentityChange });
  peer.send({ type: "cf_agent_state", state: { n: 1 } });
  await through(client, peer);
  peer.drop();
  (await agent.accepted()).greet({ name: "other" });
  await client.ready;
  expect(onIdentityChange.mock.calls).toEqual([["default", "other", "counter", "counter"]]);
  expect(client.state).toBeUndefined();
});

it.each([
  ["one of ours", { revision: 1 }],
  ["a documented one", {}]
])("does not give to another instance what waited for the one before (%s)", async (_name, greeting) => {
  const agent = await fakeAgent();
  const [onStateUpdateError, refused] = [vi.fn(), vi.fn()];
  const options = { onIdentityChange() {}, onStateUpdateError };
  const { client, peer } = await agent.connected(options, { state: { owner: "ann" }, ...greeting });
  peer.drop();
  await event(client, "close");
  client.send("for ann", refused);
  client.setState({ owner: "ann", draft: true });
  const call = client.call("forAnn", [], { idempotent: true });
  client.addEventListener("open", () => client.send("hello"), { once: true });
  const second = await agent.accepted();
  second.greet({ name: "bob", state: { owner: "bob" }, epoch: "f", ...greeting });
  const elsewhere = { code: "CONNECTION_CLOSED", message: "Connection closed: the next one led to another instance" };
  await expect(call).rejects.toMatchObject(elsewhere);
  await through(client, second);
  expect([await second.received(), client.state]).toEqual(["hello", { owner: "bob" }]);
  expect(refused.mock.calls).toEqual([[expect.objectContaining(elsewhere)]]);
  expect(onStateUpdateError.mock.calls).toEqual([[elsewhere.message, expect.objectContaining(elsewhere)]]);
  client.send("next");
  expect(await second.received()).toBe("next");
});

// proves routing#identity-warning
it("warns of another instance when the program does not handle it, and not of the same", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  peer.drop();
  const second = await agent.accepted();
  second.greet();
  await client.ready;
  expect(warn).not.toHaveBeenCalled();
  second.drop();
  (await agent.accepted()).greet({ name: "other" });
  await client.ready;
  expect(warn).toHaveBeenCalledOnce();
});

it("gives every message to listeners, frames applied, and to onMessage what is not a frame", async () => {
  const agent = await fakeAgent();
  const onMessage = vi.fn();
  const client = agent.client({ onMessage });
  const heard: unknown[] = [];
  client.addEventListener("message", ({ data }) => heard.push([data, client.state]));
  const peer = await agent.accepted();
  peer.send('{"type":"cf_agent_state","state":1}');
  peer.send('{"type":"mine"}');
  await through(client, peer);
  expect(heard.slice(0, 2)).toEqual([
    ['{"type":"cf_agent_state","state":1}', 1],
    ['{"type":"mine"}', 1]
  ]);
  expect(onMessage.mock.calls[0]![0].data).toBe('{"type":"mine"}');
});

it.each([
  "hello",
  "{",
  "null",
  "[]",
  "{}",
  '{"type":1}',
  '{"type":"constructor"}',
  '{"type":"cf_agent_identity"}',
  '{"type":"cf_agent_identity","name":1,"agent":"a"}',
  '{"type":"cf_agent_state"}',
  '{"type":"cf_agent_state_error"}',
  '{"type":"cf_agent_mcp_servers","mcp":[]}',
  '{"type":"rpc"}',
  '{"type":"rpc","id":"1"}',
  '{"type":"rpc","id":"1","success":false}',
  '{"type":"rpc","id":"nobody","success":true,"done":true}'
])("is not disturbed by %s", async (message) => {
  const agent = await fakeAgent();
  const { client, peer } = await agent.connected();
  const before = client.getSnapshot();
  peer.send(message);
  peer.send(new Uint8Array([1, 2]));
  await through(client, peer);
  expect(client.getSnapshot()).toBe(before);
});

it("takes a message whose type is a word of JavaScript for a message", async () => {
  const agent = await fakeAgent();
  const onMessage = vi.fn();
  const { client, peer } = await agent.connected({ onMessage });
  onMessage.mockClear();
  peer.send({ type: "constructor" });
  await through(client, peer);
  expect(onMessage.mock.calls[0]![0].data).toBe('{"type":"constructor"}');
});

// proves client-sdk#onOpen, client-sdk#onClose
it("tells when it opens and closes, and of the agent's MCP servers", async () => {
  const agent = await fakeAgent();
  const heard: string[] = [];
  const note = (text: string) => () => void heard.push(text);
  const { client } = await agent.connected({ onOpen: note("open"), onClose: note("close"), onMcpUpdate: note("mcp") });
  client.close();
  expect(heard).toEqual(["open", "mcp", "close"]);
});

// proves client-sdk#option-host
it("needs a host where there is no page, at once or when it connects", () => {
  expect(() => new AgentClient({ agent: "Counter" })).toThrow(
    expect.objectContaining({ code: "CLIENT_OPTIONS_INVALID" })
  );
  const client = new AgentClient({ agent: "Counter", startClosed: true });
  expect(client.readyState).toBe(client.CLOSED);
  expect(() => client.reconnect()).toThrow(expect.objectContaining({ code: "CLIENT_OPTIONS_INVALID" }));
});

it("waits for reconnect() when it starts closed", async () => {
  const agent = await fakeAgent();
  const client = agent.client({ startClosed: true });
  client.send("waiting");
  client.reconnect();
  expect(client.readyState).toBe(client.CONNECTING);
  expect(await (await agent.accepted()).received()).toBe("waiting");
});

it("sends HTTP requests to the same address, with a fresh query and without the connection's id", async () => {
  const fetch = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response("[]"));
  onTestFinished(() => fetch.mockRestore());
  const client = new AgentClient({
    agent: "Chat",
    name: "c",
    host: "example.com",
    path: "x",
    query: async () => ({ t: 1 }),
    startClosed: true
  });
  await client.fetch("get-messages", { method: "POST" });
  await client.fetch();
  expect(fetch.mock.calls).toEqual([
    ["https://example.com/agents/chat/c/x/get-messages?t=1", { method: "POST" }],
    ["https://example.com/agents/chat/c/x?t=1", undefined]
  ]);
});
