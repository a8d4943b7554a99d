import type { AgentError } from "../protocol/errors";
import type { McpServers } from "../protocol/frames";
import type { SocketOptions } from "./reconnecting-socket";
import type { AgentAddress, QuerySource } from "./url";

/** What a client tells the program. Each is read when it is needed, so that an options object may change. */
export interface AgentClientCallbacks<State> {
  /** A connection was opened: the first, or one after a loss. */
  onOpen?(event: Event): void;
  /** The connection was lost or closed. Unless it was closed for good, the client connects again by itself. */
  onClose?(event: CloseEvent): void;
  /** The connection failed, or `query` did. */
  onError?(event: ErrorEvent): void;
  /** A message that is not a frame of the agent protocol. A listener for "message" gets every message. */
  onMessage?(event: MessageEvent): void;
  /** The state changed: the agent sent it ("server"), or `setState` of this client was called ("client"). */
  onStateUpdate?(state: State, source: "server" | "client"): void;
  /**
   * The agent refused a state that this client wrote: "Connection is readonly", "State update rejected". An agent that says what
   * its state is then has set it back here; `cause` has the code: CONNECTION_READONLY, STATE_REJECTED, STATE_TOO_LARGE,
   * STATE_CONFLICT, FRAME_TOO_LARGE, or CONNECTION_CLOSED when it is not known whether the state was stored, or the next
   * connection led to another instance.
   */
  onStateUpdateError?(error: string, cause?: AgentError): void;
  /** The MCP servers that the agent uses, or their tools, changed. */
  onMcpUpdate?(servers: McpServers): void;
  /** The agent said which instance this is. On every connection. */
  onIdentity?(name: string, agent: string): void;
  /**
   * A later connection led to another instance. Without this, a warning is logged. What waited for a connection when it was opened
   * was meant for the one before, and is refused with CONNECTION_CLOSED.
   */
  onIdentityChange?(oldName: string, newName: string, oldAgent: string, newAgent: string): void;
}

/** Options of an `AgentClient`. */
export interface AgentClientOptions<State = unknown> extends AgentAddress, AgentClientCallbacks<State>, SocketOptions {
  /** Query parameters of the connection; a function is called for every attempt. Connections cannot carry headers. */
  query?: QuerySource;
  /** Id of the connection, seen by the agent as `connection.id`. @default random */
  id?: string;
}

/** Options of one write of the state. */
export interface SetStateOptions {
  /**
   * Refuse the write, with STATE_CONFLICT, unless the state is still at this revision; `true`: still what this client shows. A state
   * that began anew is at no revision of before, whatever its number. Only for agents that count revisions; others get no such
   * write.
   */
  ifRevision?: number | true;
}
