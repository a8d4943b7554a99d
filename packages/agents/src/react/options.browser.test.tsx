import { expect, it } from "vitest";
import { render, renderHook } from "vitest-browser-react";
import { fakeSockets } from "./fake-socket";
import { useAgent, type UseAgentOptions } from ".";

// What the page "Client SDK" says of the hook's options and of what it returns, one by one.

type State = { count: number };

/** The hook, and the end of the agent for its first connection. */
async function connected(options: Partial<UseAgentOptions<State>> = {}) {
  const sockets = fakeSockets();
  const fixed = { agent: "MyCounter", host: "fake.example.com", WebSocket: sockets.WebSocket, minReconnectionDelay: 1 };
  const hook = await renderHook(() => useAgent<State>({ ...fixed, ...options }));
  const socket = await sockets.next();
  return { hook, socket, sockets, agent: hook.result.current };
}

// proves client-sdk#useAgent-agent, client-sdk#useAgent-name, client-sdk#useAgent-host, client-sdk#useAgent-path
// proves client-sdk#useAgent-query, routing#client-basePath, guide-cross-domain-auth#static-query
// proves guide-cross-domain-auth#async-query, guide-cross-domain-auth#other-host
// proves guide-cross-domain-auth#other-host-async, routing#agent-ignored
it.each<[Partial<UseAgentOptions<State>>, string]>([
  [{}, "wss://fake.example.com/agents/my-counter/default"],
  [{ name: "room" }, "wss://fake.example.com/agents/my-counter/room"],
  [{ host: "other.example.com" }, "wss://other.example.com/agents/my-counter/default"],
  [{ host: "https://my-agent.example.workers.dev" }, "wss://my-agent.example.workers.dev/agents/my-counter/default"],
  [{ path: "/custom/path" }, "wss://fake.example.com/agents/my-counter/default/custom/path"],
  [{ basePath: "user", name: "ignored" }, "wss://fake.example.com/user"],
  [{ query: { token: "abc123" } }, "wss://fake.example.com/agents/my-counter/default?token=abc123"],
  [{ query: async () => ({ token: "later" }) }, "wss://fake.example.com/agents/my-counter/default?token=later"]
])("with %j connects to %s", async (options, address) => {
  const { socket } = await connected(options);
  socket.url.searchParams.delete("_pk");
  socket.url.searchParams.delete("_agents_ext");
  expect(socket.url.href).toBe(address);
});

// proves client-sdk#useAgent-onOpen, client-sdk#useAgent-onClose, client-sdk#useAgent-onError
// proves client-sdk#useAgent-onMessage, client-sdk#useAgent-onStateUpdate, client-sdk#useAgent-onMcpUpdate
// proves routing#client-onIdentity, routing#client-onIdentityChange
it("calls back with what happens", async () => {
  const heard: unknown[] = [];
  const { socket, sockets, agent } = await connected({
    onOpen: () => heard.push("open"),
    onClose: () => heard.push("close"),
    onError: (error) => heard.push(error.type),
    onMessage: (message) => heard.push(message.data),
    onStateUpdate: (state, source) => heard.push([state, source]),
    onMcpUpdate: (servers) => heard.push(servers.tools),
    onIdentity: (name, type) => heard.push([name, type]),
    onIdentityChange: (...names) => heard.push(names)
  });
  socket.accept("one");
  socket.state({ count: 1 });
  agent.setState({ count: 2 });
  socket.dispatchEvent(new MessageEvent("message", { data: "raw" }));
  socket.dispatchEvent(new Event("error"));
  socket.drop();
  expect(heard).toEqual([
    "open",
    ["one", "counter"],
    [],
    [{ count: 1 }, "server"],
    [{ count: 2 }, "client"],
    "raw",
    "error",
    "close"
  ]);
  heard.length = 0;
  (await sockets.next()).accept("two");
  expect(heard).toEqual(["open", ["two", "counter"], ["one", "two", "counter", "counter"], []]);
});

it("reconnects as the latest render says, also with a token among the subprotocols", async () => {
  const sockets = fakeSockets();
  const fixed = { agent: "MyCounter", host: "fake.example.com", WebSocket: sockets.WebSocket, minReconnectionDelay: 1 };
  const hook = await renderHook(
    (props?: { token: string; again: boolean }) =>
      useAgent({ ...fixed, protocols: () => ["bearer", props!.token], shouldReconnectOnClose: () => props!.again }),
    { initialProps: { token: "old", again: true } }
  );
  const first = await sockets.next();
  first.accept();
  await hook.rerender({ token: "new", again: true });
  first.drop();
  const second = await sockets.next();
  expect([first.offered, second.offered]).toEqual([
    ["bearer", "old"],
    ["bearer", "new"]
  ]);
  second.accept();
  await hook.rerender({ token: "new", again: false });
  second.drop();
  expect(hook.result.current.shouldReconnect).toBe(false);
});

// proves client-sdk#hook-agent, client-sdk#hook-name, client-sdk#hook-setState, client-sdk#hook-call
// proves client-sdk#hook-stub, client-sdk#hook-send, client-sdk#hook-close, client-sdk#hook-reconnect
it("returns what a component works with", async () => {
  const { socket, sockets, agent, hook } = await connected({ name: "room" });
  expect([agent.agent, agent.name]).toEqual(["my-counter", "room"]);
  socket.accept("room");
  agent.setState({ count: 3 });
  agent.send("raw");
  const calls = [agent.call("add", [1, 2]), agent.stub.add!(3, 4)];
  const [, , ...sent] = socket.sent as { id: string; method: string; args: unknown[] }[];
  expect(socket.sent.slice(0, 2)).toEqual([{ type: "cf_agent_state", state: { count: 3 } }, "raw"]);
  expect(sent.map(({ method, args }) => [method, args])).toEqual([
    ["add", [1, 2]],
    ["add", [3, 4]]
  ]);
  for (const { id } of sent) socket.say({ type: "rpc", id, success: true, result: id, done: true });
  expect(await Promise.all(calls)).toEqual(sent.map(({ id }) => id));
  agent.reconnect();
  const second = await sockets.next();
  second.accept("room");
  agent.close();
  expect([socket.readyState, second.readyState, hook.result.current.identified]).toEqual([3, 3, false]);
});

// proves routing#hook-name, routing#hook-agent, routing#hook-identified, routing#hook-ready
it("renders who the agent is when it says so, and ready resolves", async () => {
  const sockets = fakeSockets();
  let ready: Promise<void> | undefined;
  function Identity() {
    const agent = useAgent({ agent: "UserAgent", basePath: "user", host: "x.example", WebSocket: sockets.WebSocket });
    ({ ready } = agent);
    return (
      <output>
        {agent.agent} {agent.identified ? agent.name : "Connecting..."}
      </output>
    );
  }
  const screen = await render(<Identity />);
  const output = screen.getByRole("status");
  await expect.element(output).toHaveTextContent("user-agent Connecting...");
  (await sockets.next()).accept("user-123");
  await expect.element(output).toHaveTextContent("counter user-123");
  await ready;
});
