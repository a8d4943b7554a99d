/** A value that came out of `JSON.parse` as an object: fields are unknown until they are checked. */
export type Fields = Record<string, unknown>;

// client to server

export type StateFrame = { type: "cf_agent_state"; state: unknown };
export type RpcRequestFrame = { type: "rpc"; id: string; method: string; args: unknown[] };

/** Frames that the core of an agent understands. Other packages add their own (see `core/capability.ts`). */
export type ClientFrame = StateFrame | RpcRequestFrame;

// server to client

/** The first frame on a connection: which instance this is. `agent` is the class name in kebab case. */
export type IdentityFrame = { type: "cf_agent_identity"; name: string; agent: string };
/** A client's write was refused. */
export type StateErrorFrame = { type: "cf_agent_state_error"; error: string };
export type McpServersFrame = { type: "cf_agent_mcp_servers"; mcp: McpServers };
export type RpcResponseFrame =
  | { type: "rpc"; id: string; success: true; result?: unknown; done: boolean }
  | { type: "rpc"; id: string; success: false; error: string };

export type ServerFrame = IdentityFrame | StateFrame | StateErrorFrame | McpServersFrame | RpcResponseFrame;

export type McpServer = {
  name: string;
  server_url: string;
  auth_url: string | null;
  state: string;
  error: string | null;
  instructions: string | null;
  capabilities: unknown;
};

/** What an agent knows of the MCP servers that it uses, as clients see it. */
export type McpServers = {
  servers: Record<string, McpServer>;
  tools: unknown[];
  prompts: unknown[];
  resources: unknown[];
  resourceTemplates?: unknown[];
};

/** Error texts that published clients compare with. */
export const stateErrors = {
  readonly: "Connection is readonly",
  rejected: "State update rejected"
} as const;
