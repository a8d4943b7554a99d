import type { Page } from "./page.ts";

export const humanInTheLoop = {
  "tool-confirmation": [17, "A tool call can be confirmed before it runs."],
  "request-kept": [45, "What waits for a decision is kept, with all that it was asked with, for as long as it takes."],
  "decisions-kept": [46, "So are the decisions."],
  "temporary-state": [47, "A conversation that waits for a decision goes on with it after an eviction."],
  elicitInput: [31, "`elicitInput` asks the user of an MCP client for structured input."],
  history: [48, "The history of a request can be read."],
  reminder: [53, "A reminder can be scheduled."],
  escalation: [54, "Others with the right can decide."],
  "auto-reject": [55, "What nobody decides in time expires."],
  "audit-who": [58, "The trail says who decided."],
  "audit-when": [59, "It says when."],
  "audit-reason": [60, "It says why."],
  "audit-sql": [57, "A program can keep a trail of its own in SQL."],
  unavailable: [69, "What has expired is told to the program."],
  outages: [70, "A crash between request, decision and what follows loses nothing."],
  conflicting: [71, "The first decision holds, another one is refused."],
  "stable-state": [73, "An answer that was interrupted goes on from the last step that was whole."],
  waitForApproval: [24, "`waitForApproval` pauses a workflow until it is approved."],
  approveWorkflow: [25, "`approveWorkflow` approves it."],
  rejectWorkflow: [26, "`rejectWorkflow` rejects it."],
  "workflow-pauses": [36, "The workflow comes to an approval and waits."],
  "workflow-reports": [37, "It tells the agent so, and clients see it."],
  "workflow-resumes": [40, "It goes on with the metadata of the approval."],
  "workflow-rejected": [41, "It handles a rejection and the end of its time."]
} as const satisfies Page;
