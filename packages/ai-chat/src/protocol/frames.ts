import type { UIMessage } from "ai";

/** A tool that a client announces; the deprecated way to give the model client-side tools. */
export type ClientToolSchema = { name: string; description?: string; parameters?: Record<string, unknown> };

export type ChatTrigger = "submit-message" | "regenerate-message";

// client to server

/** `init.body` is the JSON text of a `ChatRequestBody`. */
export type ChatRequestFrame = {
  type: "cf_agent_use_chat_request";
  id: string;
  init: { method?: string; headers?: Record<string, string>; body: string };
};
export type ChatMessagesFrame = { type: "cf_agent_chat_messages"; messages: UIMessage[] };
export type ChatClearFrame = { type: "cf_agent_chat_clear" };
export type ChatCancelFrame = { type: "cf_agent_chat_request_cancel"; id: string };
export type ResumeRequestFrame = { type: "cf_agent_stream_resume_request" };
export type ResumeAckFrame = { type: "cf_agent_stream_resume_ack"; id: string };
export type ToolResultFrame = {
  type: "cf_agent_tool_result";
  toolCallId: string;
  toolName: string;
  output: unknown;
  state?: "output-available" | "output-error";
  errorText?: string;
  autoContinue?: boolean;
  clientTools?: ClientToolSchema[];
};
export type ToolApprovalFrame = {
  type: "cf_agent_tool_approval";
  toolCallId: string;
  approved: boolean;
  autoContinue?: boolean;
  /** Extension: why. */
  comment?: string;
  /** Extension: other arguments for the call. */
  input?: unknown;
};

/** What a user does to a conversation. */
export type ChatOperation = "append" | "edit" | "regenerate" | "continue" | "delete" | "select" | "clear";

/** Extension. Only what is new; `id` identifies the request, also when it is sent again. */
export type ChatOperationFrame = {
  type: "cf_agent_chat_operation";
  id: string;
  operation: ChatOperation;
  messageId?: string;
  message?: UIMessage;
  body?: Record<string, unknown>;
  headers?: Record<string, string>;
  clientTools?: ClientToolSchema[];
};

/** Extension. What this client has; the answer is a snapshot, and the chunks after `seq`. */
export type ChatSyncFrame = {
  type: "cf_agent_chat_sync";
  epoch?: string;
  revision?: number;
  turnId?: string;
  seq?: number;
  limit?: number;
};

/** Extension. Asks for the messages before one. */
export type ChatPageRequestFrame = { type: "cf_agent_chat_page"; id: string; before: string; limit?: number };

/** Extension. Asks for the messages that a message is one of: what was there before an edit or another answer. */
export type ChatBranchesRequestFrame = { type: "cf_agent_chat_branches"; id: string; messageId: string };

export type ChatClientFrame =
  | ChatOperationFrame
  | ChatSyncFrame
  | ChatBranchesRequestFrame
  | ChatPageRequestFrame
  | ChatRequestFrame
  | ChatMessagesFrame
  | ChatClearFrame
  | ChatCancelFrame
  | ResumeRequestFrame
  | ResumeAckFrame
  | ToolResultFrame
  | ToolApprovalFrame;

/** What a request frame carries; other fields are the application's own. */
export type ChatRequestBody = {
  messages: UIMessage[];
  trigger?: ChatTrigger;
  messageId?: string | undefined;
  clientTools?: ClientToolSchema[] | undefined;
  [custom: string]: unknown;
};

// server to client

/** One chunk (`body` is its JSON text), or the end of a turn (`done`), perhaps with an error text as `body`. */
export type ChatResponseFrame = {
  type: "cf_agent_use_chat_response";
  id: string;
  body: string;
  done: boolean;
  error?: boolean;
  /** The turn goes on with the last message instead of beginning one. */
  continuation?: boolean;
  /** A stored chunk, sent again to a connection that resumes. */
  replay?: boolean;
  /** All stored chunks have been sent: what follows is live. */
  replayComplete?: boolean;
  /** Extension. */
  turnId?: string;
  /** Extension: the place of the chunk in its turn, from 1. */
  seq?: number;
  /** Extension: the turn's, if it is not the first. */
  attempt?: number;
  /** Extension, with `done`. */
  outcome?: TurnOutcome;
  /** Extension, with `done`: of the transcript that has the answer. */
  epoch?: string;
  revision?: number;
};

/** How a turn ended. */
export type TurnOutcome = "completed" | "cancelled" | "failed" | "empty" | "interrupted";

/** The turn that is under way. */
export type LiveTurn = {
  id: string;
  requestId: string;
  phase: "waiting" | "streaming" | "recovering";
  /** Of its last chunk so far; 0 for none. */
  seq: number;
  /** The message that it writes. */
  messageId: string;
  /** It goes on with a message instead of beginning one. */
  continuation?: boolean;
  /** 1, or more for a turn that was cut and runs again: what was said before is in its message, or dropped. */
  attempt?: number;
  /** The message that it comes after. */
  after?: string;
};

/** Extension. On connect without messages; as the answer to a sync with those that the client does not have. */
export type ChatSnapshotFrame = {
  type: "cf_agent_chat_snapshot";
  epoch: string;
  revision: number;
  turn?: LiveTurn;
  messages?: UIMessage[];
  removed?: string[];
  /** For new messages that are not the last: the id of the message before; `null` for the first. */
  after?: Record<string, string | null>;
  /** Forget what you have. */
  reset?: boolean;
  /** There are older messages. */
  hasMore?: boolean;
};

/** Extension. */
export type ChatAcceptedFrame = {
  type: "cf_agent_chat_accepted";
  id: string;
  epoch: string;
  revision: number;
  /** Absent for operations without an answer. */
  turnId?: string;
  /** The message that will be the answer. */
  messageId?: string;
};

/** Extension. Nothing was changed. */
export type ChatRefusedFrame = { type: "cf_agent_chat_refused"; id: string; code: string; message: string };

/** Extension. What changed between two revisions. */
export type ChatDeltaFrame = {
  type: "cf_agent_chat_delta";
  epoch: string;
  from: number;
  revision: number;
  /**
   * `after`: the id of the message before a new one that is not the last; `null` for the first. `changed`: it is not new, and of no
   * interest to a client that does not have it.
   */
  upsert: { message: UIMessage; after?: string | null; changed?: boolean }[];
  removed: string[];
};

/** Extension. */
export type ChatPageFrame = { type: "cf_agent_chat_page"; id: string; messages: UIMessage[]; hasMore: boolean };

/** Extension. `messages`: the oldest first, the active one included. */
export type ChatBranchesFrame = { type: "cf_agent_chat_branches"; id: string; messages: UIMessage[] };
export type StreamResumingFrame = { type: "cf_agent_stream_resuming"; id: string };
export type ResumeNoneFrame = { type: "cf_agent_stream_resume_none" };
export type MessageUpdatedFrame = { type: "cf_agent_message_updated"; message: UIMessage };

export type ChatServerFrame =
  | ChatResponseFrame
  | ChatMessagesFrame
  | ChatClearFrame
  | StreamResumingFrame
  | ResumeNoneFrame
  | MessageUpdatedFrame
  | ChatSnapshotFrame
  | ChatAcceptedFrame
  | ChatRefusedFrame
  | ChatDeltaFrame
  | ChatPageFrame
  | ChatBranchesFrame;

/** A turn for which the agent returned nothing ends with this text. Published clients show it. */
export const noResponseText = "No response was generated by the agent.";
