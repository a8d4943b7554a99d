/** What is known of an instance of a workflow. */
export type WorkflowStatus =
  | "queued"
  | "running"
  | "paused"
  | "waiting"
  | "complete"
  | "errored"
  | "terminated"
  | "waitingForPause"
  | "unknown";

/** How to start a workflow. */
export interface RunWorkflowOptions {
  /** The id of the instance: 1 to 100 letters, digits, `-` and `_`. A random one if left out. */
  id?: string;
  /** What to find the instance by later. The workflow does not see it. */
  metadata?: Record<string, unknown>;
  /** The binding under which the workflow finds this agent. Found by itself if the Worker has one. */
  agentBinding?: string;
}

/** A tracked instance. */
export interface WorkflowInfo {
  instanceId: string;
  /** The same. */
  workflowId: string;
  /** The name of the workflow's binding. */
  workflowName: string;
  status: WorkflowStatus;
  metadata: Record<string, unknown> | null;
  error: { name: string; message: string } | null;
  createdAt: Date;
  updatedAt: Date;
  completedAt: Date | null;
}

/** Which tracked instances are meant. All of them, if it says nothing. */
export interface WorkflowQueryCriteria {
  status?: WorkflowStatus | readonly WorkflowStatus[];
  workflowName?: string;
  /** Those whose metadata has these values in these fields. */
  metadata?: Readonly<Record<string, string | number | boolean | null>>;
  createdAfter?: Date;
  createdBefore?: Date;
  /** At most so many on a page: 1 to 100, 50 if left out. */
  limit?: number;
  /** By the time at which they were started; `desc` (the newest first) if left out. */
  orderBy?: "asc" | "desc";
  /** The `nextCursor` of the page before. */
  cursor?: string;
}

export interface WorkflowPage {
  workflows: WorkflowInfo[];
  /** How many there are on all pages. */
  total: number;
  /** For the next page; `null` on the last one. */
  nextCursor: string | null;
}

/** What `getWorkflowStatus` knows: what the engine says, with `waiting` while somebody has to approve. */
export interface WorkflowState {
  status: WorkflowStatus;
  output: unknown;
  error: { name: string; message: string } | null;
}

/** An event for a workflow that waits for one of its type. */
export interface WorkflowEventPayload {
  type: string;
  payload: unknown;
}

/** A decision about a workflow that waits for approval. */
export interface WorkflowDecisionOptions {
  reason?: string;
  /** What `waitForApproval` returns. */
  metadata?: Record<string, unknown>;
  /** Who decides, for the trail. Take it from a session or a token. "program", if left out. */
  by?: string;
  /** The rights that they have: needed where the workflow asks for one (`scope`). */
  rights?: readonly string[];
  /** Which approval is meant, where the workflow waits for several at once. */
  approvalId?: string;
}

/** The fields that a workflow usually tells of its progress. */
export type DefaultProgress = {
  step?: string;
  status?: "pending" | "running" | "complete" | "error";
  message?: string;
  /** From 0 to 1. */
  percent?: number;
  [key: string]: unknown;
};

export type WorkflowCallbackType = "progress" | "complete" | "error" | "event";

interface Callback<Type extends WorkflowCallbackType> {
  type: Type;
  workflowName: string;
  instanceId: string;
  /** The same. */
  workflowId: string;
  /** When the workflow said so, in ms since the epoch. */
  timestamp: number;
}

export type WorkflowProgressCallback<Progress = DefaultProgress> = Callback<"progress"> & { progress: Progress };
export type WorkflowCompleteCallback = Callback<"complete"> & { result?: unknown };
export type WorkflowErrorCallback = Callback<"error"> & { error: string };
export type WorkflowEventCallback = Callback<"event"> & { event: unknown };

/** What a workflow tells its agent. */
export type WorkflowCallback<Progress = DefaultProgress> =
  | WorkflowProgressCallback<Progress>
  | WorkflowCompleteCallback
  | WorkflowErrorCallback
  | WorkflowEventCallback;

/** How long, as Workflows say it: `"7 days"`, or milliseconds. */
export type WorkflowDuration =
  | `${number} ${"second" | "minute" | "hour" | "day" | "week" | "month" | "year"}${"s" | ""}`
  | number;

/** How a workflow waits for a decision. */
export interface WaitForApprovalOptions {
  /** How long to wait: `"7 days"`, or milliseconds. A year, which is the most, if left out. */
  timeout?: WorkflowDuration;
  /** The type of the event that brings the decision. Each wait of a workflow has one of its own. */
  eventType?: string;
  /** The name of the steps, as observability shows them. */
  stepName?: string;
  /** What is to be approved, for those who decide; the workflow's name, if left out. */
  subject?: string;
  /** With what: any JSON value. The workflow's parameters, if left out. */
  args?: unknown;
  /** The right that whoever decides must have. */
  scope?: string;
  requestedBy?: string;
  /** How many people have to approve; 1, if left out. One rejection is enough. */
  quorum?: number;
}

/** The payload of the event that brings a decision. */
export interface ApprovalEventPayload {
  approved: boolean;
  reason?: string;
  metadata?: Record<string, unknown>;
}

/** A row of `cf_agents_workflows`. Times are in seconds since the epoch. */
export interface WorkflowTrackingRow {
  id: string;
  workflow_id: string;
  workflow_name: string;
  status: WorkflowStatus;
  metadata: string | null;
  error_name: string | null;
  error_message: string | null;
  created_at: number;
  updated_at: number;
  completed_at: number | null;
}
