import type { Client, ClientOptions } from "@modelcontextprotocol/sdk/client/index.js";
import type { Prompt, Resource, ResourceTemplate, ServerCapabilities, Tool } from "@modelcontextprotocol/sdk/types.js";
import type { McpServerState } from "../../protocol/frames";
import type { RetryOptions } from "../../retry/retry-options";

/**
 * Options of the SDK's client: what it can do for servers, how it checks what they answer. For changes of lists, set handlers on
 * `mcpConnections[id].client`.
 */
export type McpClientOptions = Omit<ClientOptions, "listChanged">;

/** How a server is reached. */
export type TransportType = "auto" | "sse" | "streamable-http" | "rpc";

export type MCPConnectionState = McpServerState;

export interface MCPTransportOptions {
  /** `auto`, the default: Streamable HTTP, and the transport of before 2025 where a server does not know it. */
  type?: "sse" | "streamable-http" | "auto";
  /** Sent to the server, and to nobody else. */
  headers?: HeadersInit;
}

/** What `addMcpServer` takes beside a name and a URL. */
export interface AddMcpServerOptions {
  /** The id of the server, which its tools are named after. Letters, digits and hyphens, at most 40. Default: made at random. */
  id?: string;
  /** Where users come back to from the server's consent page. Default: the host of the request or connection at hand. */
  callbackHost?: string;
  /** The path of that, in place of `/{agentsPrefix}/{class}/{name}/callback`. Needed where names of instances are secret. */
  callbackPath?: string;
  /** As `prefix` of `routeAgentRequest`. Default `agents`. */
  agentsPrefix?: string;
  client?: McpClientOptions;
  transport?: MCPTransportOptions;
  /** For connecting. Kept with the server. Default 3 attempts, 500 ms doubled up to 5,000 ms. */
  retry?: RetryOptions;
}

/** What `addMcpServer` takes beside a name and a binding. */
export interface AddRpcMcpServerOptions {
  /** As for a server with a URL. */
  id?: string;
  /** The props of the `McpAgent`. Kept with the server. */
  props?: Record<string, unknown>;
  client?: McpClientOptions;
  retry?: RetryOptions;
}

/** The binding of an `McpAgent`. Not by its full type: to compare those of two classes is more than the compiler does. */
export interface McpBinding {
  idFromName(name: string): unknown;
  get(id: never): unknown;
}

/** What `addMcpServer` returns: the tools are there, or the user has to go to `authUrl` first. */
export type AddMcpServerResult =
  | { id: string; state: "ready"; authUrl?: undefined }
  | { id: string; state: "authenticating"; authUrl: string };

/** What is stored of a server beside its name and URL. */
export interface MCPServerOptions {
  client?: McpClientOptions;
  transport?: { type?: TransportType; headers?: Record<string, string> };
  retry?: RetryOptions;
  /** Of a server that is reached by RPC. */
  bindingName?: string;
  props?: Record<string, unknown>;
}

/** A server to be connected later. */
export interface RegisterServerOptions {
  url: string;
  name: string;
  /** Where users come back to from the server's consent page. Without it, a server that asks for one cannot be used. */
  callbackUrl?: string;
  client?: McpClientOptions;
  /** Another name of `client`. */
  clientOptions?: McpClientOptions;
  transport?: MCPTransportOptions;
  /** Another name of `transport`. */
  transportOptions?: MCPTransportOptions;
  retry?: RetryOptions;
}

export type MCPConnectionResult =
  | { state: "failed"; error: string }
  | { state: "authenticating"; authUrl: string }
  | { state: "connected" };

export interface MCPDiscoverResult {
  success: boolean;
  state: MCPConnectionState;
  error?: string;
}

/** How a sign-in at a server ended. */
export type MCPClientOAuthResult =
  | { serverId: string; authSuccess: true; authError?: undefined }
  | { serverId: string; authSuccess: false; authError: string };

export type MCPOAuthCallbackResult = MCPClientOAuthResult;

/** What users see when they come back from a server's consent page. */
export interface MCPClientOAuthCallbackConfig {
  /** Where they go when it went well. Default: the origin of the application. */
  successRedirect?: string;
  /** Where they go when it did not, with `?error=`. Default: a page that says what went wrong. */
  errorRedirect?: string;
  /** In place of both. */
  customHandler?: (result: MCPClientOAuthResult) => Response | Promise<Response>;
}

/** What a server offers. */
export interface Catalogue {
  tools: Tool[];
  prompts: Prompt[];
  resources: Resource[];
  resourceTemplates: ResourceTemplate[];
  capabilities: ServerCapabilities | null;
  instructions: string | null;
}

export type CatalogueKind = "tools" | "prompts" | "resources" | "resourceTemplates";

/** The methods of the SDK's client. Those that ask the server connect to it first, if need be. */
export type McpClient = Pick<
  Client,
  | "callTool"
  | "complete"
  | "getPrompt"
  | "getInstructions"
  | "getServerCapabilities"
  | "listPrompts"
  | "listResources"
  | "listResourceTemplates"
  | "listTools"
  | "ping"
  | "readResource"
  | "request"
  | "sendRootsListChanged"
  | "setLoggingLevel"
  | "setNotificationHandler"
  | "setRequestHandler"
  | "subscribeResource"
  | "unsubscribeResource"
>;

/** One server, as `mcpConnections` has it. */
export interface MCPClientConnection extends Readonly<Catalogue> {
  readonly id: string;
  readonly name: string;
  readonly url: URL;
  readonly connectionState: MCPConnectionState;
  readonly connectionError: string | null;
  readonly client: McpClient;
}

/** An item and its server. */
export type Of<Item> = Item & { serverId: string };

/** A tool of an MCP server, as the AI SDK takes it. */
export interface McpAITool {
  description?: string;
  title?: string;
  // Its type differs between versions of the AI SDK; it is what `jsonSchema()` of each of them returns.
  // oxlint-disable-next-line typescript/no-explicit-any
  inputSchema: any;
  // Which arguments it takes is known to the server alone.
  // oxlint-disable-next-line typescript/no-explicit-any
  execute(input: any, options?: { abortSignal?: AbortSignal }): Promise<any>;
}
