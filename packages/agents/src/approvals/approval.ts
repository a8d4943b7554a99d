import type { SchemaDefinition } from "../core/meta";

/** What became of a request. */
export type ApprovalDecision = "approved" | "rejected" | "expired" | "cancelled";
export type ApprovalStatus = "pending" | ApprovalDecision;

interface Asked<Args> {
  id: string;
  /** Which part of the program asks: "chat", "workflow", or a name of yours. */
  source: string;
  /** What is to be done: the name of a tool, of a method. */
  subject: string;
  /** With what. Any JSON value. */
  args: Args;
  /** SHA-256 of the JSON of `args` with sorted keys, in hex. A decision that names it cannot be about other arguments. */
  argsHash: string;
  /** The right that whoever decides must have. Without it, everybody may whom the program lets. */
  scope?: string;
  requestedBy?: string;
  /** Whether the decider may change the arguments. */
  editable: boolean;
  /** How many people have to approve, where one is not enough. */
  quorum?: number;
  /** Those who have, where one is not enough. */
  votes?: ApprovalVote[];
  /** What the requester wants to be told again with the decision. Never sent over HTTP. */
  context?: unknown;
  /** In ms since the epoch, as all times here. */
  createdMs: number;
  expiresMs?: number;
}

/** One of several who have to approve. */
export interface ApprovalVote {
  by: string;
  atMs: number;
  comment?: string;
}

interface Decided {
  decidedMs: number;
  decidedBy?: string;
  comment?: string;
}

/** Nobody has decided yet. */
export type PendingApproval<Args = unknown> = Asked<Args> & { status: "pending" };

/** It may be done, with `approvedArgs`. */
export type Approved<Args = unknown> = Asked<Args> &
  Decided & {
    status: "approved";
    /** What the decider made of the arguments, if anything. */
    editedArgs?: Args;
    /** The arguments to use: the edited ones, or those that were asked for. */
    approvedArgs: Args;
    /** The grant by which it was approved at once. */
    grantId?: string;
  };

/** It may not be done. */
export type NotApproved<Args = unknown> = Asked<Args> & Decided & { status: "rejected" | "expired" | "cancelled" };

export type DecidedApproval<Args = unknown> = Approved<Args> | NotApproved<Args>;

/** A request for approval and what became of it; `status` tells which fields it has. */
export type Approval<Args = unknown> = PendingApproval<Args> | DecidedApproval<Args>;

/** One line of the trail of an approval. */
export interface ApprovalAuditEntry {
  event: "requested" | "viewed" | "voted" | ApprovalDecision | "granted" | "revoked";
  atMs: number;
  by?: string;
  comment?: string;
  grantId?: string;
}

/** "Approve all further ones": of a source, with a subject and a scope, until it ends or is revoked. */
export interface ApprovalGrant {
  id: string;
  /** The approval with which it was given. */
  approvalId: string;
  source: string;
  subject: string;
  scope?: string;
  by: string;
  createdMs: number;
  untilMs?: number;
}

/** An approval as it is stored. */
export interface ApprovalRow {
  seq: number;
  id: string;
  source: string;
  subject: string;
  args: string;
  args_hash: string;
  scope: string | null;
  requested_by: string | null;
  editable: number;
  context: string | null;
  created_ms: number;
  expires_ms: number | null;
  decision: ApprovalDecision | null;
  decided_by: string | null;
  decided_ms: number | null;
  comment: string | null;
  edited_args: string | null;
  grant_id: string | null;
  /** How often its handler was begun; NULL before the decision and once the handler has succeeded. */
  attempts: number | null;
  /** When the handler is tried (again); NULL for not by itself. */
  deliver_ms: number | null;
  /** NULL for one. */
  quorum: number | null;
  /** JSON of those who have approved, where one is not enough. */
  votes: string | null;
}

export interface GrantRow {
  id: string;
  approval_id: string;
  source: string;
  subject: string;
  scope: string | null;
  granted_by: string;
  created_ms: number;
  until_ms: number | null;
}

export const approvalsSchema: SchemaDefinition = {
  tables: ["cf_agents_approvals", "cf_agents_approval_audit", "cf_agents_approval_grants"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_agents_approvals (
       seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, subject TEXT NOT NULL,
       args TEXT NOT NULL, args_hash TEXT NOT NULL, scope TEXT, requested_by TEXT, editable INTEGER NOT NULL, context TEXT,
       created_ms INTEGER NOT NULL, expires_ms INTEGER, decision TEXT, decided_by TEXT, decided_ms INTEGER, comment TEXT,
       edited_args TEXT, grant_id TEXT, attempts INTEGER, deliver_ms INTEGER);
     CREATE INDEX IF NOT EXISTS cf_agents_approvals_pending ON cf_agents_approvals (expires_ms) WHERE decision IS NULL;
     CREATE INDEX IF NOT EXISTS cf_agents_approvals_undelivered ON cf_agents_approvals (deliver_ms) WHERE attempts IS NOT NULL;
     CREATE TABLE IF NOT EXISTS cf_agents_approval_audit (
       seq INTEGER PRIMARY KEY AUTOINCREMENT, approval_id TEXT NOT NULL, event TEXT NOT NULL, at_ms INTEGER NOT NULL,
       by TEXT, comment TEXT, grant_id TEXT);
     CREATE INDEX IF NOT EXISTS cf_agents_approval_audit_of ON cf_agents_approval_audit (approval_id);
     CREATE TABLE IF NOT EXISTS cf_agents_approval_grants (
       id TEXT PRIMARY KEY NOT NULL, approval_id TEXT NOT NULL, source TEXT NOT NULL, subject TEXT NOT NULL, scope TEXT,
       granted_by TEXT NOT NULL, created_ms INTEGER NOT NULL, until_ms INTEGER, revoked_ms INTEGER);
     CREATE INDEX IF NOT EXISTS cf_agents_approval_grants_of ON cf_agents_approval_grants (source, subject)
       WHERE revoked_ms IS NULL`,
    `ALTER TABLE cf_agents_approvals ADD COLUMN quorum INTEGER;
     ALTER TABLE cf_agents_approvals ADD COLUMN votes TEXT`
  ]
};

/** What a row says at this time: one that nobody decided in time has expired, whether the alarm has been there or not. */
export function approvalOf<Args>(row: ApprovalRow, nowMs: number): Approval<Args> {
  // Only whoever asked knows the type of the arguments.
  const args = JSON.parse(row.args) as Args;
  const asked: Asked<Args> = {
    id: row.id,
    source: row.source,
    subject: row.subject,
    args,
    argsHash: row.args_hash,
    ...given("scope", row.scope),
    ...given("requestedBy", row.requested_by),
    editable: row.editable === 1,
    ...(row.quorum !== null && { quorum: row.quorum, votes: votesOf(row) }),
    ...(row.context !== null && { context: JSON.parse(row.context) as unknown }),
    createdMs: row.created_ms,
    ...given("expiresMs", row.expires_ms)
  };
  const status = statusOf(row, nowMs);
  if (status === "pending") return { ...asked, status };
  const decided: Decided = {
    decidedMs: row.decided_ms ?? row.expires_ms ?? nowMs,
    ...given("decidedBy", row.decided_by),
    ...given("comment", row.comment)
  };
  if (status !== "approved") return { ...asked, status, ...decided };
  const edited = row.edited_args === null ? undefined : { editedArgs: JSON.parse(row.edited_args) as Args };
  const approvedArgs = edited ? edited.editedArgs : args;
  return { ...asked, status, ...decided, ...edited, approvedArgs, ...given("grantId", row.grant_id) };
}

/** Written by a vote. */
export const votesOf = ({ votes }: ApprovalRow): ApprovalVote[] =>
  votes === null ? [] : (JSON.parse(votes) as ApprovalVote[]);

export function statusOf({ decision, expires_ms }: ApprovalRow, nowMs: number): ApprovalStatus {
  return decision ?? (expires_ms !== null && expires_ms <= nowMs ? "expired" : "pending");
}

export const grantOf = (row: GrantRow): ApprovalGrant => ({
  id: row.id,
  approvalId: row.approval_id,
  source: row.source,
  subject: row.subject,
  ...given("scope", row.scope),
  by: row.granted_by,
  createdMs: row.created_ms,
  ...given("untilMs", row.until_ms)
});

/** A field that is left out where the column is empty. */
export function given<Name extends string, Value>(name: Name, value: Value | null): { [Key in Name]?: Value } {
  // TypeScript knows no object with one computed key.
  return (value === null ? {} : { [name]: value }) as { [Key in Name]?: Value };
}
