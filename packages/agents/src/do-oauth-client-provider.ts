export {
  DurableObjectOAuthClientProvider,
  type AgentMcpOAuthProvider,
  type AgentsOAuthProvider,
  type OAuthStorage
} from "./mcp/client/oauth-provider";
