import type { Page } from "./page.ts";

export const mcp = {
  remote: [16, "Clients reach a server over Streamable HTTP, and are let in by OAuth."],
  offers: [13, "A server offers tools, prompts and resources."],
  several: [20, "A Worker may have several servers, each with permissions of its own."],
  "tool-descriptions": [21, "Clients get the descriptions of tools and of their parameters."]
} as const satisfies Page;
