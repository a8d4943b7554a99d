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
