export { MCPClientManager, type MCPClientManagerOptions } from "./tool-servers";
export { getNamespacedData } from "./mcp/client/namespaced";
export type {
  AddMcpServerOptions,
  AddMcpServerResult,
  AddRpcMcpServerOptions,
  McpAITool,
  McpBinding,
  McpClient,
  MCPClientConnection,
  MCPClientOAuthCallbackConfig,
  MCPClientOAuthResult,
  McpClientOptions,
  MCPConnectionResult,
  MCPConnectionState,
  MCPDiscoverResult,
  MCPOAuthCallbackResult,
  MCPServerOptions,
  MCPTransportOptions,
  RegisterServerOptions,
  TransportType
} from "./mcp/client/types";
