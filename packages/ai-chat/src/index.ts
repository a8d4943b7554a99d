export { AIChatAgent, type OnChatMessageOptions, type OnFinish, type WaitForMcpConnections } from "./chat-agent";
export type { ClientToolSchema } from "./protocol/frames";
export type { InputSchema, ToolApprovalOptions } from "./tools/approval-options";
export { createToolsFromClientSchemas } from "./tools/client-schemas";
export type { ChatConcurrency } from "./turn/operations";
export type { ChatRecovery, ChatRecoveryPolicy } from "./turn/recovery";
export type { ChatTurn } from "./turn/turn-records";
export type { Usage } from "./turn/usage";
