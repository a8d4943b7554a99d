import type { Page } from "./page.ts";

export const conceptWorkflows = {
  "human-in-the-loop": [100, "A workflow pauses for approval, and the page of the agent approves or rejects."],
  bidirectional: [35, "Workflow and agent talk both ways."],
  "at-least-once": [60, "What is no step may be told again in another life of the workflow."],
  "exactly-once": [65, "What a step tells takes effect once."],
  "step-permanent": [72, "A step that is complete does not run again."],
  retries: [73, "A failed step is tried again."],
  "event-persistence": [74, "A wait survives evictions of the agent."],
  recovery: [75, "A workflow survives the restart of the server."],
  "background-progress": [86, "Progress of a workflow reaches clients."],
  "sync-state": [119, "State that a workflow changes reaches clients."]
} as const satisfies Page;
