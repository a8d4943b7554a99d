import { useEffect, useInsertionEffect, useRef, useState, useSyncExternalStore } from "react";
import type { AgentClient, StateOf } from "../client";
import { HeldClient, type UseAgentOptions } from "./held-client";

/**
 * Connects a component to one instance of an agent, for as long as it is mounted. It renders again when the agent's state or
 * identity changes, and when the agent refuses the connection (`connectionError`).
 *
 * State the agent's class, and its state if it does not say: `useAgent<MyAgent>`, `useAgent<MyAgent, State>`,
 * `useAgent<State>`.
 *
 * @param options as for `AgentClient`. Another address (`agent`, `name`, `host`, `path`, `basePath`, `prefix`, `protocol`, `id`)
 * gives another client; another `query` object, or other `queryDeps`, a new connection of the same client. With `startClosed`
 * it connects when you call `reconnect()`.
 * @returns the client: the same object as long as the address is the same
 * @throws CLIENT_OPTIONS_INVALID, from an effect, where there is no host or the name cannot be in a URL
 * @example
 * const agent = useAgent<Counter>({ agent: "Counter", name: "my-counter" });
 * return <button onClick={() => agent.stub.increment()}>{agent.state?.count ?? "…"}</button>;
 */
// An unstated agent has unknown methods, and a state that is `any`, as on the server.
// oxlint-disable-next-line typescript/no-explicit-any
export function useAgent<AgentOrState = any, State = StateOf<AgentOrState>>(
  options: UseAgentOptions<State>
): AgentClient<AgentOrState, State> {
  const create = () => new HeldClient<AgentOrState, State>(options);
  const [last, setHeld] = useState(create);
  let held = last;
  if (!held.isFor(options)) setHeld((held = create()));
  const { client } = held;

  // Before the effects of this component and of those inside it, which may call a callback.
  useInsertionEffect(() => held.update(options));
  useConnection(client, !options.startClosed);
  useEffect(() => held.followQuery());
  useSyncExternalStore(client.subscribe, client.getSnapshot, client.getSnapshot);
  return client;
}

/** Connects while the component is mounted. */
function useConnection(client: Pick<AgentClient, "reconnect" | "close">, connects: boolean): void {
  const leaving = useRef<{ client: object; close(): void; timer: ReturnType<typeof setTimeout> }>(undefined);
  useEffect(() => {
    const left = leaving.current;
    leaving.current = undefined;
    clearTimeout(left?.timer);
    if (left?.client !== client) {
      left?.close();
      if (connects) client.reconnect();
    }
    return () => {
      const close = () => {
        leaving.current = undefined;
        client.close();
      };
      // A moment later: StrictMode takes the component out and puts it in again at once.
      leaving.current = { client, close, timer: setTimeout(close) };
    };
    // Whether it connects is asked only when the client is new.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [client]);
}
