import type { Page } from "./page.ts";

export const mcpTools = {
  tool: [10, "A tool has a name, a schema and a handler, and clients list and call it."],
  content: [28, "A tool answers with a list of parts."],
  isError: [51, "A tool that has failed says so with `isError`, and the model reads why."],
  validation: [58, "Inputs are checked before the handler runs."],
  "agent-state": [107, "Tools of an `McpAgent` use the state of the agent."]
} as const satisfies Page;
