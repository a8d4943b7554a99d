// The snippets of the pages "Routing" and "Add to existing project".
import {
  Agent,
  callable,
  getAgentByName,
  routeAgentRequest,
  type AgentOptions,
  type AgentStaticOptions,
  type Lobby
} from "agents";
import { Hono } from "hono";
import { agentsMiddleware } from "hono-agents";
import { expectTypeOf } from "vitest";

type CounterState = { count: number };

export class CounterAgent extends Agent<Env, CounterState> {
  initialState: CounterState = { count: 0 };
  @callable()
  increment() {
    this.setState({ count: this.state.count + 1 });
    return this.state.count;
  }
  @callable()
  decrement() {
    this.setState({ count: this.state.count - 1 });
    return this.state.count;
  }
}
export class ChatRoom extends Agent {}
export class UserAgent extends Agent {}
export class CodeReviewAgent extends Agent {}

// proves configuration#types-manual
interface Env extends Cloudflare.Env {
  Counter: DurableObjectNamespace<CounterAgent>;
  CounterAgent: DurableObjectNamespace<CounterAgent>;
  ChatRoom: DurableObjectNamespace<ChatRoom>;
  UserAgent: DurableObjectNamespace<UserAgent>;
  MyAgent: DurableObjectNamespace<MyAgent>;
  CodeReviewAgent: DurableObjectNamespace<CodeReviewAgent>;
}

declare function getSession(request: Request): Promise<{ userId: string; role: string }>;
declare function authenticate(request: Request, env: Env): Promise<{ id: string } | null>;
declare function verifyToken(token: string | null, env: Env): Promise<boolean>;

export const basic = {
  async fetch(request: Request, env: Env, _ctx: ExecutionContext) {
    const agentResponse = await routeAgentRequest(request, env);
    // proves routing#returns
    expectTypeOf(agentResponse).toEqualTypeOf<Response | undefined>();
    if (agentResponse) {
      return agentResponse;
    }
    return new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;

export const inferred = {
  async fetch(request, env) {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;

export const customPaths = {
  async fetch(request: Request, env: Env) {
    const url = new URL(request.url);
    if (url.pathname.startsWith("/user/")) {
      const session = await getSession(request);
      const agent = await getAgentByName(env.UserAgent, session.userId);
      return agent.fetch(request);
    }
    if (url.pathname.startsWith("/chat/")) {
      const roomId = url.pathname.replace("/chat/", "");
      const agent = await getAgentByName(env.ChatRoom, roomId);
      return agent.fetch(request);
    }
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;

export class SecureAgent extends Agent {
  static options = { sendIdentityOnConnect: false };
}
export class AlwaysOnAgent extends Agent {
  static options = { hibernate: false };
}
export class PatientAgent extends Agent {
  static options: AgentStaticOptions = { hungScheduleTimeoutSeconds: 120, retry: { maxAttempts: 10 } };
}
// @ts-expect-error a boolean
export class WrongAgent extends Agent {
  static options = { hibernate: "no" };
}

export async function options(request: Request, env: Env) {
  await routeAgentRequest(request, env, { cors: true });
  await routeAgentRequest(request, env, {
    cors: {
      "Access-Control-Allow-Origin": "https://myapp.com",
      "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
      "Access-Control-Allow-Headers": "Content-Type, Authorization"
    }
  });
  await getAgentByName(env.MyAgent, "instance-name", { locationHint: "enam" });
  await routeAgentRequest(request, env, { locationHint: "enam" });
  await getAgentByName(env.MyAgent, "instance-name", { jurisdiction: "eu" });
  await routeAgentRequest(request, env, { jurisdiction: "eu" });
  await routeAgentRequest(request, env, { prefix: "/api/agents" });
  const session = await getSession(request);
  await getAgentByName(env.MyAgent, "instance-name", { props: { userId: session.userId, config: { maxRetries: 3 } } });
  await routeAgentRequest(request, env, { props: { userId: session.userId, role: session.role } });
  await routeAgentRequest(request, env, {
    onBeforeConnect: (req, lobby) => {
      expectTypeOf(req).toEqualTypeOf<Request>();
      expectTypeOf(lobby).toEqualTypeOf<Lobby>();
    },
    onBeforeRequest: (req, { className, name }) => new Request(`${req.url}?${className}&${name}`, req)
  });
  const known: AgentOptions<Env> = { cors: true, prefix: "bots", props: { role: "admin" } };
  await routeAgentRequest(request, env, known);
  // @ts-expect-error no such place
  await routeAgentRequest(request, env, { locationHint: "moon" });
  // @ts-expect-error not a response
  await routeAgentRequest(request, env, { onBeforeRequest: () => 401 });
}

class MyAgent extends Agent<Env> {
  private userId?: string;
  private config?: { maxRetries: number };
  async onStart(props?: { userId: string; config: { maxRetries: number } }) {
    this.userId = props?.userId;
    this.config = props?.config;
  }
  whoami() {
    return [this.userId, this.config?.maxRetries] as const;
  }
}

export const rpc = {
  async fetch(request: Request, env: Env) {
    const url = new URL(request.url);
    if (url.pathname === "/api/increment") {
      const counter = await getAgentByName(env.Counter, "global-counter");
      const newCount = await counter.increment();
      // proves routing#typed-stub
      expectTypeOf(newCount).toEqualTypeOf<number>();
      // @ts-expect-error no such method
      await counter.explode();
      return Response.json({ count: newCount });
    }
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;

export class API extends Agent<Env> {
  private async getUsers() {
    return [{ name: "Ada" }];
  }
  private async createUser(data: unknown) {
    return data;
  }
  async onRequest(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/agents\/api\/[^/]+/, "");
    if (request.method === "GET" && path === "/users") {
      return Response.json(await this.getUsers());
    }
    if (request.method === "POST" && path === "/users") {
      const data = await request.json();
      return Response.json(await this.createUser(data));
    }
    return new Response("Not found", { status: 404 });
  }
}

export const hooks = {
  async fetch(request: Request, env: Env) {
    return (
      (await routeAgentRequest(request, env, {
        onBeforeConnect: async (request) => {
          const token = new URL(request.url).searchParams.get("token");
          if (!(await verifyToken(token, env))) {
            return new Response("Unauthorized", { status: 401 });
          }
        },
        onBeforeRequest: async (request) => {
          const auth = request.headers.get("Authorization");
          if (!auth || !(await verifyToken(auth, env))) {
            return new Response("Unauthorized", { status: 401 });
          }
        },
        prefix: "user-"
      })) ?? new Response("Not found", { status: 404 })
    );
  }
} satisfies ExportedHandler<Env>;

export const manual = {
  async fetch(request: Request, env: Env) {
    const url = new URL(request.url);
    if (url.pathname.startsWith("/agents/")) {
      const user = await authenticate(request, env);
      if (!user) return new Response("Unauthorized", { status: 401 });
      const instanceName = url.pathname.split("/")[3];
      if (instanceName !== `user-${user.id}`) return new Response("Forbidden", { status: 403 });
    }
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;

const app = new Hono<{ Bindings: Env }>();
app.use("*", agentsMiddleware());
app.use("*", agentsMiddleware({ options: { prefix: "bots", onBeforeConnect: () => {} }, onError: console.error }));
app.use("/agents/*", async (c, next) => {
  const token = c.req.header("Authorization")?.replace("Bearer ", "");
  if (!token || !(await verifyToken(token, c.env))) {
    return c.json({ error: "Unauthorized" }, 401);
  }
  await next();
});
app.all("/agents/code-review/:id/*", async (c) => {
  const id = c.req.param("id");
  const agent = await getAgentByName(c.env.CodeReviewAgent, id);
  return agent.fetch(c.req.raw);
});
app.get("/api/hello", (c) => c.json({ message: "Hello!" }));

export default app satisfies ExportedHandler<Env>;
