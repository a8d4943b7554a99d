import type { Page } from "./page.ts";

export const guideRemoteMcpServer = {
  stateless: [14, "`createMcpHandler` serves tools without Durable Objects."],
  stateful: [15, "`McpAgent` has state for each session, and may ask the user."],
  "both-transports": [18, "`McpAgent` is served over SSE and Streamable HTTP."],
  anonymous: [8, "A server without authentication can be used by anyone."],
  inspector: [71, "The MCP inspector connects to a server on this machine and lists its tools."],
  "mcp-remote": [91, "`mcp-remote` connects clients that know no remote servers."],
  "oauth-types": [133, "The server behind `OAuthProvider` compiles."],
  oauth: [106, "Users sign in before they use tools."],
  permissions: [9, "Which tools there are depends on what the user may do."]
} as const satisfies Page;
