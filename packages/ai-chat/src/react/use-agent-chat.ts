import { useChat } from "@ai-sdk/react";
import type { ChatInit, ChatStatus, UIMessage } from "ai";
import { useCallback, useEffect, useInsertionEffect, useMemo, useSyncExternalStore } from "react";
import type { ToolPart } from "../messages/settle";
import { deprecated } from "../protocol/deprecated";
import { ChatSession, type ChatSessionOptions } from "../transport/chat-session";
import type { ChatSocket } from "../transport/chat-socket";
import type { RequestExtras } from "../transport/requests";

/** The result of a client-side tool, or the reason why there is none. */
export type ToolOutput =
  | { toolCallId: string; tool?: string; state?: "output-available"; output: unknown }
  | { toolCallId: string; tool?: string; state: "output-error"; errorText: string };

/** A call of a client-side tool. */
export interface ToolCall {
  toolCallId: string;
  toolName: string;
  input: unknown;
}

export type OnToolCallCallback = (options: {
  toolCall: ToolCall;
  /** Gives the result; the conversation goes on then. */
  addToolOutput(output: ToolOutput): void;
}) => void | Promise<void>;

export interface PrepareSendMessagesRequestOptions<Message extends UIMessage = UIMessage> {
  id: string;
  messages: Message[];
  trigger: "submit-message" | "regenerate-message";
  messageId: string | undefined;
}

export interface PrepareSendMessagesRequestResult {
  body?: Record<string, unknown>;
  headers?: Record<string, string>;
}

export interface UseAgentChatOptions<Message extends UIMessage = UIMessage> {
  /** What `useAgent` returned. */
  agent: ChatSocket;
  /** Runs the tools that have no `execute` on the server. */
  onToolCall?: OnToolCallCallback;
  /** Go on after results of client-side tools and approvals. @default true */
  autoContinueAfterToolResult?: boolean;
  /** Pick up a stream that is under way. @default true */
  resume?: boolean;
  /** Custom data for every request; the agent finds it in `options.body`. */
  body?: Record<string, unknown> | (() => Record<string, unknown> | Promise<Record<string, unknown>>);
  /** More data and headers for a single request. */
  prepareSendMessagesRequest?(
    options: PrepareSendMessagesRequestOptions<Message>
  ): PrepareSendMessagesRequestResult | Promise<PrepareSendMessagesRequestResult>;
  /** Loads the messages to begin with instead of the agent's `get-messages`; `null` to load none. */
  getInitialMessages?: ((options: { agent: string; name: string }) => Promise<Message[]>) | null;
  /** Messages to begin with, when `getInitialMessages` is `null`. */
  messages?: Message[];
  /** A data part arrived, a transient one included: from this client's turn, another's, or a resumed stream. */
  onData?: ChatInit<Message>["onData"];
  onError?(error: Error): void;
  onFinish?: ChatInit<Message>["onFinish"];
}

type SendOptions = { body?: object; headers?: Record<string, string> | Headers; metadata?: unknown };
type NewMessage<Message extends UIMessage> = Parameters<ReturnType<typeof useChat<Message>>["sendMessage"]>[0];

export interface UseAgentChatHelpers<Message extends UIMessage = UIMessage> {
  readonly id: string;
  /** The conversation, as the agent has it and as it is being streamed. */
  messages: Message[];
  /** `submitted`, `streaming`, `ready` or `error`, whoever asked. */
  status: ChatStatus;
  error: Error | undefined;
  /** The stored messages are being loaded for the first time. */
  isLoading: boolean;
  /** Says something: `{ text }`, `{ text, files }`, or a message. With `messageId`, edits that message of the user. */
  sendMessage(message?: NewMessage<Message>, options?: SendOptions): Promise<void>;
  /** Asks again for the last answer, or for the one with this id. */
  regenerate(options?: { messageId?: string } & SendOptions): Promise<void>;
  /** Stops the answer that is being given. */
  stop(): void;
  /** Deletes the conversation, here and on the agent. */
  clearHistory(): void;
  /** Sets the list of messages, here and on the agent. */
  setMessages(messages: Message[] | ((messages: Message[]) => Message[])): void;
  addToolOutput(output: ToolOutput): void;
  /** @deprecated Use `addToolOutput`. */
  addToolResult(result: { toolCallId: string; toolName?: string; result: unknown }): void;
  /** Approves or rejects a call. `id` is the approval's id, or the call's. */
  addToolApprovalResponse(response: { id: string; approved: boolean }): void;
  clearError(): void;
}

/**
 * A conversation with an `AIChatAgent`: messages, status, and what a user can do. Streams survive reloads and lost connections,
 * and what other clients say appears by itself.
 *
 * @example
 * const agent = useAgent({ agent: "ChatAgent" });
 * const { messages, sendMessage, status } = useAgentChat({ agent });
 */
export function useAgentChat<_State = unknown, Message extends UIMessage = UIMessage>(
  options: UseAgentChatOptions<Message>
): UseAgentChatHelpers<Message> {
  const { agent, messages: first, autoContinueAfterToolResult: autoContinue = true } = options;
  // A client is the same object as long as its address is the same; `messages` only begin a conversation.
  // oxlint-disable-next-line react/exhaustive-deps
  const session = useMemo(() => new ChatSession<Message>(agent, first), [agent]);
  // Before the effects of this component, and of those inside it.
  useInsertionEffect(() => session.update(sessionOptions(options, session)));
  useEffect(() => session.attach(), [session]);
  const {
    isLoading,
    followed,
    error: sessionError
  } = useSyncExternalStore(session.subscribe, session.getSnapshot, session.getSnapshot);
  const chat = useChat<Message>({ chat: session.chat });

  const error = chat.error ?? sessionError;
  const status =
    chat.status === "ready" || chat.status === "error" ? (followed ?? (error ? "error" : "ready")) : chat.status;
  return {
    id: chat.id,
    messages: chat.messages,
    status,
    error,
    isLoading,
    sendMessage: chat.sendMessage,
    regenerate: chat.regenerate,
    stop: useCallback(() => session.stop(), [session]),
    clearHistory: useCallback(() => session.clear(), [session]),
    setMessages: useCallback(
      (next) => session.setMessages(typeof next === "function" ? next(session.chat.messages) : next),
      [session]
    ),
    addToolOutput: useCallback(
      (output: ToolOutput) => session.addToolOutput(output, autoContinue),
      [session, autoContinue]
    ),
    addToolResult: useCallback(
      ({ toolCallId, result }: { toolCallId: string; result: unknown }) => {
        deprecated("addToolResult()", "use addToolOutput({ toolCallId, output })");
        session.addToolOutput({ toolCallId, output: result }, autoContinue);
      },
      [session, autoContinue]
    ),
    addToolApprovalResponse: useCallback(
      (response: { id: string; approved: boolean }) => session.addToolApprovalResponse(response, autoContinue),
      [session, autoContinue]
    ),
    clearError: useCallback(() => session.clearError(), [session])
  };
}

function sessionOptions<Message extends UIMessage>(
  options: UseAgentChatOptions<Message>,
  session: ChatSession<Message>
): ChatSessionOptions<Message> {
  const { agent, getInitialMessages, resume = true, onData, onError, onFinish } = options;
  const loadTranscript = getInitialMessages === null ? null : () => fetchMessages<Message>(agent);
  return {
    loadMessages: getInitialMessages
      ? () => getInitialMessages({ agent: agent.agent, name: agent.name })
      : loadTranscript,
    loadTranscript,
    resume,
    extras: (request) => extrasOf(options, { id: session.chat.id, ...request }),
    clientTools: () => undefined,
    onData,
    onError,
    onFinish,
    onCalls: (calls) => answerCalls(calls, options, session)
  };
}

async function extrasOf<Message extends UIMessage>(
  { body, prepareSendMessagesRequest }: UseAgentChatOptions<Message>,
  request: PrepareSendMessagesRequestOptions<Message>
): Promise<RequestExtras> {
  const shared = typeof body === "function" ? await body() : body;
  const prepared = await prepareSendMessagesRequest?.(request);
  return { body: { ...shared, ...prepared?.body }, ...(prepared?.headers && { headers: prepared.headers }) };
}

function answerCalls<Message extends UIMessage>(
  calls: readonly ToolPart[],
  { onToolCall, onError, autoContinueAfterToolResult = true }: UseAgentChatOptions<Message>,
  session: ChatSession<Message>
): void {
  if (!onToolCall) return;
  const addToolOutput = (output: ToolOutput) => session.addToolOutput(output, autoContinueAfterToolResult);
  for (const call of calls) {
    const toolName =
      call.type === "dynamic-tool"
        ? String((call as { toolName?: unknown }).toolName)
        : call.type.slice("tool-".length);
    const toolCall: ToolCall = { toolCallId: call.toolCallId, toolName, input: call.input };
    // A tool that throws has failed; the model is told why, and the conversation can go on.
    Promise.resolve()
      .then(() => onToolCall({ toolCall, addToolOutput }))
      .catch((error: unknown) => {
        const failure = error instanceof Error ? error : new Error(String(error));
        addToolOutput({ toolCallId: call.toolCallId, state: "output-error", errorText: failure.message });
        onError?.(failure);
      });
  }
}

async function fetchMessages<Message extends UIMessage>(agent: ChatSocket): Promise<Message[]> {
  const response = await agent.fetch("get-messages");
  if (!response.ok) throw new Error(`The messages could not be loaded (status ${response.status})`);
  // What the agent stores are messages of its application's type.
  return (await response.json()) as Message[];
}
