// `agents/ai-types`, for programs that know the chat package by this path.
export * from "@cloudflare/ai-chat/types";
