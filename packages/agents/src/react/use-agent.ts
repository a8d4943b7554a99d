import { useEffect, useInsertionEffect, useRef, useState, useSyncExternalStore } from "react";
import type { AgentClient, StateOf } from "../client";
import { HeldClient, type UseAgentOptions } from "./held-client";

/**
 * Connects a component to one instance of an agent, for as long as it is mounted. It renders again when the agent's state or
 * identity changes (`state`, `name`, `agent`, `identified`), and when the agent closes the connection for good
 * (`connectionError`); not for anything else that arrives.
 *
 * State the agent's class, and its state if it does not say: `useAgent<MyAgent>`, `useAgent<MyAgent, State>`,
 * `useAgent<State>`.
 *
 * With an async `query`, the component suspends while the first one loads, and what that rejects with reaches the error boundary.
 * Later ones (after a loss, or when `queryDeps` change) load in the background, each with the latest function; one that fails is
 * told to `onError` and tried again. On a server and while a page is hydrated nothing is loaded, and nothing suspends.
 *
 * @param options as for `AgentClient`, and `enabled`, `queryDeps`, `cacheTtl`. Another address (`agent`, `name`, `host`, `path`,
 * `basePath`, `prefix`, `protocol`, `id`) gives another client, and the one before is closed; another `query` object, or other
 * `queryDeps`, a new connection of the same client. With `startClosed` it connects when you call `reconnect()`
 * @returns the client: the same object as long as the address is the same. `ready` is a new promise after each loss; a later
 * connection that leads to another instance is told to `onIdentityChange`, or a warning is logged; a write of the state that is
 * refused, to `onStateUpdateError`
 * @throws CLIENT_OPTIONS_INVALID, from an effect, where there is no host or the name cannot be in a URL; what the first `query`
 * throws. Calls reject with the codes of `AgentClient.call`
 * @example
 * const agent = useAgent<Counter>({ agent: "Counter", name: "my-counter" });
 * return <button onClick={() => agent.stub.increment()}>{agent.state?.count ?? "…"}</button>;
 */
// An unstated agent has unknown methods, and a state that is `any`, as on the server.
// oxlint-disable-next-line typescript/no-explicit-any
export function useAgent<AgentOrState = any, State = StateOf<AgentOrState>>(
  options: UseAgentOptions<State>
): AgentClient<AgentOrState, State> {
  // Not on a server, where nothing connects, nor for what a server has rendered, which is there already.
  const canWait = useSyncExternalStore(neverChanges, inBrowser, onServer);
  const create = () => new HeldClient<AgentOrState, State>(options, canWait);
  const [last, setHeld] = useState(create);
  let held = last;
  if (!held.isFor(options)) setHeld((held = create()));
  const first = held.firstQuery(options);

  // Before the effects of this component and of those inside it, which may call a callback.
  useInsertionEffect(() => held.update(options, first));
  useConnection(held, options);
  useEffect(() => held.followQuery());
  const { client } = held;
  useSyncExternalStore(client.subscribe, client.getSnapshot, client.getSnapshot);
  return client;
}

type Held = Pick<HeldClient<unknown>, "close"> & { client: Pick<AgentClient, "reconnect"> };

/** Connects while the component is mounted. */
function useConnection(held: Held, { enabled = true, startClosed }: UseAgentOptions<never>): void {
  const leaving = useRef<{ held: Held; timer: ReturnType<typeof setTimeout> }>(undefined);
  useEffect(() => {
    const left = leaving.current;
    leaving.current = undefined;
    clearTimeout(left?.timer);
    if (left && (!enabled || left.held !== held)) left.held.close();
    if (!enabled) return;
    if (left?.held !== held && !startClosed) held.client.reconnect();
    return () => {
      const close = () => {
        leaving.current = undefined;
        held.close();
      };
      // A moment later: StrictMode takes the component out and puts it in again at once.
      leaving.current = { held, timer: setTimeout(close) };
    };
    // Whether it starts closed is asked only when the client is new.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [held, enabled]);
}

const neverChanges = () => () => {};
const inBrowser = () => true;
const onServer = () => false;
