export { AIChatAgent, type OnChatMessageOptions, type OnFinish } from "./chat-agent";
export type { ClientToolSchema } from "./protocol/frames";
export { createToolsFromClientSchemas } from "./tools/client-schemas";
