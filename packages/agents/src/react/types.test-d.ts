// The documentation's own ways to call `useAgent`. Checked by `tsc`; nothing here runs.
import { useCallback, useState } from "react";
import { expectTypeOf } from "vitest";
import type { AgentClient } from "../client";
import { useAgent } from ".";

type CounterState = { count: number };
declare class CounterAgent {
  initialState: CounterState;
  get state(): CounterState;
  setState(state: CounterState): void;
  onRequest(request: Request): Response;
  increment(): number;
  add(a: number, b: number): Promise<number>;
  processData(input: { test: string }): { result: boolean };
}
type MCPServersState = {
  servers: Record<string, { name: string; state: string }>;
  tools: unknown[];
  prompts: unknown[];
  resources: unknown[];
};

export function AgentAndState(): void {
  const [, setCount] = useState(0);
  const agent = useAgent<CounterAgent, CounterState>({
    agent: "CounterAgent",
    onStateUpdate: (state) => setCount(state.count)
  });
  expectTypeOf(agent.stub.increment()).toEqualTypeOf<Promise<number>>();
  expectTypeOf(agent.state).toEqualTypeOf<CounterState | undefined>();
  expectTypeOf(agent).toExtend<AgentClient>();
  // @ts-expect-error an argument of another type
  void agent.stub.add("1", 2);
}

export function AgentAlone(): void {
  const agent = useAgent<CounterAgent>({ agent: "CounterAgent", name: "instance-1" });
  expectTypeOf(agent.stub.processData({ test: "input" })).toEqualTypeOf<Promise<{ result: boolean }>>();
  expectTypeOf(agent.state).toEqualTypeOf<CounterState | undefined>();
  agent.setState({ count: 1 });
  const without = useAgent<Omit<CounterAgent, "increment">>({ agent: "CounterAgent" });
  // @ts-expect-error left out
  void without.stub.increment();
}

export function StateAlone(): void {
  const { stub } = useAgent<{ board: string }>({
    host: "http://localhost:5173/",
    name: "__lobby__",
    agent: "chess",
    onStateUpdate: (state) => expectTypeOf(state).toEqualTypeOf<{ board: string }>()
  });
  void stub.join!({ playerId: "1", preferred: "any" }).then((response) => response?.ok);
}

export function Untyped(): void {
  const [, setCount] = useState(0);
  const agent = useAgent({
    agent: "CounterAgent",
    query: { token: "demo-token-123", none: undefined },
    onStateUpdate: (state, source) => {
      expectTypeOf(source).toEqualTypeOf<"server" | "client">();
      setCount(state.count);
    },
    onOpen: () => {},
    onClose: () => {},
    onError: (error) => expectTypeOf(error).toExtend<Event>(),
    onMessage: (message: MessageEvent) => message.data,
    onMcpUpdate: (servers: MCPServersState) => servers.tools.length,
    onIdentity: (name, type) => `${name} ${type}`,
    onIdentityChange: (oldName, newName, oldAgent, newAgent) => [oldName, newName, oldAgent, newAgent],
    onStateUpdateError: (error) => error.includes("readonly")
  });
  agent.setState({ ...agent.state, players: [...agent.state.players, "x"] });
  void agent.state?.players.join(", ");
  void agent.call("getPermissions").then((permissions) => setCount(permissions.canEdit));
  expectTypeOf(agent.ready).toEqualTypeOf<Promise<void>>();
}

export function AsyncQuery(): void {
  const query = useCallback(async () => ({ token: "t", timestamp: Date.now().toString() }), []);
  useAgent({ agent: "my-agent", query, queryDeps: ["user"], cacheTtl: 60 * 1000, enabled: true });
  // @ts-expect-error which agent?
  useAgent({ name: "my-agent" });
}
