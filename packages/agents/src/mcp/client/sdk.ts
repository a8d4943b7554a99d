// All that an agent needs of the MCP SDK when it connects to a server. Only this file imports values of it: the build makes one module of it
// (bundle-libraries.ts). So what is loaded later shares no module with the program.
export { auth, UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
export { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
export { StreamableHTTPClientTransport, StreamableHTTPError } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
export { getMethodLiteral } from "@modelcontextprotocol/sdk/server/zod-json-schema-compat.js";
export { mergeCapabilities, Protocol } from "@modelcontextprotocol/sdk/shared/protocol.js";
export {
  CallToolResultSchema,
  CompleteResultSchema,
  CreateMessageRequestSchema,
  CreateMessageResultSchema,
  CreateMessageResultWithToolsSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  ElicitResultSchema,
  EmptyResultSchema,
  ErrorCode,
  GetPromptResultSchema,
  InitializeResultSchema,
  LATEST_PROTOCOL_VERSION,
  ListPromptsResultSchema,
  ListResourcesResultSchema,
  ListResourceTemplatesResultSchema,
  ListToolsResultSchema,
  McpError,
  PromptListChangedNotificationSchema,
  PromptSchema,
  ReadResourceResultSchema,
  ResourceListChangedNotificationSchema,
  ResourceSchema,
  ResourceTemplateSchema,
  ResultSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
  ToolListChangedNotificationSchema,
  ToolSchema
} from "@modelcontextprotocol/sdk/types.js";
