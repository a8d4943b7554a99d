import type { Page } from "./page.ts";

export const guideTestRemoteMcpServer = {
  inspector: [12, "The MCP inspector connects, lists tools and calls them."],
  "mcp-remote": [38, "`mcp-remote` connects clients that speak to programs on the same machine only."]
} as const satisfies Page;
