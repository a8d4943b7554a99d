// `agents/ai-chat-v5-migration`, for programs that know the chat package by this path.
export * from "@cloudflare/ai-chat/ai-chat-v5-migration";
