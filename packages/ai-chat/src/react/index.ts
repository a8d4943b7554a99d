export {
  detectToolsRequiringConfirmation,
  extractClientToolSchemas,
  type AITool,
  type JSONSchemaType
} from "./client-tools";
export type { ClientToolSchema } from "../protocol/frames";
export type { ChatSocket } from "../transport/chat-socket";
export {
  useAgentChat,
  type OnToolCallCallback,
  type PrepareSendMessagesRequestOptions,
  type PrepareSendMessagesRequestResult,
  type ToolCall,
  type ToolOutput,
  type UseAgentChatHelpers,
  type UseAgentChatOptions
} from "./use-agent-chat";
