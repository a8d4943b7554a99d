import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { AgentError } from "../../protocol/errors";
import { setFormValidator } from "../http/set-form-validator";
import { runAs, type McpAuthContext } from "./auth-context";
import { serveFor, WorkerTransport, type WorkerTransportOptions } from "./worker-transport";

export interface CreateMcpHandlerOptions extends WorkerTransportOptions {
  /** The path that is served; others are answered with 404. `/mcp` unless told. */
  route?: string;
  /** On whose behalf requests run, for `getMcpAuthContext`. Unless told, what the OAuth provider has said (`ctx.props`). */
  authContext?: McpAuthContext;
  /** A transport that outlives a request, with its sessions; the other options of a transport are then not looked at. */
  transport?: WorkerTransport;
}

/** What a factory of servers may look at. */
export interface McpRequestContext {
  readonly request: Request;
  readonly env: unknown;
  readonly authContext: McpAuthContext | undefined;
}

/** A server, or what makes one. */
export type McpServerSource =
  | McpServer
  | Server
  | ((context: McpRequestContext) => McpServer | Server | Promise<McpServer | Server>);

/** The signature of `fetch` of a Worker. */
export type McpFetchHandler = (request: Request, env: unknown, ctx?: { readonly props?: unknown }) => Promise<Response>;

/**
 * Serves an `McpServer` over Streamable HTTP.
 *
 * Without a `transport`, nothing lasts from one request to the next: every request has a transport and a server of its own. Give a
 * function that makes the server, or make both anew in `fetch`. Such a server can send progress and logs while it answers; it cannot
 * ask its client, because the answer would meet another server.
 *
 * With a `transport` in an agent, the server keeps its session and may ask.
 *
 * @param source a function that makes a server, or a server that was never connected
 * @returns a function for `fetch`. It does not throw: errors are JSON-RPC errors (-32603), `MCP_SERVER_CONNECTED` among them, when a
 * server is given a second time
 * @example
 * export default {
 *   fetch: createMcpHandler(() => {
 *     const server = new McpServer({ name: "hello", version: "1.0.0" });
 *     server.registerTool("hello", {}, () => ({ content: [{ type: "text", text: "Hello!" }] }));
 *     return server;
 *   })
 * };
 */
export function createMcpHandler(source: McpServerSource, options: CreateMcpHandlerOptions = {}): McpFetchHandler {
  const { route = "/mcp", authContext: given, transport: lasting, ...transportOptions } = options;
  return (request, env, ctx) => {
    if (new URL(request.url).pathname !== route) return Promise.resolve(new Response("Not Found", { status: 404 }));
    const authContext = given ?? contextOf(ctx);
    const transport = lasting ?? new WorkerTransport(transportOptions);
    serveFor(transport, {
      once: lasting === undefined,
      connect: async () => {
        const server = typeof source === "function" ? await source({ request, env, authContext }) : source;
        await connectOnce(server, transport);
      }
    });
    return runAs(authContext, () => transport.handleRequest(request));
  };
}

/** @deprecated Use `createMcpHandler`. */
export const experimental_createMcpHandler: typeof createMcpHandler = createMcpHandler;

// Also one whose client has gone, and which is ended: whether it works again would depend on when requests come.
const transportsByServer = new WeakMap<object, WorkerTransport>();

async function connectOnce(server: McpServer | Server, transport: WorkerTransport): Promise<void> {
  const isConnected = "server" in server ? server.isConnected() : server.transport !== undefined;
  if (isConnected || (transportsByServer.get(server) ?? transport) !== transport) {
    throw new AgentError(
      "MCP_SERVER_CONNECTED",
      "Server is already connected to a transport. Create a new McpServer instance per request for stateless handlers."
    );
  }
  transportsByServer.set(server, transport);
  setFormValidator(server);
  await server.connect(transport);
}

/** What the OAuth provider has left for its handlers. A Worker that nobody has called on somebody's behalf has no props, or empty ones. */
function contextOf(ctx: { readonly props?: unknown } | undefined): McpAuthContext | undefined {
  const props = ctx?.props;
  if (typeof props !== "object" || props === null || Object.keys(props).length === 0) return undefined;
  return { props: props as Record<string, unknown> };
}
