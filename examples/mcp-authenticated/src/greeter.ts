import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { createMcpHandler, getMcpAuthContext } from "agents/mcp";
import type { User } from "./env";

/** A server without state: one for each request. The user is in `getMcpAuthContext()`. */
export const greeter = createMcpHandler(
  () => {
    const server = new McpServer({ name: "greeter", version: "1.0.0" });
    server.registerTool("whoami", { description: "Who has signed in" }, () => text(user().name));
    // A tool that is not there is one that no model will try.
    if (user().permissions.includes("notes:read")) {
      server.registerTool("my_id", { description: "The id of whoever has signed in" }, () => text(user().userId));
    }
    return server;
  },
  { route: "/mcp" }
);

/** The OAuth provider lets nobody through who has no token, so there is one. */
function user(): User {
  return getMcpAuthContext()!.props as User;
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
