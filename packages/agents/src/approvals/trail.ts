import type { Schema } from "../core/meta";
import { given, type ApprovalAuditEntry, type ApprovalRow } from "./approval";

interface AuditRow {
  event: ApprovalAuditEntry["event"];
  at_ms: number;
  by: string | null;
  comment: string | null;
  grant_id: string | null;
}

/** What happened to approvals: entries are only ever added. */
export class Trail {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  record(
    id: string,
    event: ApprovalAuditEntry["event"],
    atMs: number,
    by: string | null,
    comment: string | null = null,
    grantId: string | null = null
  ): void {
    this.#schema.write(
      `INSERT INTO cf_agents_approval_audit (approval_id, event, at_ms, by, comment, grant_id) VALUES (?, ?, ?, ?, ?, ?)`,
      id,
      event,
      atMs,
      by,
      comment,
      grantId
    );
  }

  /** One statement, however many there are. */
  recordExpired(rows: readonly ApprovalRow[]): void {
    this.#schema.write(
      `INSERT INTO cf_agents_approval_audit (approval_id, event, at_ms)
       SELECT value ->> 0, 'expired', value ->> 1 FROM json_each(?)`,
      JSON.stringify(rows.map(({ id, expires_ms }) => [id, expires_ms]))
    );
  }

  /** Oldest first. */
  of(id: string): ApprovalAuditEntry[] {
    const query = `SELECT event, at_ms, by, comment, grant_id FROM cf_agents_approval_audit
                   WHERE approval_id = ? ORDER BY seq`;
    return this.#schema.read<AuditRow>(query, id).map((row) => ({
      event: row.event,
      atMs: row.at_ms,
      ...given("by", row.by),
      ...given("comment", row.comment),
      ...given("grantId", row.grant_id)
    }));
  }
}
