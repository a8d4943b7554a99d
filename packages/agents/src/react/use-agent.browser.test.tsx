import { StrictMode, useEffect, type ReactNode } from "react";
import { expect, it, onTestFinished, vi } from "vitest";
import { render, renderHook } from "vitest-browser-react";
import type { AgentClient } from "../client";
import { fakeSockets } from "./fake-socket";
import { useAgent, type UseAgentOptions } from ".";

type State = { count: number };

function setup(options: Partial<UseAgentOptions<State>> = {}) {
  const sockets = fakeSockets();
  // What does not change between renders.
  const fixed = { agent: "Counter", host: "fake.example.com", WebSocket: sockets.WebSocket, minReconnectionDelay: 1 };
  const use = (props: Partial<UseAgentOptions<State>> = options) => useAgent<State>({ ...fixed, ...props });
  return { sockets, use };
}

const closed = { code: "CONNECTION_CLOSED" };

// proves agents-api#useAgent, websockets#useAgent, client-sdk#useAgent, store-and-sync-state#useAgent
// proves store-and-sync-state#useAgent-setState, routing#hook-identified
it("renders the state and the identity, and again when they change", async () => {
  const { sockets, use } = setup({ basePath: "user" });
  function Counter() {
    const { state, name, identified, setState } = use();
    return (
      <button onClick={() => setState({ count: 10 })}>
        {identified ? name : "connecting"} {state?.count ?? "unknown"}
      </button>
    );
  }
  const screen = await render(<Counter />);
  const button = screen.getByRole("button");
  await expect.element(button).toHaveTextContent("connecting unknown");
  const socket = await sockets.next();
  socket.accept("user-1");
  await expect.element(button).toHaveTextContent("user-1 unknown");
  socket.state({ count: 1 });
  await expect.element(button).toHaveTextContent("user-1 1");
  await button.click();
  await expect.element(button).toHaveTextContent("user-1 10");
  expect(socket.sent).toEqual([{ type: "cf_agent_state", state: { count: 10 } }]);
  socket.drop();
  await expect.element(button).toHaveTextContent("connecting 10");
});

it("gives one client, and keeps its connection, through renders with new callbacks and an equal query", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook(() => use({ query: { token: "t" }, onOpen: () => {} }));
  const client = hook.result.current;
  (await sockets.next()).accept();
  await hook.rerender();
  await hook.rerender();
  expect(hook.result.current).toBe(client);
  expect(sockets.all).toHaveLength(1);
});

it("connects once in StrictMode, and stays connected", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook(() => use(), { wrapper: StrictMode });
  const socket = await sockets.next();
  socket.accept();
  await hook.result.current.ready;
  await macrotask();
  expect([sockets.all.length, socket.readyState]).toEqual([1, 1]);
});

it("answers a call that an effect makes in StrictMode, before there is a connection", async () => {
  const { sockets, use } = setup();
  const answers: unknown[] = [];
  function Child({ agent }: { agent: AgentClient }) {
    useEffect(() => {
      void agent.call("getPermissions").then((answer) => answers.push(answer));
    }, [agent]);
    return null;
  }
  const Parent = () => <Child agent={use()} />;
  await render(<Parent />, { wrapper: StrictMode });
  const socket = await sockets.next();
  socket.accept();
  expect(socket.sent).toMatchObject([{ method: "getPermissions" }, { method: "getPermissions" }]);
  for (const { id } of socket.sent as { id: string }[])
    socket.say({ type: "rpc", id, success: true, result: id, done: true });
  await vi.waitUntil(() => answers.length === 2);
});

// proves client-sdk#unmount-closes
it("closes when the component leaves: the socket, the calls, and no reconnect", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook(() => use());
  const socket = await sockets.next();
  socket.accept();
  const call = hook.result.current.call("slow");
  await hook.unmount();
  await expect(call).rejects.toMatchObject(closed);
  expect([socket.readyState, sockets.all.length]).toEqual([3, 1]);
});

it("does not connect when the component leaves before", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook(() => use());
  const call = hook.result.current.call("slow");
  await hook.unmount();
  await expect(call).rejects.toMatchObject(closed);
  await macrotask();
  expect(sockets.all.filter(({ readyState }) => readyState < 2)).toHaveLength(0);
});

it("goes to another instance when the name changes, with nothing that was meant for the first", async () => {
  const { sockets, use } = setup();
  const onClose = vi.fn();
  const hook = await renderHook((props) => use({ name: props?.name, onClose }), { initialProps: { name: "a" } });
  const [client, first] = [hook.result.current, await sockets.next()];
  first.accept();
  first.state({ count: 1 });
  first.drop();
  onClose.mockClear();
  client.send("for a");
  const call = client.call("forA");
  await hook.rerender({ name: "b" });
  await expect(call).rejects.toMatchObject(closed);
  expect(hook.result.current).not.toBe(client);
  expect([hook.result.current.name, hook.result.current.state]).toEqual(["b", undefined]);
  await vi.waitUntil(() => sockets.all.some(({ url }) => url.pathname.endsWith("/b")));
  const second = sockets.all.find(({ url }) => url.pathname.endsWith("/b"))!;
  second.accept();
  await hook.result.current.ready;
  expect(second.sent).toEqual([]);
  expect(sockets.all.filter(({ readyState }) => readyState < 2)).toEqual([second]);
});

it("tells of the close when the name changes", async () => {
  const { sockets, use } = setup();
  const onClose = vi.fn();
  const hook = await renderHook((props) => use({ name: props?.name, onClose }), { initialProps: { name: "a" } });
  const first = await sockets.next();
  first.accept();
  await hook.rerender({ name: "b" });
  expect([onClose.mock.calls.length, first.readyState]).toEqual([1, 3]);
});

it("calls the callbacks of the latest render", async () => {
  const { sockets, use } = setup();
  const heard: string[] = [];
  const hook = await renderHook(
    (props) => use({ onStateUpdate: ({ count }, source) => heard.push(`${props?.label} ${count} ${source}`) }),
    { initialProps: { label: "first" } }
  );
  const socket = await sockets.next();
  socket.accept();
  socket.state({ count: 1 });
  await hook.rerender({ label: "second" });
  socket.state({ count: 2 });
  hook.result.current.setState({ count: 3 });
  expect(heard).toEqual(["first 1 server", "second 2 server", "second 3 client"]);
});

it("connects anew when a query object changes, with the same client", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook((props) => use({ query: { token: props?.token } }), { initialProps: { token: "a" } });
  const client = hook.result.current;
  const first = await sockets.next();
  first.accept();
  await hook.rerender({ token: "b" });
  const second = await sockets.next();
  expect([first, second].map(({ url }) => url.searchParams.get("token"))).toEqual(["a", "b"]);
  expect([hook.result.current === client, first.readyState]).toEqual([true, 3]);
});

// proves client-sdk#queryDeps, guide-cross-domain-auth#queryDeps-empty
it("asks a query function again when queryDeps change, and not when only the function does", async () => {
  const { sockets, use } = setup();
  const load = vi.fn(async (user: string) => ({ token: user }));
  const hook = await renderHook((props) => use({ query: () => load(props!.user), queryDeps: [props!.user] }), {
    initialProps: { user: "a", other: 1 }
  });
  (await sockets.next()).accept();
  await hook.rerender({ user: "a", other: 2 });
  await macrotask();
  expect([load.mock.calls, sockets.all.length]).toEqual([[["a"]], 1]);
  await hook.rerender({ user: "b", other: 2 });
  expect((await sockets.next()).url.searchParams.get("token")).toBe("b");
  expect(load.mock.calls).toEqual([["a"], ["b"]]);
});

it("does not connect with the query of before, when queryDeps change while it is being made", async () => {
  const { sockets, use } = setup();
  const tokens: Record<string, (query: { token: string }) => void> = {};
  const load = (user: string) => new Promise<{ token: string }>((resolve) => (tokens[user] = resolve));
  const hook = await renderHook((props) => use({ query: () => load(props!.user), queryDeps: [props!.user] }), {
    initialProps: { user: "a" }
  });
  await vi.waitUntil(() => tokens.a);
  await hook.rerender({ user: "b" });
  tokens.a!({ token: "a" });
  await vi.waitUntil(() => tokens.b);
  tokens.b!({ token: "b" });
  expect((await sockets.next()).url.searchParams.get("token")).toBe("b");
});

// proves client-sdk#cacheTtl, client-sdk#query-again-on-close
it("keeps a query while it is connected, for cacheTtl, and asks again after a loss", async () => {
  const fetch = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response());
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => {
    fetch.mockRestore();
    vi.useRealTimers();
  });
  const { sockets, use } = setup();
  const query = vi.fn(async () => ({ token: "t" }));
  const hook = await renderHook(() => use({ query, cacheTtl: 1000 }));
  const first = await sockets.next();
  first.accept();
  vi.setSystemTime(Date.now() + 900);
  await hook.result.current.fetch("get-messages");
  expect(query).toHaveBeenCalledTimes(1);
  vi.setSystemTime(Date.now() + 200);
  await hook.result.current.fetch("get-messages");
  expect(query).toHaveBeenCalledTimes(2);
  first.drop();
  await sockets.next();
  expect(query).toHaveBeenCalledTimes(3);
});

it("stays closed after a refusal until queryDeps change, and after close() until reconnect()", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook((props) => use({ query: { token: props?.token } }), { initialProps: { token: "a" } });
  (await sockets.next()).drop(4001);
  await hook.rerender({ token: "b" });
  const second = await sockets.next();
  expect(second.url.searchParams.get("token")).toBe("b");
  second.accept();
  hook.result.current.close();
  await hook.rerender({ token: "c" });
  await macrotask();
  expect(sockets.all).toHaveLength(2);
  hook.result.current.reconnect();
  expect((await sockets.next()).url.searchParams.get("token")).toBe("c");
});

it("renders why the agent refused the connection, until reconnect()", async () => {
  const { sockets, use } = setup();
  function Status() {
    const { connectionError, identified, reconnect } = use();
    const text = connectionError ? `${connectionError.closeCode} ${connectionError.reason}` : "connecting";
    return <button onClick={() => reconnect()}>{identified ? "connected" : text}</button>;
  }
  const screen = await render(<Status />, { wrapper: StrictMode });
  const button = screen.getByRole("button");
  const first = await sockets.next();
  first.accept();
  await expect.element(button).toHaveTextContent("connected");
  first.drop();
  await expect.element(button).toHaveTextContent("connecting");
  (await sockets.next()).drop(4003, "Trial over");
  await expect.element(button).toHaveTextContent("4003 Trial over");
  await button.click();
  await expect.element(button).toHaveTextContent("connecting");
  (await sockets.next()).accept();
  await expect.element(button).toHaveTextContent("connected");
  expect(sockets.all).toHaveLength(3);
});

// proves readonly-connections#onStateUpdateError-hook, readonly-connections#onStateUpdateError-error
// proves store-and-sync-state#optimistic
it("shows a write at once, and the agent's state when it is refused, through a reconnect in StrictMode", async () => {
  const { sockets, use } = setup();
  const onStateUpdateError = vi.fn();
  function Counter() {
    const { state, setState } = use({ onStateUpdateError });
    return <button onClick={() => setState({ count: -1 })}>{state?.count}</button>;
  }
  const screen = await render(<Counter />, { wrapper: StrictMode });
  const button = screen.getByRole("button");
  const at = { epoch: "e", revision: 1 };
  const connect = async () => {
    const socket = await sockets.next();
    const greeting = { type: "cf_agent_state", state: { count: 5 }, ...at };
    socket.accept(undefined, true, greeting);
    return socket;
  };
  const first = await connect();
  await expect.element(button).toHaveTextContent("5");
  await button.click();
  await expect.element(button).toHaveTextContent("-1");
  first.drop();
  const second = await connect();
  await expect.element(button).toHaveTextContent("-1");
  expect(second.sent).toEqual(first.sent);
  const { writeId } = second.sent[0] as { writeId: string };
  const refusal = { code: "STATE_REJECTED", message: "State update rejected" };
  second.say({ type: "cf_agent_state_reject", writeId, ...refusal, ...at, state: { count: 5 } });
  await expect.element(button).toHaveTextContent("5");
  expect(onStateUpdateError.mock.calls.map(([message]) => message)).toEqual(["State update rejected"]);
});

it("asks whether the connection is alive when the network is back", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook(() => use());
  const socket = await sockets.next();
  socket.accept(undefined, true);
  window.dispatchEvent(new Event("online"));
  expect(socket.sent).toEqual([{ type: "cf_agent_ping" }]);
  await hook.unmount();
});

it("waits for reconnect() with startClosed", async () => {
  const { sockets, use } = setup({ startClosed: true });
  const hook = await renderHook(() => use());
  await macrotask();
  expect(sockets.all).toHaveLength(0);
  hook.result.current.reconnect();
  await sockets.next();
  expect(sockets.all).toHaveLength(1);
});

// proves client-sdk#host-default
it("connects to the page's own host", async () => {
  const sockets = fakeSockets();
  await renderHook(() => useAgent({ agent: "Counter", WebSocket: sockets.WebSocket }));
  expect((await sockets.next()).url.host).toBe(location.host);
});

it("renders only the component that uses it", async () => {
  const { sockets, use } = setup();
  const renders = { parent: 0, child: 0 };
  function Child() {
    renders.child++;
    return <output>{use().state?.count}</output>;
  }
  function Parent({ children }: { children: ReactNode }) {
    renders.parent++;
    return children;
  }
  const screen = await render(
    <Parent>
      <Child />
    </Parent>
  );
  const socket = await sockets.next();
  socket.accept();
  socket.state({ count: 7 });
  await expect.element(screen.getByRole("status")).toHaveTextContent("7");
  expect(renders.parent).toBe(1);
});

/** After the timers that are due now. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
