export { McpAgent } from "./mcp-agent";
export {
  ElicitRequestSchema,
  RPC_DO_PREFIX,
  RPCClientTransport,
  RPCServerTransport,
  SSEEdgeClientTransport,
  StreamableHTTPEdgeClientTransport,
  type ElicitRequest,
  type ElicitResult,
  type McpHandler,
  type RPCClientTransportOptions,
  type RPCServerTransportOptions,
  type ServeContext,
  type ServeOptions
} from "./mcp/agent/index";
export type {
  MCPClientOAuthCallbackConfig,
  MCPClientOAuthResult,
  McpClientOptions,
  MCPConnectionResult,
  MCPDiscoverResult,
  MCPServerOptions
} from "./mcp/client/types";
export { getMcpAuthContext, type McpAuthContext } from "./mcp/handler/auth-context";
export {
  createMcpHandler,
  experimental_createMcpHandler,
  type CreateMcpHandlerOptions,
  type McpFetchHandler,
  type McpRequestContext,
  type McpServerSource
} from "./mcp/handler/create-mcp-handler";
export type { MCPStorageApi, ProtocolVersion, TransportState } from "./mcp/handler/session";
export { WorkerTransport, type WorkerTransportOptions } from "./mcp/handler/worker-transport";
export type { CORSOptions } from "./mcp/http/cors";
export { SqlEventStore } from "./sql-event-store";
