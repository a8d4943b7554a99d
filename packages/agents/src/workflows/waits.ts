import type { Schema } from "../core/meta";
import { AgentError } from "../protocol/errors";
import type { Engine } from "./engine";
import type { Rows } from "./rows";
import { isOver, type WaitRow, type WorkflowRow } from "./schema";
import type { WorkflowDecisionOptions } from "./types";
import type { Ask, DecisionEvent, Outcome, Speaker } from "./wire";

/** An approval, as far as workflows look at it. */
export interface Request {
  id: string;
  status: "pending" | "approved" | "rejected" | "expired" | "cancelled";
  expiresMs?: number;
  decidedBy?: string;
  comment?: string;
  votes?: readonly { by: string }[];
}

/** The approvals of the agent. */
export interface Desk {
  request(request: {
    id: string;
    source: string;
    subject: string;
    args?: unknown;
    scope?: string | undefined;
    requestedBy?: string | undefined;
    quorum?: number | undefined;
    expiresMs: number;
  }): Request;
  get(id: string): Request | undefined;
  decide(
    id: string,
    choice: { approved: boolean; by: string; rights?: readonly string[] | undefined; comment?: string | undefined }
  ): Request;
  cancel(id: string, options: { by: string; comment: string }): Request;
}

export interface WaitsDeps {
  readonly schema: Schema;
  readonly rows: Rows;
  readonly engine: Engine;
  now(): number;
  desk(): Desk;
  emit(type: string, payload: () => Record<string, unknown>): void;
}

/** A decision before the workflow has asked for it. */
interface Early {
  approved: boolean;
  options: WorkflowDecisionOptions;
}

const source = "workflow";
/** Who decides, where the program does not say. */
const program = "program";
/** The first wait of a workflow, where its program names no other event. */
const firstType = "approval";

/** Workflows that wait for approval: each wait is a request among the agent's approvals, and its row the truth about it. */
export class Waits {
  readonly #deps: WaitsDeps;

  constructor(deps: WaitsDeps) {
    this.#deps = deps;
  }

  /** A workflow has come to where it needs an approval. The same wait again gets the same answer. */
  ask({ instanceId, workflowName, run }: Speaker, ask: Ask): Outcome {
    const { rows, schema } = this.#deps;
    const id = `${source}:${instanceId}:${run}:${ask.number}`;
    const row = rows.get(instanceId);
    const { subject = row?.workflow_name ?? workflowName, args, scope, requestedBy, quorum, timeoutMs } = ask;
    // The first of several attempts has set the time.
    const expiresMs = this.#deps.desk().get(id)?.expiresMs ?? this.#deps.now() + timeoutMs;
    this.#deps.desk().request({ id, source, subject, args, scope, requestedBy, quorum, expiresMs });
    schema.write(
      `INSERT OR IGNORE INTO cf_agents_workflow_approvals (id, workflow_id, workflow_name, number, event_type)
       VALUES (?, ?, ?, ?, ?)`,
      id,
      instanceId,
      row?.workflow_name ?? workflowName,
      ask.number,
      ask.eventType
    );
    if (row?.early) {
      // Written by `decide`.
      const { approved, options } = JSON.parse(row.early) as Early;
      rows.update(instanceId, { early: null });
      // Observability was told of it when it came.
      schema.change("UPDATE cf_agents_workflow_approvals SET open = 2 WHERE id = ?", id);
      this.#choose(this.#find(id)!, approved, options);
    }
    return this.#outcome(id, false);
  }

  /** A workflow has heard of a decision, or has waited as long as it was to wait. */
  settle({ instanceId, run }: Speaker, number: number, event: unknown, isTimeOver: boolean): Outcome {
    const id = `${source}:${instanceId}:${run}:${number}`;
    const wait = this.#find(id);
    if (!wait) return { status: "expired" };
    if (this.#deps.desk().get(id)?.status === "pending") {
      const decision = decisionIn(event, number);
      if (decision) this.#choose(wait, decision.approved, decision);
      else if (isTimeOver) this.#deps.desk().cancel(id, { by: source, comment: "The workflow has waited long enough" });
    }
    return this.#outcome(id, isTimeOver);
  }

  #outcome(id: string, isTimeOver: boolean): Outcome {
    const request = this.#deps.desk().get(id);
    const wait = this.#find(id);
    if (request?.status === "pending") {
      if (wait) this.#showStatus(wait.workflow_id);
      return { status: "pending", expiresMs: request.expiresMs ?? Infinity };
    }
    this.#deps.schema.change("UPDATE cf_agents_workflow_approvals SET open = 0 WHERE id = ?", id);
    if (wait) this.#showStatus(wait.workflow_id);
    if (!request || request.status === "expired") return { status: "expired" };
    if (request.status === "approved") return { status: "approved", metadata: metadataOf(request, wait) };
    if (request.status === "cancelled" && isTimeOver) return { status: "expired" };
    const reason = request.comment === undefined ? {} : { reason: request.comment };
    return { status: "rejected", ...reason, metadata: metadataOf(request, wait) };
  }

  /** Decides for the program. */
  async decide(row: WorkflowRow, approved: boolean, options: WorkflowDecisionOptions): Promise<void> {
    const wait = this.#meant(row, options.approvalId);
    if (wait) return this.#choose(wait, approved, options);
    const waits = this.#of(row.workflow_id);
    const last = waits.at(-1);
    const status = last && this.#deps.desk().get(last.id)?.status;
    if (status === (approved ? "approved" : "rejected")) return;
    if (isOver(row.status) || last) {
      throw new AgentError(
        "WORKFLOW_NOT_WAITING",
        `The workflow "${row.workflow_id}" does not wait for an approval: it is ${row.status}${status ? `, and its last one was ${status}` : ""}`
      );
    }
    // It has not come that far. A workflow of whatever class that waits for this event finds it, and ours asks for it.
    const { reason, metadata } = options;
    const event: DecisionEvent = {
      approved,
      approval: 1,
      ...(reason !== undefined && { reason }),
      ...(metadata && { metadata })
    };
    this.#deps.rows.update(row.workflow_id, { early: JSON.stringify({ approved, options } satisfies Early) });
    this.#emit(row.workflow_id, approved, reason);
    await this.#deps.engine.sendEvent(row.workflow_name, row.workflow_id, { type: firstType, payload: event });
  }

  #meant(row: WorkflowRow, approvalId: string | undefined): WaitRow | undefined {
    const waits = this.#of(row.workflow_id);
    if (approvalId !== undefined) {
      const wait = waits.find(({ id }) => id === approvalId);
      if (wait) return wait;
      throw new AgentError("APPROVAL_UNKNOWN", `The workflow "${row.workflow_id}" has no approval "${approvalId}"`);
    }
    const pending = waits.filter(({ id }) => this.#deps.desk().get(id)?.status === "pending");
    if (pending.length < 2) return pending[0];
    const ids = pending.map(({ id }) => id).join(", ");
    throw new AgentError(
      "WORKFLOW_INVALID",
      `The workflow "${row.workflow_id}" waits for several approvals. Say which one is meant, with { approvalId }: ${ids}`
    );
  }

  #choose(wait: WaitRow, approved: boolean, { reason, metadata, by = program, rights }: WorkflowDecisionOptions): void {
    this.#deps.schema.transaction(() => {
      const text = metadata === undefined ? null : JSON.stringify(metadata);
      this.#deps.schema.change("UPDATE cf_agents_workflow_approvals SET metadata = ? WHERE id = ?", text, wait.id);
      this.#deps.desk().decide(wait.id, { approved, by, rights, comment: reason });
    });
  }

  /** Somebody has decided, in whichever way: tells the workflow. Called until it succeeds. */
  async decided({ id, status, comment }: Request): Promise<void> {
    const wait = this.#find(id);
    if (!wait || wait.open === 0) return;
    if (wait.open === 1) {
      this.#deps.schema.change("UPDATE cf_agents_workflow_approvals SET open = 2 WHERE id = ?", id);
      if (status === "approved" || status === "rejected") this.#emit(wait.workflow_id, status === "approved", comment);
    }
    this.#showStatus(wait.workflow_id);
    const payload: DecisionEvent = { approved: status === "approved", approval: wait.number };
    if (comment !== undefined) payload.reason = comment;
    try {
      await this.#deps.engine.sendEvent(wait.workflow_name, wait.workflow_id, { type: wait.event_type, payload });
    } catch (error) {
      // Nobody is there to be told.
      if (!AgentError.isInstance(error, "WORKFLOW_UNKNOWN")) throw error;
    }
  }

  /** What is still to be decided about an instance is not to be decided any more. */
  cancel(instanceId: string, comment: string): void {
    for (const { id } of this.#of(instanceId)) {
      this.#deps.schema.change("UPDATE cf_agents_workflow_approvals SET open = 0 WHERE id = ?", id);
      if (this.#deps.desk().get(id)?.status === "pending") this.#deps.desk().cancel(id, { by: source, comment });
    }
  }

  /** Another run of an instance begins, with nothing asked for. What was decided before stays in the trail. */
  forget(instanceId: string, comment: string): void {
    this.cancel(instanceId, comment);
    this.#deps.schema.change("DELETE FROM cf_agents_workflow_approvals WHERE workflow_id = ?", instanceId);
  }

  isWaiting(instanceId: string): boolean {
    return this.#of(instanceId).some(({ id, open }) => open === 1 && this.#deps.desk().get(id)?.status === "pending");
  }

  #showStatus(instanceId: string): void {
    const row = this.#deps.rows.get(instanceId);
    if (!row || isOver(row.status) || row.status === "paused" || row.status === "waitingForPause") return;
    const status = this.isWaiting(instanceId) ? "waiting" : "running";
    if (row.status !== status) this.#deps.rows.update(instanceId, { status });
  }

  #emit(workflowId: string, approved: boolean, reason: string | undefined): void {
    const payload = { workflowId, ...(reason !== undefined && { reason }) };
    this.#deps.emit(approved ? "workflow:approved" : "workflow:rejected", () => payload);
  }

  #find(id: string): WaitRow | undefined {
    return this.#deps.schema.read<WaitRow>("SELECT * FROM cf_agents_workflow_approvals WHERE id = ?", id)[0];
  }

  /** All waits of an instance that its runs have come to, in their order. */
  #of(instanceId: string): WaitRow[] {
    const query = "SELECT * FROM cf_agents_workflow_approvals WHERE workflow_id = ? ORDER BY rowid";
    return this.#deps.schema.read<WaitRow>(query, instanceId);
  }
}

/** What an event says that does not come from here, or came early; nothing if it is about another wait. */
function decisionIn(event: unknown, number: number): (DecisionEvent & WorkflowDecisionOptions) | undefined {
  if (typeof event !== "object" || event === null) return undefined;
  const { approved, approval = number, reason, metadata } = event as Record<string, unknown>;
  if (typeof approved !== "boolean" || approval !== number) return undefined;
  return {
    approved,
    approval: number,
    ...(typeof reason === "string" && { reason }),
    ...(typeof metadata === "object" && metadata !== null && { metadata: metadata as Record<string, unknown> })
  };
}

/** What `waitForApproval` returns: what was said with the decision, or who made it. */
function metadataOf({ decidedBy, comment, votes }: Request, wait: WaitRow | undefined): object {
  const approvers = votes && { approvers: votes.map(({ by }) => by) };
  // Written by `#choose`.
  if (wait?.metadata) return { ...(JSON.parse(wait.metadata) as object), ...approvers };
  const reason = comment === undefined ? {} : { reason: comment };
  return { ...(decidedBy !== undefined && { approvedBy: decidedBy }), ...reason, ...approvers };
}
