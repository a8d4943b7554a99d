import type { Schema } from "../core/meta";
import { grantOf, type ApprovalGrant, type ApprovalRow, type GrantRow } from "./approval";
import type { Trail } from "./trail";

/** What is approved at once, until a time or until somebody ends it. */
export class Grants {
  readonly #schema: Schema;
  readonly #trail: Trail;

  constructor(schema: Schema, trail: Trail) {
    this.#schema = schema;
    this.#trail = trail;
  }

  inForce(nowMs: number): ApprovalGrant[] {
    const query = `SELECT * FROM cf_agents_approval_grants
                   WHERE revoked_ms IS NULL AND (until_ms IS NULL OR until_ms > ?) ORDER BY created_ms, id`;
    return this.#schema.read<GrantRow>(query, nowMs).map(grantOf);
  }

  give(row: ApprovalRow, grantId: string, untilMs: number | null, nowMs: number): void {
    this.#schema.write(
      `INSERT INTO cf_agents_approval_grants (id, approval_id, source, subject, scope, granted_by, created_ms, until_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      grantId,
      row.id,
      row.source,
      row.subject,
      row.scope,
      row.decided_by,
      nowMs,
      untilMs
    );
    this.#trail.record(row.id, "granted", nowMs, row.decided_by, null, grantId);
  }

  for(source: string, subject: string, scope: string | null, nowMs: number): GrantRow | undefined {
    const [grant] = this.#schema.read<GrantRow>(
      `SELECT * FROM cf_agents_approval_grants WHERE revoked_ms IS NULL AND source = ? AND subject = ? AND scope IS ?
       AND (until_ms IS NULL OR until_ms > ?) ORDER BY created_ms LIMIT 1`,
      source,
      subject,
      scope,
      nowMs
    );
    return grant;
  }

  end(grantId: string, by: string | null, nowMs: number): boolean {
    if (!this.#schema.exists) return false;
    return this.#schema.transaction(() => {
      const [ended] = this.#schema.write<GrantRow>(
        `UPDATE cf_agents_approval_grants SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL
         AND (until_ms IS NULL OR until_ms > ?) RETURNING *`,
        nowMs,
        grantId,
        nowMs
      );
      if (ended) this.#trail.record(ended.approval_id, "revoked", nowMs, by, null, ended.id);
      return ended !== undefined;
    });
  }
}
