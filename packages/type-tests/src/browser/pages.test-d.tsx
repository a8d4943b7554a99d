// The snippets for browsers of the pages "Client SDK", "Callable methods", "Store and sync state", "Routing",
// "Cross-domain authentication" and "Add to existing project".
import { agentFetch, AgentClient } from "agents/client";
import { useAgentChat } from "agents/ai-react";
import { useAgent } from "agents/react";
import { Suspense, useCallback, useState } from "react";
import { expectTypeOf } from "vitest";
import type { MyAgent } from "../server/callable-methods.test-d";
import type { CounterAgent } from "../server/routing.test-d";

declare const userId: string;
declare const roomId: string;
declare function getAuthToken(): Promise<string>;
declare function getCurrentUser(): Promise<{ id: string }>;
declare function refreshToken(): Promise<string>;
declare function appendToOutput(chunk: unknown): void;
type CounterState = { count: number };

export function CounterWidget() {
  const [count, setCount] = useState(0);
  // proves add-to-existing-project#react
  const agent = useAgent<CounterAgent, CounterState>({
    agent: "CounterAgent",
    onStateUpdate: (state) => setCount(state.count)
  });
  return (
    <>
      {count}
      <button onClick={() => agent.stub.increment()}>+</button>
      <button onClick={() => agent.stub.decrement()}>-</button>
    </>
  );
}

export function vanilla() {
  const agent = new AgentClient({
    agent: "CounterAgent",
    name: "user-123",
    onStateUpdate: (state) => {
      document.getElementById("count")!.textContent = state.count;
    }
  });
  document.getElementById("increment")!.onclick = () => agent.call("increment");
  agent.setState({ ...agent.state, score: 100 });
  agent.addEventListener("open", () => {});
  agent.addEventListener("close", () => {});
  agent.addEventListener("error", () => {});
  agent.addEventListener("message", () => {});
  agent.send("raw");
  agent.reconnect();
  agent.close();
}

export function Chat() {
  const agent = useAgent({
    agent: "ChatAgent",
    name: "room-123",
    host: "my-worker.workers.dev",
    path: "/custom/path",
    query: { token: "abc123", version: "2" },
    onStateUpdate: (state) => console.log("New state:", state),
    onOpen: () => console.log("Connected"),
    onClose: () => console.log("Disconnected"),
    onError: (error) => console.error("Error:", error)
  });
  useAgent({ agent: "LOUD_AGENT" });
  useAgent({ agent: "UserProfile", name: `user-${userId}` });
  useAgent({ agent: "ChatRoom", name: roomId });
  useAgent({
    agent: "ChatAgent",
    query: async () => ({ token: await getAuthToken() }),
    queryDeps: [userId],
    cacheTtl: 60 * 1000
  });
  const { messages, sendMessage, status } = useAgentChat({ agent });
  const send = async () => {
    const response = await agent.call("sendMessage", ["Hello!"]);
    console.log("Response:", response);
    await sendMessage({ text: "Hello!" });
  };
  return (
    <button onClick={send}>
      {agent.agent} {agent.name} {messages.length} {status}
    </button>
  );
}

export async function typedCalls() {
  // proves client-sdk#typed-stub, callable-methods#typed-client
  const agent = new AgentClient<MyAgent>({ agent: "MyAgent", host: "example.com" });
  expectTypeOf(await agent.stub.greet("World")).toEqualTypeOf<string>();
  expectTypeOf(await agent.stub.processData({ name: "x", count: 1 })).toEqualTypeOf<{ result: boolean }>();
  expectTypeOf(await agent.stub.logEvent("user-clicked")).toEqualTypeOf<void>();
  expectTypeOf(await agent.call("processItems", [["a"]])).toEqualTypeOf<number[]>();
  // proves callable-methods#typed-errors
  // @ts-expect-error an argument of another type
  await agent.stub.greet(123);
  // @ts-expect-error no such method
  await agent.stub.nonExistent();
  await agent.call("streamNumbers", [3], {
    stream: {
      onChunk: (chunk) => appendToOutput(chunk),
      onDone: (finalValue) => console.log("Stream complete", finalValue),
      onError: (error) => console.error("Stream error:", error.toUpperCase())
    }
  });
  await agent.call("streamNumbers", [3], {
    onChunk: (chunk) => appendToOutput(chunk),
    onDone: (finalValue) => console.log("Done", finalValue),
    onError: (error) => console.error("Error:", error)
  });
  await agent.call("typed", [], { stream: { onChunk: (chunk) => expectTypeOf(chunk).toEqualTypeOf<number>() } });
  await agent.call("greet", ["x"], { timeout: 5000 });
  try {
    await agent.call("longRunningMethod" as never, [] as never);
  } catch (error) {
    if ((error as Error).message === "Connection closed") console.log("Lost connection to agent");
  }
}

export async function callWithRetry<T>(agent: AgentClient, method: string, args: unknown[] = []): Promise<T> {
  try {
    return await agent.call(method, args);
  } catch (error) {
    if ((error as Error).message === "Connection closed") {
      await agent.ready;
      return await agent.call(method, args);
    }
    throw error;
  }
}

export function Excluded() {
  // proves callable-methods#omit
  const agent = useAgent<Omit<MyAgent, "list">>({ agent: "MyAgent" });
  expectTypeOf(agent.stub.greet("x")).toEqualTypeOf<Promise<string>>();
  // @ts-expect-error excluded
  void agent.stub.list();
}

export async function http() {
  const response = await agentFetch({ agent: "DataAgent", name: "instance-1", host: "my-worker.workers.dev" });
  const data = await response.json();
  await agentFetch(
    { agent: "DataAgent", name: "instance-1", host: "my-worker.workers.dev" },
    {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ action: "process", data })
    }
  );
}

export function GameUI() {
  const agent = useAgent({
    agent: "game-agent",
    name: "room-123",
    onStateUpdate: (state, source) => console.log("State updated:", state, source)
  });
  const addPlayer = (name: string) => {
    agent.setState({ ...agent.state, players: [...agent.state.players, name] });
  };
  return <button onClick={() => addPlayer("x")}>Players: {agent.state?.players.join(", ")}</button>;
}

export function Identity() {
  const agent = useAgent({
    agent: "UserAgent",
    basePath: "user",
    path: "settings",
    onIdentity: (name, agentType) => console.log(`Connected to ${agentType} instance: ${name}`),
    onIdentityChange: (oldName, newName, oldAgent, newAgent) => {
      console.log(`Session changed: ${oldName} → ${newName}`, oldAgent, newAgent);
    },
    onMcpUpdate: (mcpServers) => {
      for (const [serverId, server] of Object.entries(mcpServers.servers)) console.log(serverId, server.state);
      console.log(mcpServers.tools, mcpServers.prompts, mcpServers.resources);
    }
  });
  expectTypeOf(agent.ready).toEqualTypeOf<Promise<void>>();
  return <div>{agent.identified ? `Connected to: ${agent.name}` : "Connecting..."}</div>;
}

export async function identityOfClient(setInstanceName: (name: string) => void) {
  const agent = new AgentClient({
    agent: "UserAgent",
    basePath: "user",
    host: "example.com",
    onIdentity: (name) => setInstanceName(name)
  });
  await agent.ready;
  console.log(agent.name);
}

function ChatComponent() {
  const asyncQuery = useCallback(async () => {
    const [token, user] = await Promise.all([getAuthToken(), getCurrentUser()]);
    return { token, userId: user.id, timestamp: Date.now().toString() };
  }, []);
  const agent = useAgent({ agent: "my-agent", host: "https://my-agent.example.workers.dev", query: asyncQuery });
  return <p>{agent.name}</p>;
}
export function App() {
  return (
    <Suspense fallback={<div>Authenticating...</div>}>
      <ChatComponent />
    </Suspense>
  );
}

export function useJWTAgent(agentName: string) {
  const asyncQuery = useCallback(async () => {
    let token = localStorage.getItem("jwt");
    if (!token) {
      token = await refreshToken();
      localStorage.setItem("jwt", token);
    }
    return { token };
  }, []);
  return useAgent({ agent: agentName, query: asyncQuery, queryDeps: [] });
}
