import type { CloseEvent, ErrorEvent, Options, ProtocolsProvider } from "partysocket/ws";
import type { McpServers } from "../protocol/frames";
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
  /** The agent refused a state that this client wrote: "Connection is readonly", "State update rejected". */
  onStateUpdateError?(error: string): void;
  /** The MCP servers that the agent uses, or their tools, changed. */
  onMcpUpdate?(servers: McpServers): void;
  /** The agent said which instance this is. On every connection. */
  onIdentity?(name: string, agent: string): void;
  /** A later connection led to another instance. Without this, a warning is logged. */
  onIdentityChange?(oldName: string, newName: string, oldAgent: string, newAgent: string): void;
}

/** Options of an `AgentClient`. */
export interface AgentClientOptions<State = unknown>
  extends AgentAddress, AgentClientCallbacks<State>, Omit<Options, "maxEnqueuedMessages"> {
  /** Query parameters of the connection; a function is called for every attempt. Connections cannot carry headers. */
  query?: QuerySource;
  /** Id of the connection, seen by the agent as `connection.id`. @default random */
  id?: string;
  /** WebSocket subprotocols. */
  protocols?: ProtocolsProvider;
}

/** The options of the socket, with our defaults. */
export function socketOptions(options: AgentClientOptions<never>): Options {
  return {
    WebSocket: options.WebSocket,
    // At random, so that the clients of a server that restarts do not come back all at once.
    minReconnectionDelay: options.minReconnectionDelay ?? 1000 + Math.random() * 4000,
    maxReconnectionDelay: options.maxReconnectionDelay ?? 10_000,
    reconnectionDelayGrowFactor: options.reconnectionDelayGrowFactor ?? 1.3,
    minUptime: options.minUptime ?? 5000,
    // An agent that wakes up may take its time.
    connectionTimeout: options.connectionTimeout ?? 10_000,
    maxRetries: options.maxRetries,
    startClosed: options.startClosed,
    debug: options.debug,
    debugLogger: options.debugLogger
  };
}
