import type { Page } from "./page.ts";

export const createMcpHandler = {
  handler: [22, "`createMcpHandler(server)` is a function for `fetch` that MCP clients can talk to."],
  route: [54, "Only the path `route` is served, `/mcp` by default; others are answered with 404."],
  "auth-automatic": [64, "Under the OAuth provider, tools know the user without further options."],
  authContext: [35, "`authContext` says on whose behalf tools run."],
  transport: [66, "`transport` is used for all requests; without it, each has a new one."],
  stateless: [121, "Each request has a server of its own, and nothing lasts."],
  "connected-twice": [
    207,
    "A server that was connected before is refused with an error, so that no answer reaches another client."
  ],
  "stateful-agent": [124, "In an agent, a transport that lasts makes elicitation and sampling possible."],
  "stateful-routing": [159, "A Worker finds the agent of a session by its name, and calls its `onRequest`."],
  "stateful-resume": [175, "With storage, session id, version and initialization outlive the instance."],
  sessionIdGenerator: [318, "`sessionIdGenerator` makes the id of a session."],
  enableJsonResponse: [295, "`enableJsonResponse` answers with JSON and without a stream."],
  onsessioninitialized: [335, "`onsessioninitialized` is called for a session that is new or restored."],
  corsOptions: [306, "`corsOptions` sets the headers for pages of other origins."],
  storage: [312, "`storage` keeps the state of the transport."],
  parsedBody: [275, "`handleRequest` takes a body that was parsed before."],
  "context-isolated": [396, "`getMcpAuthContext()` belongs to the request, also after an await."],
  "context-none": [404, "`getMcpAuthContext()` is undefined where nobody has signed in."],
  errors: [435, "Errors become JSON-RPC errors with code -32603, the message and the id of the request."]
} as const satisfies Page;
