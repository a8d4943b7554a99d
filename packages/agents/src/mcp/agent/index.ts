export { SSEEdgeClientTransport, StreamableHTTPEdgeClientTransport } from "./edge";
export { RPCServerTransport, type RPCServerTransportOptions } from "./rpc";
export { RPC_DO_PREFIX, RPCClientTransport, type RPCClientTransportOptions } from "./rpc-client";
export type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
export type { McpHandler, ServeContext, ServeOptions } from "./serve";
export { ElicitRequestSchema, type ElicitRequest, type ElicitResult } from "@modelcontextprotocol/sdk/types.js";
