// MCP servers as the pages "McpAgent", "Transport", "Tools" and "Authorization" write them.
import { routeAgentRequest, type Agent } from "agents";
import { createMcpHandler, ElicitRequestSchema, McpAgent, RPC_DO_PREFIX, type ElicitResult } from "agents/mcp";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";

type State = { counter: number };

export class MyMCP extends McpAgent<Env, State, {}> {
  server = new McpServer({ name: "Demo", version: "1.0.0" });
  initialState: State = { counter: 1 };
  async init() {
    this.server.resource(`counter`, `mcp://resource/counter`, (uri) => {
      return { contents: [{ uri: uri.href, text: String(this.state.counter) }] };
    });
    this.server.tool("add", "Add to the counter, stored in the MCP", { a: z.number() }, async ({ a }) => {
      this.setState({ ...this.state, counter: this.state.counter + a });
      return { content: [{ type: "text", text: String(`Added ${a}, total is now ${this.state.counter}`) }] };
    });
  }
  onStateChanged(state: State) {
    console.log({ stateUpdate: state });
  }
}

export class Untyped extends McpAgent {
  server = new McpServer({ name: "Stateful Tools", version: "1.0.0" });
  async init() {
    this.server.tool("incrementCounter", "Increment and return a counter", {}, async () => {
      const count = (this.state?.count ?? 0) + 1;
      this.setState({ count });
      return { content: [{ type: "text", text: `Counter: ${count}` }] };
    });
  }
}

export class CounterMCP extends McpAgent<Env, State, {}> {
  server = new McpServer({ name: "counter-server", version: "1.0.0" });
  async init() {
    this.server.tool("increase-counter", "Increase", { confirm: z.boolean() }, async ({ confirm }, extra) => {
      if (!confirm) return { content: [{ type: "text", text: "Cancelled." }] };
      const schema = {
        type: "object",
        properties: { amount: { type: "number", title: "Amount", description: "The amount" } },
        required: ["amount"]
      } as const;
      const params = { message: "By how much?", requestedSchema: { ...schema, required: ["amount"] } };
      const userInput = await this.server.server.elicitInput(params, { relatedRequestId: extra.requestId });
      const own: ElicitResult = await this.elicitInput(params, { relatedRequestId: extra.requestId });
      switch (own.action) {
        case "accept": {
          const { amount } = own.content as { amount: number };
          return { content: [{ type: "text", text: `${amount} ${userInput.action}` }] };
        }
        case "decline":
          return { content: [{ type: "text", text: "Operation cancelled." }] };
      }
      return { content: [] };
    });
  }
}

type AuthContext = { claims: { sub: string; name: string; email: string }; permissions: string[] };

export class Authorized extends McpAgent<Env, unknown, AuthContext> {
  server = new McpServer({ name: "Auth Demo", version: "1.0.0" });
  async init() {
    this.server.tool("whoami", "Get the current user", {}, async () => ({
      content: [{ type: "text", text: `Hello, ${this.props.claims.name}!` }]
    }));
    if (this.props.permissions?.includes("special_feature")) {
      this.server.tool("specialTool", "Special feature", {}, async () => ({ content: [] }));
    }
  }
}

export class ByRpc extends McpAgent<Env, State, { userId?: string; role?: string }> {
  server = new McpServer({ name: "rpc", version: "1.0.0" });
  protected getRpcTransportOptions() {
    return { timeout: 120000 };
  }
  async init() {
    this.server.tool("whoami", "Get current user info", {}, async () => {
      const userId = this.props?.userId || "anonymous";
      return { content: [{ type: "text", text: `User ID: ${userId}, Role: ${this.props?.role || "guest"}` }] };
    });
  }
}

export class LowLevel extends McpAgent {
  server = Promise.resolve(new McpServer({ name: "later", version: "1.0.0" }));
}

export class Factory extends McpAgent {
  server = () => new McpServer({ name: "made", version: "1.0.0" });
}

// The default export of a Worker, and a handler as OAuth providers take it.
export const simplest: ExportedHandler<Env> = MyMCP.serve("/mcp");
export const european: ExportedHandler<Env> = MyMCP.serve("/mcp", { jurisdiction: "eu" });
export const apiHandler: ExportedHandler<Env> & Pick<Required<ExportedHandler<Env>>, "fetch"> = MyMCP.serve("/mcp");
export const older = [MyMCP.serveSSE("/sse"), MyMCP.mount("/sse", { binding: "MyMCP" })];
export const named = ByRpc.serve("/mcp", { name: (request, ctx) => `${request.url} ${ctx.props.userId}` });

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const url = new URL(request.url);
    if (url.pathname.startsWith("/mcp")) return MyMCP.serve("/mcp").fetch(request, env, ctx);
    if (url.pathname.startsWith("/other")) {
      return createMcpHandler(new McpServer({ name: "other", version: "1.0.0" }))(request, env, ctx);
    }
    const response = await routeAgentRequest(request, env);
    if (response) return response;
    return new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;

export const prefix: "rpc:" = RPC_DO_PREFIX;
export const method: string = ElicitRequestSchema.shape.method.value;

// What an McpAgent is beside its own: an agent.
export const isAgent = (agent: MyMCP): Agent<Env, State, {}> => agent;
