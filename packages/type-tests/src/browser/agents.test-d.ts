// Clients of agents that use everything. The compiler must not give up on them ("excessively deep").
import type { Agent } from "agents";
import type { AIChatAgent } from "agents/ai-chat-agent";
import { AgentClient, type AgentMethods, type AgentStub, type OptionalAgentMethods } from "agents/client";
import { useAgent } from "agents/react";
import type { UIMessage } from "ai";
import { expectTypeOf } from "vitest";
import type { HeavyAgent, HeavyChat, HeavyState, Plan } from "../server/heavy-agent";

// A method of every agent is nobody's to call: one that `client/agent-members.ts` does not know shows here.
expectTypeOf<keyof AgentMethods<Agent>>().toBeNever();
expectTypeOf<keyof AgentMethods<Agent<Cloudflare.Env, { n: number }, { id: string }>>>().toBeNever();
// A chat agent adds some which clients could call, were they callable.
expectTypeOf<keyof AgentMethods<AIChatAgent>>().toEqualTypeOf<
  "branchesOf" | "getTurns" | "persistMessages" | "sanitizeMessageForPersistence" | "saveMessages" | "selectBranch"
>();

type Callable = "baseMethod" | "plan" | "overloaded" | "echo" | "rest" | "union" | "stream";
expectTypeOf<keyof AgentMethods<HeavyAgent>>().toEqualTypeOf<Callable>();
expectTypeOf<keyof AgentStub<HeavyAgent>>().toEqualTypeOf<Callable>();
expectTypeOf<keyof OptionalAgentMethods<HeavyAgent>>().toBeNever();

const client = new AgentClient<HeavyAgent>({ agent: "HeavyAgent", host: "localhost" });
expectTypeOf(client.state).toEqualTypeOf<HeavyState | undefined>();
expectTypeOf(client.stub.plan("goal", { depth: 1 })).toEqualTypeOf<Promise<Plan>>();
expectTypeOf(client.stub.rest("a", 1, 2, 3)).toEqualTypeOf<Promise<number>>();
expectTypeOf(client.stub.union({ kind: "a", a: 1 })).toEqualTypeOf<Promise<"a" | "b">>();
expectTypeOf(client.call("plan", ["goal"])).toEqualTypeOf<Promise<Plan>>();
// The compiler takes the last overload, as for every function type that is read off.
expectTypeOf(client.stub.overloaded(1, true)).toEqualTypeOf<Promise<number[]>>();
void client.call("stream", ["prompt", 0.5], {
  stream: {
    onChunk: (chunk) => expectTypeOf(chunk).toEqualTypeOf<{ text: string }>(),
    onDone: (final) => expectTypeOf(final).toEqualTypeOf<{ tokens: number } | undefined>()
  }
});
// @ts-expect-error not for clients
void client.stub.hidden();
// @ts-expect-error not for clients
void client.stub.describe();
// proves callable-methods#not-json
// @ts-expect-error a Date is not JSON
void client.stub.when();
// @ts-expect-error an argument of another type
void client.stub.union({ kind: "c" });
// @ts-expect-error not the state
client.setState({ plan: {} });
client.setState({ ...client.state!, users: {} });

const chat = new AgentClient<HeavyChat, HeavyState>({ agent: "HeavyChat", host: "localhost" });
expectTypeOf(chat.stub.history(1)).toEqualTypeOf<Promise<UIMessage[]>>();
expectTypeOf(chat.stub.rename("x")).toEqualTypeOf<Promise<{ title: string }>>();

export function Component() {
  const agent = useAgent<HeavyAgent, HeavyState>({
    agent: "HeavyAgent",
    onStateUpdate: (state, source) => {
      expectTypeOf(state).toEqualTypeOf<HeavyState>();
      expectTypeOf(source).toEqualTypeOf<"server" | "client">();
    }
  });
  expectTypeOf(agent.stub.plan("goal")).toEqualTypeOf<Promise<Plan>>();
  expectTypeOf(agent.state).toEqualTypeOf<HeavyState | undefined>();
  const chatAgent = useAgent<HeavyChat>({ agent: "HeavyChat" });
  expectTypeOf(chatAgent.stub.history(2)).toEqualTypeOf<Promise<UIMessage[]>>();
  expectTypeOf(chatAgent.state).toEqualTypeOf<HeavyState | undefined>();
  // Whoever takes any client takes these.
  const clients: AgentClient[] = [agent, chatAgent, client, chat];
  return clients.length;
}

// Inside a generic function the compiler knows no method yet: the result is stated.
export function rename<Chat extends HeavyChat>(of: AgentClient<Chat>): Promise<{ title: string }> {
  return of.call<{ title: string }>("rename", ["x"]);
}
void rename(chat);
