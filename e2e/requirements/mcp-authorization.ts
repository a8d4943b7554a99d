import type { Page } from "./page.ts";

export const mcpAuthorization = {
  "own-flow": [82, "A Worker handles the whole OAuth flow itself, with the provider library."],
  unauthorized: [105, "A request without a token is answered with 401, and the client finds out how to get one."],
  consent: [62, "Users see a page with the permissions that a client asks for."],
  "props-agent": [120, "In an `McpAgent`, the user is in `this.props`, in `init()` and in tools."],
  "props-handler": [139, "Under `createMcpHandler`, the user is in `getMcpAuthContext()`."],
  "permission-in-tool": [191, "A tool that refuses answers with an error that the model reads."],
  "permission-registered": [191, "A tool that is registered for some users only is not seen by others."]
} as const satisfies Page;
