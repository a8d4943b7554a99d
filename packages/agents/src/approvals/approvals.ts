import type { Capability } from "../core/capability";
import { AgentError } from "../protocol/errors";
import {
  approvalOf,
  given,
  statusOf,
  votesOf,
  type Approval,
  type ApprovalAuditEntry,
  type ApprovalDecision,
  type ApprovalGrant,
  type ApprovalRow,
  type ApprovalStatus,
  type DecidedApproval
} from "./approval";
import { Delivery, type DecisionHandler, type DeliveryDeps } from "./delivery";
import { Grants } from "./grants";
import { handleRequest, type ApprovalViewer } from "./http";
import { briefly, listQuery, type ApprovalFilter } from "./list";
import {
  commentIn,
  futureIn,
  grantIn,
  hasRight,
  invalid,
  jsonIn,
  nameIn,
  optionalNameIn,
  quorumIn,
  type ApprovalChoice,
  type ApprovalRequest
} from "./input";
import { Trail } from "./trail";

export interface ApprovalsDeps extends DeliveryDeps {
  /** The wake that was asked for last. Costs nothing. */
  wake(): number | undefined;
}

interface Close {
  decision: ApprovalDecision;
  by: string | null;
  comment: string | null;
  editedArgs?: string | undefined;
  grant?: { untilMs: number | null } | undefined;
}

const expiryBatch = 100;
const overdue = `SELECT seq FROM cf_agents_approvals WHERE decision IS NULL AND expires_ms <= ?
                 ORDER BY expires_ms, seq LIMIT ${expiryBatch}`;

/**
 * Requests for approval, as rows: they outlive reloads, evictions and deploys, are decided by whoever has the right, expire, and
 * leave a trail. Get it by `approvalsOf(agent)`.
 */
export class Approvals implements Capability {
  readonly name = "approvals";
  readonly #deps: ApprovalsDeps;
  readonly #delivery: Delivery;
  readonly #trail: Trail;
  readonly #grants: Grants;
  #waiting: Map<string, Set<(approval: DecidedApproval) => void>> | undefined;

  constructor(deps: ApprovalsDeps) {
    this.#deps = deps;
    this.#delivery = new Delivery(deps);
    this.#trail = new Trail(deps.schema);
    this.#grants = new Grants(deps.schema, this.#trail);
  }

  /**
   * Asks for an approval. The same request again, with an `id` of yours, answers with what became of the first.
   *
   * @returns the approval: pending, or approved at once by a grant (no handler is called then)
   * @throws APPROVAL_INVALID for a field that makes no sense; APPROVAL_CHANGED when the id is that of another request
   * @example
   * const { id } = approvals.request({ subject: "refund", args: { order, amount }, scope: "billing", expiresMs: Date.now() + 86_400_000 });
   */
  request<Args = unknown>(request: ApprovalRequest<Args>): Approval<Args> {
    const nowMs = this.#deps.now();
    const id = request.id === undefined ? crypto.randomUUID() : nameIn("id", request.id);
    const source = request.source === undefined ? "program" : nameIn("source", request.source);
    const subject = nameIn("subject", request.subject);
    const scope = optionalNameIn("scope", request.scope);
    const args = jsonIn("args", request.args);
    const quorum = quorumIn(request.quorum, request.editable === true);
    const known = request.id === undefined ? undefined : this.#find(id);
    if (known) {
      const same =
        known.source === source && known.subject === subject && known.scope === scope && known.quorum === quorum;
      if (same && known.args_hash === args.hash) return approvalOf(known, nowMs);
      throw new AgentError("APPROVAL_CHANGED", `Something else was requested under the id "${id}"`);
    }
    const expiresMs = futureIn("expiresMs", request.expiresMs, nowMs);
    const grant = quorum === null ? this.#grants.for(source, subject, scope, nowMs) : undefined;
    const columns = {
      id,
      source,
      subject,
      args: args.text,
      args_hash: args.hash,
      scope,
      requested_by: optionalNameIn("requestedBy", request.requestedBy),
      editable: request.editable === true ? 1 : 0,
      context: request.context === undefined ? null : jsonIn("context", request.context).text,
      created_ms: nowMs,
      expires_ms: expiresMs,
      decision: grant ? "approved" : null,
      decided_by: grant?.granted_by ?? null,
      decided_ms: grant ? nowMs : null,
      grant_id: grant?.id ?? null,
      quorum
    };
    const row = this.#deps.schema.transaction(() => {
      const names = Object.keys(columns);
      const [inserted] = this.#deps.schema.write<ApprovalRow>(
        `INSERT INTO cf_agents_approvals (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")}) RETURNING *`,
        ...Object.values(columns)
      );
      this.#trail.record(id, "requested", nowMs, columns.requested_by);
      if (grant) this.#trail.record(id, "approved", nowMs, grant.granted_by, null, grant.id);
      return inserted!;
    });
    this.#deps.emit("approval:request", () => ({ id, source, subject }));
    if (grant) this.#emitDecision(row);
    else if (expiresMs !== null && expiresMs < (this.#deps.wake() ?? Infinity)) this.#deps.changed();
    return approvalOf(row, nowMs);
  }

  /** For `inspect()`: who waits for what, and what could not be told. */
  inspect(): { approvals: Record<"pending" | "undelivered", Partial<Approval>[]> } {
    const shown = (filter: ApprovalFilter) => this.list({ ...filter, limit: 100 }).map(briefly);
    return { approvals: { pending: shown({ status: "pending" }), undelivered: shown({ undelivered: true }) } };
  }

  /**
   * Decides. The same decision again answers with what was decided. Where several people have to approve, an approval is one vote
   * of a person, and what comes back is pending until there are enough.
   *
   * @param choice `by` and `rights` are what you know of whoever decides; the rest may come from them
   * @throws APPROVAL_UNKNOWN, APPROVAL_FORBIDDEN (the scope is not among the rights), APPROVAL_CHANGED (the `argsHash` is another
   * one), APPROVAL_DECIDED (otherwise), APPROVAL_EXPIRED, APPROVAL_INVALID; nothing has changed then
   * @example approvals.decide(id, { approved: true, by: user.id, rights: user.rights, argsHash });
   */
  decide<Args = unknown>(id: string, choice: ApprovalChoice): Approval<Args> {
    const nowMs = this.#deps.now();
    if (typeof choice.approved !== "boolean") throw invalid("approved must be true or false");
    const by = nameIn("by", choice.by);
    const comment = commentIn(choice.comment);
    const grant = grantIn(choice.grant, nowMs);
    const row = this.#known(id);
    if (!hasRight(row.scope, choice.rights)) {
      throw new AgentError("APPROVAL_FORBIDDEN", `To decide this takes the right "${row.scope}"`);
    }
    if (choice.argsHash !== undefined && choice.argsHash !== row.args_hash) {
      throw new AgentError("APPROVAL_CHANGED", "This decision is about other arguments than those of the request");
    }
    const decision = choice.approved ? "approved" : "rejected";
    if (!choice.approved && grant) throw invalid("Only an approval can come with a grant");
    const editedArgs = this.#edit(row, choice);
    const status = statusOf(row, nowMs);
    if (row.quorum !== null && grant) throw invalid("What several people have to approve cannot be granted by one");
    if (status === "pending" && row.quorum !== null && choice.approved) return this.#vote(row, by, comment, nowMs);
    if (status === "pending") return this.#close(row, { decision, by, comment, editedArgs, grant }, nowMs);
    if (status === decision && (row.edited_args ?? undefined) === editedArgs) return decidedOf(row, nowMs);
    throw tooLate(status);
  }

  /**
   * Takes a request back: what it was about is not to be done any more. Cancelled again, it answers with the same.
   *
   * @throws APPROVAL_UNKNOWN, APPROVAL_DECIDED, APPROVAL_EXPIRED
   * @example approvals.cancel(id, { by: "system", comment: "The conversation was stopped" });
   */
  cancel<Args = unknown>(id: string, options: { by?: string; comment?: string } = {}): DecidedApproval<Args> {
    const nowMs = this.#deps.now();
    const by = optionalNameIn("by", options.by);
    const comment = commentIn(options.comment);
    const row = this.#known(id);
    const status = statusOf(row, nowMs);
    if (status === "pending") return this.#close(row, { decision: "cancelled", by, comment }, nowMs);
    if (status === "cancelled") return decidedOf(row, nowMs);
    throw tooLate(status);
  }

  /** The approval with this id. */
  get<Args = unknown>(id: string): Approval<Args> | undefined {
    const row = this.#find(id);
    return row && approvalOf(row, this.#deps.now());
  }

  /**
   * Approvals, newest first.
   *
   * @example const waiting = approvals.list({ status: "pending", rights: user.rights });
   */
  list(filter: ApprovalFilter = {}): Approval[] {
    const nowMs = this.#deps.now();
    const { query, values } = listQuery(filter, nowMs);
    return this.#deps.schema.read<ApprovalRow>(query, ...values).map((row) => approvalOf(row, nowMs));
  }

  /**
   * The trail of an approval: who did what and when, oldest first. Entries are only ever added.
   *
   * @throws APPROVAL_UNKNOWN
   */
  audit(id: string): ApprovalAuditEntry[] {
    const entries = this.#trail.of(String(id));
    if (entries.length === 0) throw unknown();
    return entries;
  }

  /**
   * Writes into the trail that somebody has seen it, once a person.
   *
   * @throws APPROVAL_UNKNOWN
   */
  viewed(id: string, by: string): void {
    const viewer = nameIn("by", by);
    const seen = this.audit(id).some((entry) => entry.event === "viewed" && entry.by === viewer);
    if (!seen) this.#trail.record(id, "viewed", this.#deps.now(), viewer);
  }

  /** The grants by which requests are approved at once. */
  grants(): ApprovalGrant[] {
    return this.#grants.inForce(this.#deps.now());
  }

  /**
   * Ends a grant. What it has approved stays approved.
   *
   * @returns whether there was one to end
   */
  revoke(grantId: string, options: { by?: string } = {}): boolean {
    const nowMs = this.#deps.now();
    const by = optionalNameIn("by", options.by);
    return this.#grants.end(String(grantId), by, nowMs);
  }

  /**
   * Waits for the decision: for code that goes on in a live instance. An eviction ends the wait, and not the request; use
   * `onDecided` for what must not be lost.
   *
   * @throws APPROVAL_UNKNOWN; the reason of the signal
   * @example const decided = await approvals.decision(id, { signal });
   */
  async decision<Args = unknown>(id: string, options: { signal?: AbortSignal } = {}): Promise<DecidedApproval<Args>> {
    const { signal } = options;
    signal?.throwIfAborted();
    const approval = approvalOf<Args>(this.#known(id), this.#deps.now());
    if (approval.status !== "pending") return approval;
    const key = approval.id;
    return new Promise((resolve, reject) => {
      const waiting = (this.#waiting ??= new Map<string, Set<(approval: DecidedApproval) => void>>());
      const others = waiting.get(key) ?? new Set();
      waiting.set(key, others);
      const decided = (result: DecidedApproval) => {
        signal?.removeEventListener("abort", aborted);
        // Whoever waits knows what was asked for.
        resolve(result as DecidedApproval<Args>);
      };
      const aborted = () => {
        others.delete(decided);
        if (others.size === 0 && waiting.get(key) === others) waiting.delete(key);
        reject(signal?.reason as Error);
      };
      others.add(decided);
      signal?.addEventListener("abort", aborted, { once: true });
    });
  }

  /**
   * Says who is told of decisions about requests of a source: approved, rejected, expired or cancelled. Say it in each life of the
   * instance, in `onStart`. It is called once or more for each decision, also when the instance was evicted in between;
   * so do what it does by the approval's id. It runs as the agent's own code, without the connection of whoever decided.
   * One that throws is called again after 5 s, 10 s, 20 s …, ten times in all.
   *
   * @example approvals.onDecided("program", async (approval) => { if (approval.status === "approved") await this.refund(approval.approvedArgs); });
   */
  onDecided(source: string, handler: DecisionHandler): void {
    this.#delivery.register(nameIn("source", source), handler);
  }

  /**
   * Calls the handler again for a decision that it could not be told of.
   *
   * @returns whether there was something to tell
   */
  redeliver(id: string): boolean {
    return this.#delivery.revive(String(id));
  }

  /**
   * Deletes what was decided before a time, with its trail, and grants that have ended by then.
   *
   * @param beforeMs in ms since the epoch
   * @returns how many approvals
   */
  prune(beforeMs: number): number {
    const { schema } = this.#deps;
    if (!schema.exists) return 0;
    const old = "decided_ms < ? AND decision IS NOT NULL AND deliver_ms IS NULL";
    return schema.transaction(() => {
      schema.write(
        `DELETE FROM cf_agents_approval_audit
         WHERE approval_id IN (SELECT id FROM cf_agents_approvals WHERE ${old})`,
        beforeMs
      );
      const ended =
        "DELETE FROM cf_agents_approval_grants WHERE min(ifnull(revoked_ms, until_ms), ifnull(until_ms, revoked_ms)) < ?";
      schema.write(ended, beforeMs);
      return schema.write(`DELETE FROM cf_agents_approvals WHERE ${old} RETURNING seq`, beforeMs).length;
    });
  }

  /**
   * Answers requests whose path ends in `/approvals` or `/approvals/{id}`, and leaves others alone.
   *
   * - `GET …/approvals?status=&source=&subject=&limit=&before=`: `{ approvals }`, those that the viewer may decide
   * - `GET …/approvals/{id}`: `{ approval, audit }`; the trail says that it was viewed
   * - `POST …/approvals/{id}` with JSON `{ approved, comment?, args?, argsHash?, grant? }`: `{ approval }`
   *
   * A refusal is `{ error: { code, message } }` with a status of 400 to 415.
   *
   * @param viewer who asks, as your program knows it; `undefined` is refused with 401
   * @returns the answer; nothing for another path
   * @example
   * async onRequest(request: Request) {
   *   const user = await userOf(request);
   *   const answer = await approvalsOf(this).handle(request, user && { by: user.id, rights: user.rights });
   *   return answer ?? new Response("Not found", { status: 404 });
   * }
   */
  handle(request: Request, viewer: ApprovalViewer | undefined): Promise<Response | undefined> {
    return handleRequest(this, request, viewer, (error) => this.#deps.failed(error));
  }

  /** When something expires, or a handler is to be called again. */
  nextWake(): number | undefined {
    const [row] = this.#deps.schema.read<{ at: number | null }>(
      `SELECT min(at) AS at FROM (
         SELECT * FROM (SELECT expires_ms AS at FROM cf_agents_approvals
           WHERE decision IS NULL AND expires_ms IS NOT NULL ORDER BY expires_ms LIMIT 1)
         UNION ALL
         SELECT * FROM (SELECT deliver_ms FROM cf_agents_approvals
           WHERE attempts IS NOT NULL AND deliver_ms IS NOT NULL ORDER BY deliver_ms LIMIT 1))`
    );
    return row?.at ?? undefined;
  }

  onWake(nowMs: number): void {
    this.#expire(nowMs);
    this.#delivery.onWake(nowMs);
  }

  #expire(nowMs: number): void {
    const { schema, emit } = this.#deps;
    if (!schema.exists) return;
    const expired = schema.transaction(() => {
      const rows = schema.write<ApprovalRow>(
        `UPDATE cf_agents_approvals SET decision = 'expired', decided_ms = expires_ms, attempts = 0, deliver_ms = ?
         WHERE seq IN (${overdue}) RETURNING *`,
        nowMs,
        nowMs
      );
      if (rows.length > 0) this.#trail.recordExpired(rows);
      return rows;
    });
    // SQLite returns what it updated in any order.
    for (const row of expired.sort((a, b) => a.expires_ms! - b.expires_ms! || a.seq - b.seq)) {
      emit("approval:expire", () => told(row));
      this.#tellWaiting(row, nowMs);
    }
  }

  /** Counts one who approves: each person once, and the last one that it takes decides. */
  #vote<Args>(row: ApprovalRow, by: string, comment: string | null, nowMs: number): Approval<Args> {
    const before = votesOf(row);
    if (before.some((vote) => vote.by === by)) return approvalOf(row, nowMs);
    const all = [...before, { by, atMs: nowMs, ...given("comment", comment) }];
    const after = { ...row, votes: JSON.stringify(all) };
    const { id, quorum } = row;
    const isEnough = all.length >= (quorum ?? 1);
    const result = this.#deps.schema.transaction(() => {
      this.#deps.schema.write("UPDATE cf_agents_approvals SET votes = ? WHERE seq = ?", after.votes, row.seq);
      this.#trail.record(id, "voted", nowMs, by, comment);
      return isEnough ? undefined : approvalOf<Args>(after, nowMs);
    });
    this.#deps.emit("approval:vote", () => ({ ...told(row), by, votes: all.length, quorum }));
    return result ?? this.#close(after, { decision: "approved", by, comment }, nowMs);
  }

  /** Writes a decision, then tells of it. */
  #close<Args>(row: ApprovalRow, { decision, by, comment, editedArgs, grant }: Close, nowMs: number) {
    const { attempts, deliverMs } = this.#delivery.claim(row.source);
    const grantId = grant ? crypto.randomUUID() : null;
    const after: ApprovalRow = {
      ...row,
      decision,
      decided_by: by,
      decided_ms: nowMs,
      comment,
      edited_args: editedArgs ?? null,
      attempts,
      deliver_ms: deliverMs
    };
    this.#deps.schema.transaction(() => {
      this.#deps.schema.write(
        `UPDATE cf_agents_approvals SET decision = ?, decided_by = ?, decided_ms = ?, comment = ?, edited_args = ?,
         attempts = ?, deliver_ms = ? WHERE seq = ?`,
        decision,
        by,
        nowMs,
        comment,
        after.edited_args,
        attempts,
        deliverMs,
        row.seq
      );
      this.#trail.record(row.id, decision, nowMs, by, comment);
      if (grant && grantId) this.#grants.give(after, grantId, grant.untilMs, nowMs);
    });
    this.#emitDecision(after);
    this.#tellWaiting(after, nowMs);
    this.#delivery.begin(after);
    // It was what the alarm is set for.
    if (row.expires_ms !== null && row.expires_ms === this.#deps.wake()) this.#deps.changed();
    return decidedOf<Args>(after, nowMs);
  }

  /** What the decider makes of the arguments, as JSON; nothing if that is what they were. */
  #edit(row: ApprovalRow, { approved, args }: ApprovalChoice): string | undefined {
    if (args === undefined) return undefined;
    if (!approved) throw invalid("Only an approval can come with other arguments");
    const edited = jsonIn("args", args);
    if (edited.hash === row.args_hash) return undefined;
    if (row.editable !== 1) throw invalid("The arguments of this request may not be edited");
    return edited.text;
  }

  #emitDecision(row: ApprovalRow): void {
    const by = row.decided_by === null ? {} : { by: row.decided_by };
    this.#deps.emit("approval:decide", () => ({ ...told(row), decision: row.decision, ...by }));
  }

  #tellWaiting(row: ApprovalRow, nowMs: number): void {
    const waiting = this.#waiting?.get(row.id);
    if (!waiting) return;
    this.#waiting?.delete(row.id);
    for (const decided of waiting) decided(decidedOf(row, nowMs));
  }

  #find(id: string): ApprovalRow | undefined {
    const [row] = this.#deps.schema.read<ApprovalRow>("SELECT * FROM cf_agents_approvals WHERE id = ?", String(id));
    return row;
  }

  #known(id: string): ApprovalRow {
    const row = this.#find(id);
    if (row) return row;
    throw unknown();
  }
}

/** The row is known to be decided. */
const decidedOf = <Args>(row: ApprovalRow, nowMs: number): DecidedApproval<Args> =>
  approvalOf<Args>(row, nowMs) as DecidedApproval<Args>;

/** What events tell of a request that has ended. */
const told = ({ id, source, subject, created_ms: createdMs }: ApprovalRow) => ({ id, source, subject, createdMs });

const unknown = (): AgentError => new AgentError("APPROVAL_UNKNOWN", "There is no approval with this id");

const tooLate = (status: ApprovalStatus): AgentError =>
  status === "expired"
    ? new AgentError("APPROVAL_EXPIRED", "The time to decide this is over")
    : new AgentError("APPROVAL_DECIDED", `This was ${status} already`);
