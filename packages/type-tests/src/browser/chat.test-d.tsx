// The snippets for browsers of the pages "Chat agents" and "Build a chat agent", and what is ours of the client.
import { AgentChat, AgentChatTransport } from "@cloudflare/ai-chat/client";
import { useAgentChat, type UseAgentChatHelpers } from "@cloudflare/ai-chat/react";
import type { ChatTransport, UIMessage } from "ai";
import { AgentClient } from "agents/client";
import { useAgent } from "agents/react";
import { useState } from "react";
import { expectTypeOf } from "vitest";

declare const currentUser: { id: string };
declare function getAuthToken(): string;
declare function getToken(): Promise<string>;

// proves chat-agents#quick-start-client
export function QuickStart() {
  const agent = useAgent({ agent: "ChatAgent" });
  const { messages, sendMessage, status } = useAgentChat({ agent });
  return (
    <div>
      {messages.map((msg) => (
        <div key={msg.id}>
          <strong>{msg.role}:</strong>
          {msg.parts.map((part, i) => (part.type === "text" ? <span key={i}>{part.text}</span> : null))}
        </div>
      ))}
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const input = e.currentTarget.elements.namedItem("input") as HTMLInputElement;
          void sendMessage({ text: input.value });
          input.value = "";
        }}
      >
        <input name="input" placeholder="Type a message..." />
        <button type="submit" disabled={status === "streaming"}>
          Send
        </button>
      </form>
    </div>
  );
}

// proves chat-agents#options-types, chat-agents#values-types, chat-agents#request-data-types
export function AllOptions() {
  const agent = useAgent({ agent: "ChatAgent" });
  const chat = useAgentChat({
    agent,
    onToolCall: async ({ toolCall, addToolOutput }) => {
      if (toolCall.toolName === "getUserTimezone") {
        addToolOutput({
          toolCallId: toolCall.toolCallId,
          output: {
            timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            localTime: new Date().toLocaleTimeString()
          }
        });
      }
    },
    autoContinueAfterToolResult: false,
    resume: false,
    body: { timezone: Intl.DateTimeFormat().resolvedOptions().timeZone, userId: currentUser.id },
    prepareSendMessagesRequest: async ({ messages, trigger }) => ({
      headers: { Authorization: `Bearer ${await getToken()}` },
      body: { requestedAt: Date.now(), count: messages.length, trigger }
    }),
    getInitialMessages: null,
    messages: []
  });
  useAgentChat({ agent, body: () => ({ token: getAuthToken(), timestamp: Date.now() }) });
  useAgentChat({
    agent,
    body: async () => ({ token: await getToken() }),
    getInitialMessages: async ({ name }) => [said(name)]
  });
  const { clearHistory, addToolOutput, addToolApprovalResponse, setMessages } = chat;
  addToolOutput({
    toolCallId: "call",
    state: "output-error",
    errorText: "User declined: insufficient budget for this quarter"
  });
  addToolApprovalResponse({ id: "call", approved: false });
  addToolApprovalResponse({ id: "call", approved: true, comment: "fine", input: { amount: 5 } });
  // @ts-expect-error a result, or why there is none
  addToolOutput({ toolCallId: "call" });
  // proves chat-agents#option-agent-required
  // @ts-expect-error a connection
  useAgentChat({ resume: false });
  setMessages((messages) => messages.slice(0, -1));
  setMessages([]);
  void chat.regenerate({ messageId: "answer", body: { tone: "brief" } });
  void chat.sendMessage({ text: "better", messageId: "question" });
  void chat.sendMessage();
  void chat.loadMore(50);
  expectTypeOf(chat.branches("answer")).toEqualTypeOf<Promise<UIMessage[]>>();
  expectTypeOf(chat.messages).toEqualTypeOf<UIMessage[]>();
  expectTypeOf(clearHistory).toEqualTypeOf<() => void>();
  expectTypeOf(addToolOutput).returns.toEqualTypeOf<void>();
  expectTypeOf(addToolApprovalResponse).returns.toEqualTypeOf<void>();
  expectTypeOf(setMessages).returns.toEqualTypeOf<void>();
  expectTypeOf(chat.status).toEqualTypeOf<"submitted" | "streaming" | "ready" | "error">();
  return <button onClick={clearHistory}>{chat.error?.message}</button>;
}

const said = (text: string): UIMessage => ({ id: text, role: "user", parts: [{ type: "text", text }] });

type ChatMessage = UIMessage<
  unknown,
  {
    sources: { query: string; status: string; results: string[] };
    usage: { model: string; inputTokens: number; outputTokens: number };
    thinking: { model: string };
  }
>;

// proves chat-agents#data-typed, chat-agents#onData-types
export function TypedMessages() {
  const agent = useAgent({ agent: "ChatAgent" });
  const [thinking, setThinking] = useState(false);
  const { messages } = useAgentChat<unknown, ChatMessage>({
    agent,
    onData(part) {
      if (part.type === "data-thinking") setThinking(part.data.model !== "");
    }
  });
  for (const msg of messages) {
    for (const part of msg.parts) {
      if (part.type === "data-sources") expectTypeOf(part.data.results).toEqualTypeOf<string[]>();
    }
  }
  return <p>{thinking}</p>;
}

/** What a component for any conversation takes. */
export function Stop({ chat }: { chat: Pick<UseAgentChatHelpers, "stop" | "status"> }) {
  return <button onClick={() => chat.stop()}>{chat.status}</button>;
}

export function withTheAiSdk(client: AgentClient): ChatTransport<ChatMessage> {
  return new AgentChatTransport<ChatMessage>({ agent: client });
}

export function withoutReact(): () => void {
  const chat = new AgentChat<ChatMessage>(new AgentClient({ agent: "ChatAgent", host: "example.com" }));
  expectTypeOf(chat.getSnapshot().messages).toEqualTypeOf<ChatMessage[]>();
  return chat.attach();
}
