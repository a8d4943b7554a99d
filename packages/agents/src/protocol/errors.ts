/** Every cause of an error that this project throws. Callers branch on it, never on the text. */
export type AgentErrorCode =
  | "AGENT_DESTROYED"
  | "AGENT_NAME_UNKNOWN"
  | "AGENT_START_TIMEOUT"
  | "APPROVAL_CHANGED"
  | "APPROVAL_DECIDED"
  | "APPROVAL_EXPIRED"
  | "APPROVAL_FORBIDDEN"
  | "APPROVAL_INVALID"
  | "APPROVAL_UNKNOWN"
  | "CALLBACK_UNKNOWN"
  | "CALL_CANCELLED"
  | "CALL_REFUSED"
  | "CALL_TIMEOUT"
  | "CALL_FAILED"
  | "CAPABILITY_INVALID"
  | "CHAT_BUSY"
  | "CHAT_MESSAGE_INVALID"
  | "CHAT_MESSAGE_UNKNOWN"
  | "CHAT_REFUSED"
  | "CHAT_TOO_LARGE"
  | "CLIENT_OPTIONS_INVALID"
  | "CONNECTION_CLOSED"
  | "CONNECTION_READONLY"
  | "CONNECTION_STATE_TOO_LARGE"
  | "CONNECTION_TAGS_INVALID"
  | "EMAIL_AGENT_UNKNOWN"
  | "EMAIL_INVALID"
  | "EMAIL_RELEASED"
  | "EMAIL_RESOLVER_REMOVED"
  | "EMAIL_SECRET_MISSING"
  | "EMAIL_SECRET_REQUIRED"
  | "FRAME_TOO_LARGE"
  | "INSPECT_DISABLED"
  | "MCP_BINDING_UNKNOWN"
  | "MCP_CALLBACK_PATH_REQUIRED"
  | "MCP_CLIENT_UNREACHABLE"
  | "MCP_CONNECTION_FAILED"
  | "MCP_SERVER_CONNECTED"
  | "MCP_SERVER_INVALID"
  | "MCP_SERVER_UNKNOWN"
  | "MCP_TOOL_FAILED"
  | "MCP_UNAUTHORIZED"
  | "MCP_URL_BLOCKED"
  | "PAYLOAD_NOT_SERIALIZABLE"
  | "PAYLOAD_TOO_LARGE"
  | "PROPS_NOT_SERIALIZABLE"
  | "QUEUE_OPTIONS_INVALID"
  | "RETRY_OPTIONS_INVALID"
  | "SCHEDULE_ARGUMENTS_REVERSED"
  | "SCHEDULE_INVALID"
  | "SQL_FAILED"
  | "SQL_VALUE_INVALID"
  | "STATE_CONFLICT"
  | "STATE_NOT_SERIALIZABLE"
  | "STATE_REFUSED"
  | "STATE_REJECTED"
  | "STATE_TOO_LARGE"
  | "STATE_UNREADABLE"
  | "STATE_VALIDATION_ASYNC"
  | "TASK_INTERRUPTED"
  | "TOOL_CALL_NOT_YOURS"
  | "WORKFLOW_AGENT_UNKNOWN"
  | "WORKFLOW_EXISTS"
  | "WORKFLOW_INVALID"
  | "WORKFLOW_NOT_WAITING"
  | "WORKFLOW_REFUSED"
  | "WORKFLOW_UNKNOWN"
  | "WORKFLOW_UNSUPPORTED";

/**
 * The one error class of this project. It lives in `protocol/` because both ends throw it.
 *
 * @example
 * try { agent.setState(next); }
 * catch (error) { if (AgentError.isInstance(error, "STATE_TOO_LARGE")) shrink(); else throw error; }
 */
export class AgentError extends Error {
  override readonly name: string = "AgentError";
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /**
   * Whether `error` is one of ours, optionally with this code. Reads fields, never the class: an error that came through
   * Durable Object RPC, or from a second copy of the package, is a plain `Error` with the same fields. On older
   * compatibility dates errors lose their fields on the way through RPC, and this is false for them.
   */
  static isInstance(error: unknown, code?: AgentErrorCode): error is AgentError {
    if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
    const ours = error.name === "AgentError" || error.name === "SqlError";
    return ours && (code === undefined || error.code === code);
  }
}

/** The text that another end may see of an error: its message, or a fixed text for what is not an `Error`. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "Unknown error occurred";
}

/** What a destroyed agent says to whoever still reaches it. */
export const destroyedMessage = "This agent was destroyed. Ask again to meet a new instance.";
