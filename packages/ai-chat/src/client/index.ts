export { AgentChat } from "./agent-chat";
export { AgentChatTransport, type AgentChatTransportOptions } from "./agent-chat-transport";
export type { ChatSocket } from "./chat-socket";
export type { NewMessage } from "./new-message";
export type {
  AgentChatOptions,
  AgentChatSnapshot,
  OnToolCallCallback,
  PrepareSendMessagesRequestOptions,
  PrepareSendMessagesRequestResult,
  RequestOptions,
  ToolApprovalResponse,
  ToolCall,
  ToolOutput
} from "./options";
