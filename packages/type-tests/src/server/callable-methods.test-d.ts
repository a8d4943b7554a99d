// The snippets of the page "Callable methods" that run on a server, and those of "Observability".
import { Agent, callable, getAgentByName, type CallableMetadata, type StreamingResponse } from "agents";
import { genericObservability, subscribe, type Observability, type ObservabilityEvent } from "agents/observability";
import { expectTypeOf } from "vitest";

interface Env extends Cloudflare.Env {
  MyAgent: DurableObjectNamespace<MyAgent>;
  WorkerAgent: DurableObjectNamespace<WorkerAgent>;
}
type User = { id: string; name: string };

export class MyAgent extends Agent<Env> {
  @callable()
  async greet(name: string): Promise<string> {
    return `Hello, ${name}!`;
  }
  @callable()
  processData(input: { name: string; count: number }): { result: boolean } {
    return { result: input.count > 0 };
  }
  @callable()
  processItems(items: string[]): number[] {
    return items.map((item) => item.length);
  }
  @callable()
  add(a: number, b: number): number {
    return a + b;
  }
  @callable()
  async fetchUser(id: string): Promise<User> {
    const user = await this.sql<User>`SELECT * FROM users WHERE id = ${id}`;
    return user[0]!;
  }
  @callable()
  async logEvent(event: string): Promise<void> {
    await this.sql`INSERT INTO events (name) VALUES (${event})`;
  }
  @callable({ description: "Fetches user data" })
  getUser(id: string): User {
    return { id, name: "Ada" };
  }
  @callable({ streaming: true })
  async streamNumbers(stream: StreamingResponse, count: number) {
    for (let i = 0; i < count; i++) {
      stream.send(i);
    }
    stream.end(count);
  }
  @callable({ stream: true })
  async old(stream: StreamingResponse, items: string[]) {
    for (const item of items) {
      try {
        await stream.write(item);
      } catch (e) {
        stream.error(`Failed to process ${item}: ${(e as Error).message}`);
        return;
      }
    }
    if (!stream.isClosed) stream.end();
  }
  @callable({ streaming: true })
  typed(stream: StreamingResponse<number, { total: number }>) {
    void stream.send(1);
    stream.end({ total: 1 });
    // @ts-expect-error not a number
    void stream.send("1");
  }
  list() {
    const methods = this.getCallableMethods();
    expectTypeOf(methods).toEqualTypeOf<Map<string, CallableMetadata>>();
    for (const [name, meta] of methods) {
      console.log(`${name}: ${meta.description || "(no description)"}`);
      if (meta.streaming) console.log("  (streaming)");
    }
  }
  // @ts-expect-error for methods only
  @callable()
  field = 1;
}

export class WorkerAgent extends Agent<Env> {
  async doWork() {
    return { done: true };
  }
}
export class OrchestratorAgent extends Agent<Env> {
  async delegateWork(taskId: string) {
    const worker = await getAgentByName(this.env.WorkerAgent, taskId);
    const result = await worker.doWork();
    return result.done;
  }
}
export default {
  async fetch(_request: Request, env: Env) {
    const agent = await getAgentByName(env.MyAgent, "instance-name");
    const result = await agent.processData({ name: "x", count: 1 });
    return Response.json(result);
  }
} satisfies ExportedHandler<Env>;

// Observability.
// proves observability#subscribe-typed
const unsub = subscribe("rpc", (event) => {
  if (event.type === "rpc") {
    console.log(`RPC call: ${event.payload.method}`);
  }
  if (event.type === "rpc:error") {
    console.error(`RPC failed: ${event.payload.method} — ${event.payload.error}`);
  }
  expectTypeOf(event.type).toEqualTypeOf<"rpc" | "rpc:error">();
});
unsub();
// @ts-expect-error no such channel
subscribe("nothing", () => {});

const myObservability: Observability = {
  emit(event) {
    if (event.type === "rpc:error") {
      console.error(event.payload.method, event.payload.error);
    }
    if (event.type === "schedule:retry") console.log(event.payload.attempt, event.payload.maxAttempts);
    genericObservability.emit(event);
  }
};
export class ObservedAgent extends Agent {
  override observability = myObservability;
}
export class SilentAgent extends Agent {
  override observability = undefined;
}
expectTypeOf<Extract<ObservabilityEvent, { type: "mcp:client:connect" }>["payload"]>().toEqualTypeOf<{
  url: string;
  transport: string;
  state: string;
  error?: string;
}>();
