// `agents/ai-chat-agent`, for programs that know the chat package by this path. It has to be installed beside this one.
export * from "@cloudflare/ai-chat";
