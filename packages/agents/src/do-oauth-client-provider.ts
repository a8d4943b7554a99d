import { DurableObjectOAuthClientProvider as Provider } from "./mcp/client/oauth-provider";

export type { AgentMcpOAuthProvider, AgentsOAuthProvider, OAuthStorage } from "./mcp/client/oauth-provider";

/** Signs in at one MCP server: registers the agent there, and keeps its tokens. */
// A name of its own. If the package exported the other module's, bundlers that split code (esbuild) would load that module with every
// Worker, since an agent loads it too when it signs in.
export const DurableObjectOAuthClientProvider = Provider;
export type DurableObjectOAuthClientProvider = Provider;
