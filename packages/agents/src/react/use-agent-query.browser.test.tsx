// An async `query`: what a component waits for, and whose query it connects with.
import { Component, StrictMode, Suspense, useState, type ReactNode } from "react";
import { expect, it, vi } from "vitest";
import { render } from "vitest-browser-react";
import { fakeSockets, type FakeSocket } from "./fake-socket";
import { useAgent, type UseAgentOptions } from ".";

type Props = Partial<UseAgentOptions<{ count: number }>>;

let rooms = 0;

/** A page with a boundary, and queries that the test answers. Each test has an address of its own. */
function setup() {
  const sockets = fakeSockets();
  const name = `room-${rooms++}`;
  const answers: { user: unknown; resolve(query: { token: string }): void; reject(error: Error): void }[] = [];
  const load = vi.fn(
    (user?: unknown) => new Promise<{ token: string }>((resolve, reject) => answers.push({ user, resolve, reject }))
  );
  const fixed = { agent: "Counter", name, host: "fake.example.com", WebSocket: sockets.WebSocket };
  function Room(props: Props & { user?: unknown }) {
    const { user, ...options } = props;
    const agent = useAgent<{ count: number }>({
      ...fixed,
      minReconnectionDelay: 1,
      query: () => load(user),
      ...(user !== undefined && { queryDeps: [user] }),
      ...options
    });
    return <p>{agent.identified ? "identified" : "connecting"}</p>;
  }
  return { sockets, name, answers, load, Room };
}

class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    const { error } = this.state;
    return error ? (
      <button onClick={() => this.setState({ error: undefined! })}>{error.message}</button>
    ) : (
      this.props.children
    );
  }
}

const page = (children: ReactNode) => (
  <Boundary>
    <Suspense fallback={<output>Authenticating...</output>}>{children}</Suspense>
  </Boundary>
);
const tokenOf = ({ url }: FakeSocket) => url.searchParams.get("token");

// proves guide-cross-domain-auth#suspense, guide-cross-domain-auth#async-query
it.each([true, false])("suspends until the first query is there, and asks once (StrictMode: %s)", async (strict) => {
  const { sockets, answers, load, Room } = setup();
  const screen = await render(page(<Room />), strict ? { wrapper: StrictMode } : {});
  await expect.element(screen.getByRole("status")).toHaveTextContent("Authenticating...");
  expect(sockets.all).toEqual([]);
  answers[0]!.resolve({ token: "t" });
  await expect.element(screen.getByRole("paragraph")).toHaveTextContent("connecting");
  const socket = await sockets.next();
  expect(tokenOf(socket)).toBe("t");
  socket.accept();
  await expect.element(screen.getByRole("paragraph")).toHaveTextContent("identified");
  await macrotask();
  expect([load.mock.calls.length, sockets.all.length]).toEqual([1, 1]);
});

it("gives what the first query rejects with to the error boundary, and asks again when that tries again", async () => {
  const { sockets, answers, load, Room } = setup();
  const silent = vi.spyOn(console, "error").mockImplementation(() => {});
  const screen = await render(page(<Room />), { wrapper: StrictMode });
  answers[0]!.reject(new Error("Who are you?"));
  const button = screen.getByRole("button");
  await expect.element(button).toHaveTextContent("Who are you?");
  await button.click();
  await expect.element(screen.getByRole("status")).toHaveTextContent("Authenticating...");
  answers[1]!.resolve({ token: "t" });
  await expect.element(screen.getByRole("paragraph")).toBeVisible();
  expect([tokenOf(await sockets.next()), load.mock.calls.length]).toEqual(["t", 2]);
  silent.mockRestore();
});

it("does not suspend for a query that is there, and asks once", async () => {
  const { sockets, Room } = setup();
  const query = vi.fn(() => ({ token: "now" }));
  const screen = await render(page(<Room query={query} />), { wrapper: StrictMode });
  expect(tokenOf(await sockets.next())).toBe("now");
  expect([screen.getByRole("status").elements(), query.mock.calls.length]).toEqual([[], 1]);
});

it("loads once for components that wait for the same, and again for one that comes later", async () => {
  const { sockets, answers, load, Room } = setup();
  function Rooms() {
    const [isMore, setMore] = useState(false);
    return (
      <>
        <Room />
        <Room />
        <button onClick={() => setMore(true)}>more</button>
        {isMore && page(<Room />)}
      </>
    );
  }
  const screen = await render(page(<Rooms />));
  answers[0]!.resolve({ token: "shared" });
  await vi.waitUntil(() => sockets.all.length === 2);
  expect([sockets.all.map(tokenOf), load.mock.calls.length]).toEqual([["shared", "shared"], 1]);
  await screen.getByRole("button").click();
  await vi.waitUntil(() => answers.length === 2);
  answers[1]!.resolve({ token: "later" });
  await vi.waitUntil(() => sockets.all.length === 3);
  expect([tokenOf(sockets.all[2]!), screen.getByRole("paragraph").elements().length]).toEqual(["later", 3]);
});

// proves client-sdk#query-again-on-remount
it("asks again when it is mounted again", async () => {
  const { sockets, answers, load, Room } = setup();
  const first = await render(page(<Room />));
  answers[0]!.resolve({ token: "old" });
  (await sockets.next()).accept();
  await first.unmount();
  await render(page(<Room />));
  await vi.waitUntil(() => answers.length === 2);
  answers[1]!.resolve({ token: "new" });
  expect([tokenOf(await sockets.next()), load.mock.calls.length]).toEqual(["new", 2]);
});

// proves client-sdk#query-again-on-close, client-sdk#query-fresh-on-reconnect
it("stays on the page while it asks again after a loss, and never uses what it had", async () => {
  const { sockets, answers, Room } = setup();
  const onError = vi.fn();
  const screen = await render(page(<Room onError={onError} />));
  answers[0]!.resolve({ token: "old" });
  const first = await sockets.next();
  first.accept();
  await expect.element(screen.getByRole("paragraph")).toHaveTextContent("identified");
  first.drop();
  await vi.waitUntil(() => answers.length === 2);
  await expect.element(screen.getByRole("paragraph")).toHaveTextContent("connecting");
  answers[1]!.reject(new Error("not now"));
  await vi.waitUntil(() => answers.length === 3);
  answers[2]!.resolve({ token: "new" });
  expect(tokenOf(await sockets.next())).toBe("new");
  expect(onError.mock.calls.map(([{ message }]) => message as string)).toEqual(["not now"]);
  expect(screen.getByRole("status").elements()).toEqual([]);
});

it("does not connect with the first query when its time is up before the boundary shows", async () => {
  const { sockets, answers, load, Room } = setup();
  vi.useFakeTimers({ toFake: ["Date"] });
  await render(page(<Room cacheTtl={1000} />));
  answers[0]!.resolve({ token: "old" });
  await Promise.resolve();
  vi.setSystemTime(Date.now() + 1000);
  await vi.waitUntil(() => answers.length === 2);
  answers[1]!.resolve({ token: "new" });
  expect([tokenOf(await sockets.next()), load.mock.calls.length]).toEqual(["new", 2]);
  vi.useRealTimers();
});

it("has another user's query for another user, while it waits and when it is there", async () => {
  const { sockets, answers, Room } = setup();
  const screen = await render(page(<Room user={{ id: "a" }} />));
  await vi.waitUntil(() => answers.length === 1);
  await screen.rerender(page(<Room user={{ id: "b" }} />));
  await vi.waitUntil(() => answers.length === 2);
  answers[0]!.resolve({ token: "a" });
  await macrotask();
  expect(sockets.all).toEqual([]);
  answers[1]!.resolve({ token: "b" });
  const first = await sockets.next();
  first.accept();
  expect([tokenOf(first), answers.map(({ user }) => user)]).toEqual(["b", [{ id: "a" }, { id: "b" }]]);
  await screen.rerender(page(<Room user={{ id: "c" }} />));
  await vi.waitUntil(() => answers.length === 3);
  expect(first.readyState).toBe(3);
  // The same in other words is no change.
  await screen.rerender(page(<Room user={{ id: "c" }} />));
  answers[2]!.resolve({ token: "c" });
  expect(tokenOf(await sockets.next())).toBe("c");
  await macrotask();
  expect([answers.length, sockets.all.length]).toEqual([3, 2]);
});

it("suspends for another instance, with a query of its own, and then leaves the one before", async () => {
  const { sockets, name, answers, Room } = setup();
  const screen = await render(page(<Room />), { wrapper: StrictMode });
  answers[0]!.resolve({ token: "first" });
  const first = await sockets.next();
  first.accept();
  await expect.element(screen.getByRole("paragraph")).toHaveTextContent("identified");
  await screen.rerender(page(<Room name={`${name}-b`} />));
  await expect.element(screen.getByRole("status")).toHaveTextContent("Authenticating...");
  expect(first.readyState).toBe(1);
  answers[1]!.resolve({ token: "second" });
  const second = await sockets.next();
  expect([tokenOf(second), second.url.pathname.endsWith("-b")]).toEqual(["second", true]);
  await vi.waitUntil(() => first.readyState === 3);
  expect(answers.length).toBe(2);
});

it("does not connect to an instance with the query of another that it waited for before", async () => {
  const { sockets, name, answers, Room } = setup();
  const screen = await render(page(<Room />));
  await screen.rerender(page(<Room name={`${name}-b`} />));
  await vi.waitUntil(() => answers.length === 2);
  answers[0]!.resolve({ token: "first" });
  answers[1]!.resolve({ token: "second" });
  const socket = await sockets.next();
  expect([tokenOf(socket), socket.url.pathname.endsWith("-b")]).toEqual(["second", true]);
});

it("loads once, however often the page renders while it waits", async () => {
  const { sockets, answers, Room } = setup();
  const screen = await render(page(<Room />));
  for (let n = 0; n < 5; n++) await screen.rerender(page(<Room user={undefined} />));
  answers[0]!.resolve({ token: "t" });
  expect(tokenOf(await sockets.next())).toBe("t");
  for (let n = 0; n < 5; n++) await screen.rerender(page(<Room user={undefined} />));
  expect([answers.length, sockets.all.length]).toEqual([1, 1]);
});

/** After the timers that are due now. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
