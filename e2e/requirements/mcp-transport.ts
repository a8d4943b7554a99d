import type { Page } from "./page.ts";

export const mcpTransport = {
  "streamable-http": [13, "Clients connect over Streamable HTTP."],
  sse: [17, "Clients of before connect to an `McpAgent` over SSE."],
  rpc: [72, "An agent talks to an `McpAgent` by RPC, without HTTP."],
  "rpc-and-http": [158, "The same class may be served over HTTP beside agents."],
  "rpc-props": [169, "Props are passed to a server by RPC."],
  "rpc-props-persistent": [197, "Props are stored, and there before the first tool runs."],
  "rpc-timeout": [199, "A server waits 60 seconds for a tool, or as `getRpcTransportOptions()` says."],
  addMcpServer: [112, "`addMcpServer(name, binding)` connects an agent to an `McpAgent`."],
  "rpc-restored": [127, "Such connections are restored after hibernation, with their props."],
  "rpc-deduplicated": [128, "A name that is there already is the same connection."]
} as const satisfies Page;
