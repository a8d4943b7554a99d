import type { ChatInit, UIMessage } from "ai";
import type { ClientToolSchema } from "../protocol/frames";

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

/** What a person decides about a call. `id` is the approval's id, or the call's. */
export interface ToolApprovalResponse {
  id: string;
  approved: boolean;
  /** Why. */
  comment?: string;
  /** Another name of `comment`. */
  reason?: string;
  /** Other arguments for the call. */
  input?: unknown;
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

/** How a conversation begins, what goes with its requests, and who is told what. */
export interface AgentChatOptions<Message extends UIMessage = UIMessage> {
  /** Runs the tools that have no `execute` on the server. */
  onToolCall?: OnToolCallCallback | undefined;
  /** Go on after results of client-side tools and approvals. @default true */
  autoContinueAfterToolResult?: boolean | undefined;
  /** Pick up a stream that is under way. @default true */
  resume?: boolean | undefined;
  /** Custom data for every request; the agent finds it in `options.body`. */
  body?: Record<string, unknown> | (() => Record<string, unknown> | Promise<Record<string, unknown>>) | undefined;
  /** More data and headers for a single request. */
  prepareSendMessagesRequest?(
    options: PrepareSendMessagesRequestOptions<Message>
  ): PrepareSendMessagesRequestResult | Promise<PrepareSendMessagesRequestResult>;
  /** Loads the messages to begin with instead of the agent's own; `null` to load none. */
  getInitialMessages?: ((options: { agent: string; name: string }) => Promise<NoInfer<Message>[]>) | null | undefined;
  /** Messages to begin with, until others are loaded. */
  messages?: NoInfer<Message>[] | undefined;
  /** A data part arrived, a transient one included: from this client's turn, another's, or a resumed stream. Once each. */
  onData?: ChatInit<Message>["onData"] | undefined;
  onError?(error: Error): void;
  /** An answer to a request of this client has ended. */
  onFinish?: ChatInit<Message>["onFinish"] | undefined;
  /** Tools that this client announces. @deprecated Define tools in `onChatMessage` */
  clientTools?: ClientToolSchema[] | undefined;
}

/** A conversation as it is now. A new object for every change; messages that have not changed are the same objects. */
export interface AgentChatSnapshot<Message extends UIMessage = UIMessage> {
  /** The conversation, as the agent has it and as it is being streamed. */
  readonly messages: Message[];
  /** `submitted`, `streaming`, `ready` or `error`, whoever asked. */
  readonly status: "submitted" | "streaming" | "ready" | "error";
  readonly error: Error | undefined;
  /** The stored messages are being loaded for the first time. */
  readonly isLoading: boolean;
  /** There are older messages: see `loadMore`. */
  readonly hasMore: boolean;
}

/** Data and headers for one request. */
export interface RequestOptions {
  body?: object | undefined;
  headers?: Record<string, string> | Headers | undefined;
  metadata?: unknown;
}
