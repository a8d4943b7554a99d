import type { Page } from "./page.ts";

export const guideConnectToAnMcpServer = {
  "add-mcp": [83, "An endpoint adds a server by its URL, and returns its id."],
  authUrl: [129, "It returns `authUrl` if somebody has to sign in."],
  "mcp-state": [164, "An endpoint lists servers with name, state and `server_url`, and tools with `serverId`."],
  persist: [219, "Servers stay over requests."]
} as const satisfies Page;
