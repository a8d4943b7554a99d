import { StrictMode, Suspense } from "react";
import { expect, it, vi } from "vitest";
import { render, renderHook } from "vitest-browser-react";
import { fakeSockets } from "./fake-socket";
import { useAgent, type UseAgentOptions } from ".";

type State = { count: number };

let rooms = 0;

function setup() {
  const sockets = fakeSockets();
  const name = `enabled-${rooms++}`;
  const fixed = { agent: "Counter", name, host: "fake.example.com", WebSocket: sockets.WebSocket };
  const use = (props: Partial<UseAgentOptions<State>> | undefined) =>
    useAgent<State>({ ...fixed, minReconnectionDelay: 1, ...props });
  return { sockets, use };
}

const closed = { code: "CONNECTION_CLOSED", message: "Connection closed" };
const at = (enabled: boolean, more: Partial<UseAgentOptions<State>> = {}) => ({ enabled, ...more });

it.each([true, false])("connects and loads nothing until it is enabled (StrictMode: %s)", async (strict) => {
  const { sockets, use } = setup();
  const query = vi.fn(() => ({ token: "t" }));
  const wrapper = strict ? { wrapper: StrictMode } : {};
  const hook = await renderHook((props) => use(props), { initialProps: at(false, { query }), ...wrapper });
  const client = hook.result.current;
  const call = client.call("waits");
  await macrotask();
  expect([sockets.all.length, query.mock.calls.length, client.readyState]).toEqual([0, 0, client.CLOSED]);
  await hook.rerender(at(true, { query }));
  const socket = await sockets.next();
  socket.accept();
  const { id } = socket.sent[0] as { id: string };
  socket.say({ type: "rpc", id, success: true, result: 1, done: true });
  expect(await call).toBe(1);
  await macrotask();
  expect([hook.result.current === client, sockets.all.length, query.mock.calls.length]).toEqual([true, 1, 1]);
});

it("closes when it is not enabled any more: the socket, the calls, and no reconnect", async () => {
  const { sockets, use } = setup();
  const [onClose, onError] = [vi.fn(), vi.fn()];
  const hook = await renderHook((props) => use(props), { initialProps: at(true, { onClose, onError }) });
  const socket = await sockets.next();
  socket.accept();
  socket.state({ count: 1 });
  const client = hook.result.current;
  const calls = [client.call("one"), client.call("two")].map((call) => call.catch((error: unknown) => error));
  await hook.rerender(at(false, { onClose, onError }));
  expect(await Promise.all(calls)).toEqual([expect.objectContaining(closed), expect.objectContaining(closed)]);
  await expect(client.call("late")).rejects.toMatchObject(closed);
  window.dispatchEvent(new Event("online"));
  await macrotask();
  expect([socket.readyState, sockets.all.length, onClose.mock.calls.length, onError.mock.calls.length]).toEqual([
    3, 1, 1, 0
  ]);
  expect([hook.result.current === client, client.identified, client.state]).toEqual([true, false, { count: 1 }]);
});

it("connects with a new query each time that it is enabled", async () => {
  const { sockets, use } = setup();
  const query = vi.fn(async () => ({ token: `t${query.mock.calls.length}` }));
  const hook = await renderHook((props) => use(props), { initialProps: at(true, { query }), wrapper: StrictMode });
  const tokens: unknown[] = [];
  for (let n = 0; n < 3; n++) {
    await hook.rerender(at(true, { query }));
    const socket = await sockets.next();
    tokens.push(socket.url.searchParams.get("token"));
    // Not even opened, the second time.
    if (n !== 1) socket.accept();
    await hook.rerender(at(false, { query }));
  }
  expect(tokens).toEqual(["t1", "t2", "t3"]);
});

it("does not connect with a query that was being loaded when it was disabled", async () => {
  const { sockets, use } = setup();
  const answers: ((query: { token: string }) => void)[] = [];
  const first = { query: () => ({ token: "first" }) };
  const hook = await renderHook((props) => use(props), { initialProps: at(true, first) });
  (await sockets.next()).drop();
  const later = { query: () => new Promise<{ token: string }>((resolve) => answers.push(resolve)) };
  await hook.rerender(at(true, later));
  await vi.waitUntil(() => answers.length === 1);
  await hook.rerender(at(false, later));
  await hook.rerender(at(true, later));
  await vi.waitUntil(() => answers.length === 2);
  answers[0]!({ token: "stale" });
  answers[1]!({ token: "fresh" });
  expect((await sockets.next()).url.searchParams.get("token")).toBe("fresh");
});

it("does not connect when a query changes while it is not enabled, and then with the latest", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook((props) => use(props), { initialProps: at(true, { query: { token: "a" } }) });
  (await sockets.next()).drop(4001);
  await hook.rerender(at(false, { query: { token: "a" } }));
  await hook.rerender(at(false, { query: { token: "b" } }));
  await macrotask();
  expect(sockets.all).toHaveLength(1);
  await hook.rerender(at(true, { query: { token: "b" } }));
  expect((await sockets.next()).url.searchParams.get("token")).toBe("b");
  expect(hook.result.current.connectionError).toBeUndefined();
  await macrotask();
  expect(sockets.all).toHaveLength(2);
});

it("closes nothing and connects to the other instance when it is enabled with another name", async () => {
  const { sockets, use } = setup();
  const hook = await renderHook((props) => use(props), { initialProps: at(false, { name: "a" }) });
  await hook.rerender(at(true, { name: "b" }));
  expect((await sockets.next()).url.pathname.endsWith("/b")).toBe(true);
  await hook.rerender(at(false, { name: "c" }));
  await macrotask();
  expect(sockets.all.map(({ readyState }) => readyState)).toEqual([3]);
});

it("suspends for its first query when it is enabled later, and not the next time", async () => {
  const { sockets, use } = setup();
  const answers: ((query: { token: string }) => void)[] = [];
  const query = () => new Promise<{ token: string }>((resolve) => answers.push(resolve));
  const Room = ({ enabled }: { enabled: boolean }) => <p>{use({ enabled, query }).identified ? "there" : "not yet"}</p>;
  const page = (enabled: boolean) => (
    <Suspense fallback={<output>Authenticating...</output>}>
      <Room enabled={enabled} />
    </Suspense>
  );
  const screen = await render(page(false), { wrapper: StrictMode });
  await expect.element(screen.getByText("not yet")).toBeVisible();
  await screen.rerender(page(true));
  await expect.element(screen.getByRole("status")).toBeVisible();
  answers[0]!({ token: "t" });
  (await sockets.next()).accept();
  await expect.element(screen.getByText("there")).toBeVisible();
  await screen.rerender(page(false));
  await screen.rerender(page(true));
  await vi.waitUntil(() => answers.length === 2);
  await expect.element(screen.getByText("not yet")).toBeVisible();
  answers[1]!({ token: "u" });
  expect((await sockets.next()).url.searchParams.get("token")).toBe("u");
});

it("loads once when it is enabled with another query", async () => {
  const { sockets, use } = setup();
  const load = vi.fn(async (user: string) => ({ token: user }));
  const as = (enabled: boolean, user: string) => at(enabled, { query: () => load(user), queryDeps: [user] });
  const hook = await renderHook((props) => use(props), { initialProps: as(false, "a"), wrapper: StrictMode });
  await hook.rerender(as(true, "b"));
  expect((await sockets.next()).url.searchParams.get("token")).toBe("b");
  await macrotask();
  expect([load.mock.calls, sockets.all.length]).toEqual([[["b"]], 1]);
});

it("renders once for each change of what it shows, and for nothing else", async () => {
  const { sockets, use } = setup();
  const renders: unknown[] = [];
  await renderHook(() => {
    const { identified, state } = use({});
    renders.push([identified, state?.count]);
  });
  const socket = await sockets.next();
  const state = (count: number, revision: number) => ({
    type: "cf_agent_state",
    state: { count },
    epoch: "e",
    revision
  });
  socket.accept(undefined, true, state(1, 1));
  await vi.waitUntil(() => renders.length > 1);
  const seen = renders.length;
  expect(renders.at(-1)).toEqual([true, 1]);
  socket.say(state(1, 1));
  socket.say(state(1, 2));
  socket.say({ type: "cf_agent_pong" });
  socket.say({ type: "cf_agent_identity", name: new URL(socket.url).pathname.split("/")[3], agent: "counter" });
  socket.say({ type: "cf_agent_mcp_servers", mcp: { servers: {}, tools: [], prompts: [], resources: [] } });
  socket.say({ type: "rpc", id: "nobody", success: true, result: 1, done: true });
  socket.say({ type: "own" });
  await macrotask();
  expect(renders.length).toBe(seen);
  socket.say(state(2, 3));
  await vi.waitUntil(() => renders.length > seen);
  await macrotask();
  expect(renders.slice(seen)).toEqual([[true, 2]]);
});

/** After the timers that are due now. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
