// `agents/ai-react`, for programs that know the chat package by this path.
export * from "@cloudflare/ai-chat/react";
