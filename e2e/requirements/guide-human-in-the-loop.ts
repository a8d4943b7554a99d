import type { Later, Page } from "./page.ts";

export const guideHumanInTheLoop = {
  "tool-execution": [17, "Tool calls of a conversation can be confirmed before they run."],
  reminder: [168, "A reminder can be scheduled."],
  timestamp: [169, "A time in milliseconds as a delay is an error that says how to write it."],
  "audit-types": [195, "The agent with an audit trail compiles."],
  "audit-trail": [203, "Decisions are rows: of what, by whom, when and why; and only those that there are."],
  "audit-approve": [214, "A call of a client records one."],
  "elicitation-types": [281, "The MCP server that asks its user compiles."],
  elicitInput: [297, "A tool asks the user of its client for what it needs."],
  "elicitation-schema": [300, "The form is described by a JSON Schema, and its answer fits it."],
  "elicitation-cancelled": [315, "Who declines or cancels is told to the tool."],
  "elicitation-state": [320, "What was answered can go into the state of the session."],
  "pending-types": [87, "State with what waits compiles."],
  "pending-list": [347, "What waits is in the state, for all clients."],
  "pending-list-types": [350, "The component that shows it compiles."],
  "decide-by-call": [367, "Buttons decide by calls of the agent."],
  "multi-approver-types": [388, "The agent with several approvers compiles."],
  "multi-approver": [399, "It needs as many approvals as are required."],
  "multi-approver-unknown": [403, "Of what there is."],
  "multi-approver-once": [406, "And one a person."],
  "practice-criteria": [424, "Approval is asked for where a function of the input says so."],
  "practice-context": [425, "The page can show all arguments."],
  "practice-timeouts": [426, "A time can be set after which something happens."],
  "practice-audit": [427, "Decisions are kept."],
  "practice-drops": [428, "What waits survives lost connections."],
  "practice-degradation": [429, "The model is told of a rejection, and goes on."]
} as const satisfies Page;

export const later = {
  waitForApproval: 8,
  "workflow-pattern": 8,
  reportProgress: 8,
  reportComplete: 8,
  approveWorkflow: 8,
  rejectWorkflow: 8,
  onWorkflowProgress: 8,
  "approval-timeout": 8,
  reportError: 8,
  runWorkflow: 8,
  getWorkflow: 8,
  "workflow-configuration": 8,
  "multi-approver-workflow": 8
} as const satisfies Later;
