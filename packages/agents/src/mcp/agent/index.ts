export { SSEEdgeClientTransport, StreamableHTTPEdgeClientTransport } from "./edge";
export {
  RPC_DO_PREFIX,
  RPCClientTransport,
  RPCServerTransport,
  type RPCClientTransportOptions,
  type RPCServerTransportOptions
} from "./rpc";
export type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
export type { McpHandler, ServeContext, ServeOptions } from "./serve";
export { ElicitRequestSchema, type ElicitRequest, type ElicitResult } from "@modelcontextprotocol/sdk/types.js";
