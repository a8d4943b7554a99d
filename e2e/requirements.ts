import { addToExistingProject } from "./requirements/add-to-existing-project.ts";
import { agentClassInternals } from "./requirements/agent-class-internals.ts";
import { agentsApi } from "./requirements/agents-api.ts";
import { buildAChatAgent } from "./requirements/build-a-chat-agent.ts";
import { callableMethods } from "./requirements/callable-methods.ts";
import { callingLlms } from "./requirements/calling-llms.ts";
import { chatAgents } from "./requirements/chat-agents.ts";
import { clientSdk } from "./requirements/client-sdk.ts";
import { conceptWorkflows } from "./requirements/concept-workflows.ts";
import { configuration } from "./requirements/configuration.ts";
import { createMcpHandler } from "./requirements/create-mcp-handler.ts";
import { emailRouting } from "./requirements/email-routing.ts";
import { getCurrentAgent } from "./requirements/get-current-agent.ts";
import { guideConnectToAnMcpServer } from "./requirements/guide-connect-to-an-mcp-server.ts";
import { guideCrossDomainAuth } from "./requirements/guide-cross-domain-auth.ts";
import { guideHumanInTheLoop } from "./requirements/guide-human-in-the-loop.ts";
import { guideOauthMcpClient } from "./requirements/guide-oauth-mcp-client.ts";
import { guideRemoteMcpServer } from "./requirements/guide-remote-mcp-server.ts";
import { guideSecuringMcpServers } from "./requirements/guide-securing-mcp-servers.ts";
import { guideTestRemoteMcpServer } from "./requirements/guide-test-remote-mcp-server.ts";
import { guideWebhooks } from "./requirements/guide-webhooks.ts";
import { httpSse } from "./requirements/http-sse.ts";
import { httpWebsocketsOlder } from "./requirements/http-websockets-older.ts";
import { humanInTheLoop } from "./requirements/human-in-the-loop.ts";
import { mcp } from "./requirements/mcp.ts";
import { mcpAgent } from "./requirements/mcp-agent.ts";
import { mcpAuthorization } from "./requirements/mcp-authorization.ts";
import { mcpClient } from "./requirements/mcp-client.ts";
import { mcpGovernance } from "./requirements/mcp-governance.ts";
import { mcpTools } from "./requirements/mcp-tools.ts";
import { mcpTransport } from "./requirements/mcp-transport.ts";
import { observability } from "./requirements/observability.ts";
import type { Later, Page } from "./requirements/page.ts";
import { patterns } from "./requirements/patterns.ts";
import { protocolMessages } from "./requirements/protocol-messages.ts";
import { queueTasks } from "./requirements/queue-tasks.ts";
import { readonlyConnections } from "./requirements/readonly-connections.ts";
import { retries } from "./requirements/retries.ts";
import { routingOlder } from "./requirements/routing-older.ts";
import { routing } from "./requirements/routing.ts";
import { runWorkflows } from "./requirements/run-workflows.ts";
import { scheduleTasks } from "./requirements/schedule-tasks.ts";
import { starter } from "./requirements/starter.ts";
import { storeAndSyncState } from "./requirements/store-and-sync-state.ts";
import { testingYourAgents } from "./requirements/testing-your-agents.ts";
import { usingAiModels } from "./requirements/using-ai-models.ts";
import { websockets } from "./requirements/websockets.ts";

/**
 * What the product promises, page by page. A test cites what it proves in a comment directly above it, by page and id:
 * `// proves websockets#onMessage, websockets#tags-count`. `npm run check` fails on an id that no test proves.
 */
export const pages: Readonly<Record<string, Page>> = {
  "add-to-existing-project": addToExistingProject,
  "agent-class-internals": agentClassInternals,
  "agents-api": agentsApi,
  "build-a-chat-agent": buildAChatAgent,
  "callable-methods": callableMethods,
  "calling-llms": callingLlms,
  "chat-agents": chatAgents,
  "client-sdk": clientSdk,
  "concept-workflows": conceptWorkflows,
  configuration,
  "create-mcp-handler": createMcpHandler,
  "email-routing": emailRouting,
  "get-current-agent": getCurrentAgent,
  "guide-connect-to-an-mcp-server": guideConnectToAnMcpServer,
  "guide-cross-domain-auth": guideCrossDomainAuth,
  "guide-human-in-the-loop": guideHumanInTheLoop,
  "guide-oauth-mcp-client": guideOauthMcpClient,
  "guide-remote-mcp-server": guideRemoteMcpServer,
  "guide-securing-mcp-servers": guideSecuringMcpServers,
  "guide-test-remote-mcp-server": guideTestRemoteMcpServer,
  "guide-webhooks": guideWebhooks,
  "http-sse": httpSse,
  "http-websockets-older": httpWebsocketsOlder,
  "human-in-the-loop": humanInTheLoop,
  mcp,
  "mcp-agent": mcpAgent,
  "mcp-authorization": mcpAuthorization,
  "mcp-client": mcpClient,
  "mcp-governance": mcpGovernance,
  "mcp-tools": mcpTools,
  "mcp-transport": mcpTransport,
  observability: observability,
  patterns,
  "protocol-messages": protocolMessages,
  "queue-tasks": queueTasks,
  "readonly-connections": readonlyConnections,
  retries: retries,
  routing,
  "routing-older": routingOlder,
  "run-workflows": runWorkflows,
  "schedule-tasks": scheduleTasks,
  starter,
  "store-and-sync-state": storeAndSyncState,
  "testing-your-agents": testingYourAgents,
  "using-ai-models": usingAiModels,
  websockets
};

/** What the same pages promise and later issues will build. */
export const later: Readonly<Record<string, Later>> = {};
