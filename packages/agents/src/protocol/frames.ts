import type { AgentErrorCode } from "./errors";
import type { JsonPatch } from "./json-patch";

/** A value that came out of `JSON.parse` as an object: fields are unknown until they are checked. */
export type Fields = Record<string, unknown>;

// client to server

/**
 * A client's write. `writeId` asks for an answer, and `ifRevision` for a refusal unless the state is at that revision, of the
 * epoch `ifEpoch`: empty for a state that there is none of yet.
 */
export type StateFrame = {
  type: "cf_agent_state";
  state: unknown;
  writeId?: string;
  ifRevision?: number;
  ifEpoch?: string;
};
export type RpcRequestFrame = { type: "rpc"; id: string; method: string; args: unknown[]; credit?: number };

/** Extensions: only between ends that both take part (see `docs/protocol.md`). */
export type PingFrame = { type: "cf_agent_ping" };
export type StatePullFrame = { type: "cf_agent_state_pull" };
export type RpcCancelFrame = { type: "cf_agent_rpc_cancel"; id: string };
export type RpcCreditFrame = { type: "cf_agent_rpc_credit"; id: string; credit: number };

/** Frames that the core of an agent understands. Other packages add their own (see `core/capability.ts`). */
export type ClientFrame = StateFrame | RpcRequestFrame | PingFrame | StatePullFrame | RpcCancelFrame | RpcCreditFrame;

// server to client

/** The first frame on a connection: which instance this is. `agent` is the class name in kebab case. */
export type IdentityFrame = { type: "cf_agent_identity"; name: string; agent: string };
/** A client's write was refused. */
export type StateErrorFrame = { type: "cf_agent_state_error"; error: string };
export type McpServersFrame = { type: "cf_agent_mcp_servers"; mcp: McpServers };
export type RpcResponseFrame =
  | { type: "rpc"; id: string; success: true; result?: unknown; done: boolean }
  | { type: "rpc"; id: string; success: false; error: string; code?: AgentErrorCode };
/** The state as a whole. To a client that takes part in the extensions, with its place in the order of changes. */
export type StateSentFrame = { type: "cf_agent_state"; state: unknown; epoch?: string; revision?: number };

/** Extensions: only between ends that both take part (see `docs/protocol.md`). */
export type HelloFrame = {
  type: "cf_agent_hello";
  version: number;
  connection: string;
  heartbeatMs: number;
  maxFrameBytes?: number;
};
export type PongFrame = { type: "cf_agent_pong" };
export type StatePatchFrame = {
  type: "cf_agent_state_patch";
  epoch: string;
  from: number;
  to: number;
  patch: JsonPatch;
};
export type StateAckFrame = { type: "cf_agent_state_ack"; writeId: string; epoch: string; revision: number };
export type StateRejectFrame = {
  type: "cf_agent_state_reject";
  writeId: string;
  code: AgentErrorCode;
  message: string;
  epoch: string;
  revision: number;
  state?: unknown;
};

export type ServerFrame =
  | IdentityFrame
  | StateSentFrame
  | StateErrorFrame
  | McpServersFrame
  | RpcResponseFrame
  | HelloFrame
  | PongFrame
  | StatePatchFrame
  | StateAckFrame
  | StateRejectFrame;

/** The query parameter by which a client says that it knows the extensions, and the version of them. */
export const extensionsParameter = "_agents_ext";
export const extensionsVersion = 1;
/** Compared to the letter by the runtime, which answers one with the other. */
export const pingText = '{"type":"cf_agent_ping"}';
export const pongText = '{"type":"cf_agent_pong"}';

/** How far the connection to an MCP server is; with `ready`, its tools are known. */
export type McpServerState = "authenticating" | "connecting" | "connected" | "discovering" | "ready" | "failed";

export type McpServer = {
  name: string;
  server_url: string;
  /** Where the user gives the agent access, while the state is `authenticating`. */
  auth_url: string | null;
  state: McpServerState;
  /** What went wrong, while the state is `failed`. Safe to be put into a page. */
  error: string | null;
  instructions: string | null;
  capabilities: Record<string, unknown> | null;
};

/** What all items of a server have, beside what their kind has (see the specification of MCP). */
type McpItem = { name: string; title?: string; description?: string; serverId: string; [field: string]: unknown };

/** What an agent knows of the MCP servers that it uses, as clients see it. */
export type McpServers = {
  servers: Record<string, McpServer>;
  tools: (McpItem & { inputSchema: Record<string, unknown> })[];
  prompts: McpItem[];
  resources: (McpItem & { uri: string })[];
  resourceTemplates?: (McpItem & { uriTemplate: string })[];
};

/** Error texts that published clients compare with. */
export const stateErrors = {
  readonly: "Connection is readonly",
  rejected: "State update rejected"
} as const;
