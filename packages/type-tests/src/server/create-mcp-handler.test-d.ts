// The snippets of the pages "createMcpHandler", "Transport" (stateless), "Tools" and "Authorization" of MCP servers.
import { OAuthProvider } from "@cloudflare/workers-oauth-provider";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { Agent, getAgentByName } from "agents";
import {
  createMcpHandler,
  experimental_createMcpHandler,
  getMcpAuthContext,
  McpAgent,
  WorkerTransport,
  type CreateMcpHandlerOptions,
  type McpAuthContext,
  type TransportState,
  type WorkerTransportOptions
} from "agents/mcp";
import { expectTypeOf } from "vitest";
import { z } from "zod";

interface Env extends Cloudflare.Env {
  MyStatefulMcpAgent: DurableObjectNamespace<MyStatefulMcpAgent>;
}

function createServer() {
  const server = new McpServer({
    name: "Hello MCP Server",
    version: "1.0.0"
  });
  server.tool("hello", "Returns a greeting message", { name: z.string().optional() }, async ({ name }) => {
    return {
      content: [
        {
          text: `Hello, ${name ?? "World"}!`,
          type: "text"
        }
      ]
    };
  });
  return server;
}

export const stateless = {
  fetch: async (request: Request, env: Env, ctx: ExecutionContext) => {
    // Create new server instance per request
    const server = createServer();
    return createMcpHandler(server)(request, env, ctx);
  }
} satisfies ExportedHandler<Env>;

// Also as it is, and from a function.
export const direct = { fetch: createMcpHandler(createServer) } satisfies ExportedHandler<Env>;
export const later = {
  fetch: experimental_createMcpHandler(async () => createServer())
} satisfies ExportedHandler<Env>;

const STATE_KEY = "mcp-transport-state";
type State = { counter: number };

export class MyStatefulMcpAgent extends Agent<Env, State> {
  server = new McpServer({
    name: "Stateful MCP Server",
    version: "1.0.0"
  });
  transport = new WorkerTransport({
    sessionIdGenerator: () => this.name,
    storage: {
      get: () => {
        return this.ctx.storage.get<TransportState>(STATE_KEY);
      },
      set: (state: TransportState) => {
        void this.ctx.storage.put(STATE_KEY, state);
      }
    }
  });
  override async onRequest(request: Request) {
    return createMcpHandler(this.server, {
      transport: this.transport
    })(request, this.env, this.ctx as unknown as ExecutionContext);
  }
}

export const stateful = {
  async fetch(request: Request, env: Env, _ctx: ExecutionContext) {
    const sessionId = request.headers.get("mcp-session-id") ?? crypto.randomUUID();
    const agent = await getAgentByName(env.MyStatefulMcpAgent, sessionId);
    return await agent.onRequest(request);
  }
} satisfies ExportedHandler<Env>;

declare const myStorage: {
  get(key: string): TransportState | undefined;
  put(key: string, state: TransportState): void;
};
const transport = new WorkerTransport({
  sessionIdGenerator: () => `session-${crypto.randomUUID()}`,
  enableJsonResponse: true,
  onsessioninitialized: (sessionId) => {
    console.log(`MCP session initialized: ${sessionId}`);
  },
  corsOptions: {
    origin: "https://example.com",
    methods: "GET, POST, OPTIONS",
    headers: "Content-Type, Authorization",
    maxAge: 86400
  },
  storage: {
    get: () => myStorage.get("transport-state"),
    set: (state) => myStorage.put("transport-state", state)
  }
});
expectTypeOf(transport).toExtend<Transport>();
expectTypeOf(transport.sessionId).toEqualTypeOf<string | undefined>();
expectTypeOf(transport.handleRequest).parameters.toEqualTypeOf<[request: Request, parsedBody?: unknown]>();
expectTypeOf<CreateMcpHandlerOptions>().toExtend<WorkerTransportOptions>();
export const lasting = createMcpHandler(createServer(), { transport, route: "/api/mcp", authContext: { props: {} } });
// @ts-expect-error there is no such option
createMcpHandler(createServer, { path: "/mcp" });

function createAuthServer() {
  const server = new McpServer({ name: "Auth Server", version: "1.0.0" });
  server.tool("getProfile", "Get the current user's profile", {}, async () => {
    const auth = getMcpAuthContext();
    expectTypeOf(auth).toEqualTypeOf<McpAuthContext | undefined>();
    const username = auth?.props?.username as string | undefined;
    const email = auth?.props?.email as string | undefined;
    return {
      content: [
        {
          type: "text",
          text: `User: ${username ?? "anonymous"}, Email: ${email ?? "none"}`
        }
      ]
    };
  });
  return server;
}

const resourceMetadata = { resource: "https://example.com/mcp", authorization_servers: ["https://example.com"] };
const endpoints = {
  authorizeEndpoint: "/authorize",
  tokenEndpoint: "/token",
  clientRegistrationEndpoint: "/register",
  defaultHandler: { fetch: () => new Response() },
  resourceMetadata
};

export const authenticated = new OAuthProvider({
  apiRoute: "/mcp",
  apiHandler: {
    fetch: (request: Request, env: Env, ctx: ExecutionContext) => {
      // Create a new server instance per request
      const server = createAuthServer();
      return createMcpHandler(server)(request, env, ctx);
    }
  },
  ...endpoints
});

type AuthContext = {
  claims: { sub: string; name: string; email: string };
  permissions: string[];
};

export class MyMCP extends McpAgent<Env, unknown, AuthContext> {
  server = new McpServer({ name: "Permissions Demo", version: "1.0.0" });

  override async init() {
    this.server.tool("whoami", "Get the current user", {}, async () => ({
      content: [{ type: "text", text: `Hello, ${this.props.claims.name}!` }]
    }));
    if (this.props.permissions?.includes("special_feature")) {
      this.server.tool("specialTool", "Special feature", {}, async () => ({
        content: [{ type: "text", text: "Special feature result" }]
      }));
    }
  }
}

// proves guide-remote-mcp-server#oauth-types
export const routed = new OAuthProvider({ apiRoute: "/mcp", apiHandler: MyMCP.serve("/mcp"), ...endpoints });
export const mapped = new OAuthProvider({ apiHandlers: { "/mcp": MyMCP.serve("/mcp") }, ...endpoints });
