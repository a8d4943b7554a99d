import * as agentClassInternals from "./requirements/agent-class-internals.ts";
import * as agentsApi from "./requirements/agents-api.ts";
import { httpSse } from "./requirements/http-sse.ts";
import { httpWebsocketsOlder } from "./requirements/http-websockets-older.ts";
import type { Later, Page } from "./requirements/page.ts";
import * as protocolMessages from "./requirements/protocol-messages.ts";
import { readonlyConnections } from "./requirements/readonly-connections.ts";
import { starter } from "./requirements/starter.ts";
import { websockets } from "./requirements/websockets.ts";

/**
 * What the product promises, page by page. A test cites what it proves in a comment directly above it, by page and id:
 * `// proves websockets#onMessage, websockets#tags-count`. `npm run check` fails on an id that no test proves.
 */
export const pages: Readonly<Record<string, Page>> = {
  "agent-class-internals": agentClassInternals.agentClassInternals,
  "agents-api": agentsApi.agentsApi,
  "http-sse": httpSse,
  "http-websockets-older": httpWebsocketsOlder,
  "protocol-messages": protocolMessages.protocolMessages,
  "readonly-connections": readonlyConnections,
  starter,
  websockets
};

/** What the same pages promise and later issues will build. */
export const later: Readonly<Record<string, Later>> = {
  "agent-class-internals": agentClassInternals.later,
  "agents-api": agentsApi.later,
  "protocol-messages": protocolMessages.later
};
