export { AgentWorkflow, type AgentWorkflowEvent } from "./agent-workflow";
export { trackWorkflows } from "./workflow-work";
export { WorkflowRejectedError } from "./workflows/rejected-error";
export type { AgentWorkflowStep } from "./workflows/step";
export type {
  ApprovalEventPayload,
  DefaultProgress,
  RunWorkflowOptions,
  WaitForApprovalOptions,
  WorkflowCallback,
  WorkflowCallbackType,
  WorkflowCompleteCallback,
  WorkflowDecisionOptions,
  WorkflowErrorCallback,
  WorkflowEventCallback,
  WorkflowEventPayload,
  WorkflowInfo,
  WorkflowPage,
  WorkflowProgressCallback,
  WorkflowQueryCriteria,
  WorkflowState,
  WorkflowStatus,
  WorkflowTrackingRow
} from "./workflows/types";
