import type { Page } from "./page.ts";

// Portals, device posture and their logs are products of their own; these are the parts that are code of a server.
export const mcpGovernance = {
  identity: [11, "A server knows on whose behalf it is used, and a session answers nobody else."],
  scope: [13, "Which tools of a server somebody may use can be decided for each user."],
  remote: [17, "Remote servers run on Workers."]
} as const satisfies Page;
