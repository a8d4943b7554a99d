import type { SchemaDefinition } from "../core/meta";
import type { WorkflowInfo, WorkflowStatus, WorkflowTrackingRow } from "./types";

export const workflowsSchema: SchemaDefinition = {
  tables: ["cf_agents_workflows"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_agents_workflows (
       id TEXT PRIMARY KEY NOT NULL, workflow_id TEXT NOT NULL UNIQUE, workflow_name TEXT NOT NULL,
       status TEXT NOT NULL CHECK(status IN ('queued', 'running', 'paused', 'errored', 'terminated', 'complete', 'waiting',
         'waitingForPause', 'unknown')),
       metadata TEXT, error_name TEXT, error_message TEXT,
       created_at INTEGER NOT NULL DEFAULT (unixepoch()), updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
       completed_at INTEGER)`,
    // Times in our own columns are in ms. What an older release has started is looked at soon.
    [
      "ALTER TABLE cf_agents_workflows ADD COLUMN intent INTEGER",
      "ALTER TABLE cf_agents_workflows ADD COLUMN run TEXT",
      "ALTER TABLE cf_agents_workflows ADD COLUMN life TEXT",
      "ALTER TABLE cf_agents_workflows ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE cf_agents_workflows ADD COLUMN look_ms INTEGER",
      "ALTER TABLE cf_agents_workflows ADD COLUMN looks INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE cf_agents_workflows ADD COLUMN early TEXT",
      "ALTER TABLE cf_agents_workflows ADD COLUMN engine TEXT",
      `UPDATE cf_agents_workflows SET look_ms = unixepoch() * 1000
       WHERE status NOT IN ('complete', 'errored', 'terminated', 'unknown')`,
      "CREATE INDEX IF NOT EXISTS cf_agents_workflows_look ON cf_agents_workflows (look_ms) WHERE look_ms IS NOT NULL",
      "CREATE INDEX IF NOT EXISTS cf_agents_workflows_created ON cf_agents_workflows (created_at)",
      `CREATE TABLE IF NOT EXISTS cf_agents_workflow_reports (
         workflow_id TEXT NOT NULL, key TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (workflow_id, key)) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS cf_agents_workflow_approvals (
         id TEXT PRIMARY KEY NOT NULL, workflow_id TEXT NOT NULL, workflow_name TEXT NOT NULL, number INTEGER NOT NULL,
         event_type TEXT NOT NULL, metadata TEXT, open INTEGER NOT NULL DEFAULT 1)`,
      "CREATE INDEX IF NOT EXISTS cf_agents_workflow_approvals_of ON cf_agents_workflow_approvals (workflow_id, number)"
    ].join(";\n")
  ]
};

/** What was intended, until it is known to be done. */
export const intents = {
  /** To create the instance. */
  create: 1,
  /** To know whether there is one: whoever wanted it was told that it failed. */
  adopt: 2
} as const;

export interface WorkflowRow extends WorkflowTrackingRow {
  intent: number | null;
  /** The execution that has spoken last, and its place in the order. */
  run: string | null;
  life: string | null;
  sequence: number;
  /** When to look at the instance, or to forget it once it has ended. */
  look_ms: number | null;
  /** How often it was looked at in vain. */
  looks: number;
  /** A decision that came before the workflow has asked for one, as JSON. */
  early: string | null;
  /** The process of the engine that runs it, in local development. */
  engine: string | null;
}

/** A wait for an approval. */
export interface WaitRow {
  id: string;
  workflow_id: string;
  workflow_name: string;
  number: number;
  event_type: string;
  metadata: string | null;
  /** 1: nobody has decided; 2: decided, and the workflow is being told; 0: it knows. */
  open: number;
}

const ends: ReadonlySet<WorkflowStatus> = new Set<WorkflowStatus>(["complete", "errored", "terminated", "unknown"]);

/** Whether nothing more is to be expected of it. */
export const isOver = (status: WorkflowStatus): boolean => ends.has(status);

export function infoOf(row: WorkflowTrackingRow): WorkflowInfo {
  const hasError = row.error_name !== null || row.error_message !== null;
  return {
    instanceId: row.workflow_id,
    workflowId: row.workflow_id,
    workflowName: row.workflow_name,
    status: row.status,
    // Written by `runWorkflow`.
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as Record<string, unknown>),
    error: hasError ? { name: row.error_name ?? "Error", message: row.error_message ?? "" } : null,
    createdAt: new Date(row.created_at * 1_000),
    updatedAt: new Date(row.updated_at * 1_000),
    completedAt: row.completed_at === null ? null : new Date(row.completed_at * 1_000)
  };
}
