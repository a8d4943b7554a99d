export {
  detectToolsRequiringConfirmation,
  extractClientToolSchemas,
  type AITool,
  type JSONSchemaType
} from "./client-tools";
export type { ClientToolSchema } from "../protocol/frames";
export type {
  ChatSocket,
  OnToolCallCallback,
  PrepareSendMessagesRequestOptions,
  PrepareSendMessagesRequestResult,
  ToolApprovalResponse,
  ToolCall,
  ToolOutput
} from "../client";
export { useAgentChat, type UseAgentChatHelpers, type UseAgentChatOptions } from "./use-agent-chat";
