import type { Approval, ApprovalStatus } from "./approval";
import { invalid } from "./input";

/** Which approvals to list. */
export interface ApprovalFilter {
  status?: ApprovalStatus;
  source?: string;
  subject?: string;
  scope?: string;
  /** Only what somebody with these rights may decide. */
  rights?: readonly string[];
  /** Only those that are decided and whose handler has not succeeded yet. */
  undelivered?: boolean;
  /** At most so many, 1 to 500; 50 if left out. */
  limit?: number;
  /** The id of an approval: only older ones. For the next page, that of the last one of this page. */
  before?: string;
}

/** A request without what it is about: its arguments may be secrets. */
export function briefly(approval: Approval): Partial<Approval> {
  const { id, source, subject, scope, requestedBy, status, createdMs, expiresMs } = approval;
  return { id, source, subject, scope, requestedBy, status, createdMs, expiresMs };
}

const maxLimit = 500;

/** The query of a filter. What has expired by `nowMs` counts as such, whether that is written down or not. */
export function listQuery(filter: ApprovalFilter, nowMs: number): { query: string; values: (string | number)[] } {
  const { status, rights, before, limit = 50 } = filter;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) {
    throw invalid(`limit must be a whole number from 1 to ${maxLimit}`);
  }
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, ...bound: (string | number)[]) => {
    conditions.push(condition);
    values.push(...bound);
  };
  if (status === "pending") where("decision IS NULL AND (expires_ms IS NULL OR expires_ms > ?)", nowMs);
  else if (status === "expired") where("(decision = ? OR (decision IS NULL AND expires_ms <= ?))", status, nowMs);
  else if (status !== undefined) where("decision = ?", status);
  for (const column of ["source", "subject", "scope"] as const) {
    const value = filter[column];
    if (value !== undefined) where(`${column} = ?`, value);
  }
  if (rights) where("(scope IS NULL OR scope IN (SELECT value FROM json_each(?)))", JSON.stringify(rights));
  if (filter.undelivered) where("attempts IS NOT NULL");
  if (before !== undefined) where("seq < (SELECT seq FROM cf_agents_approvals WHERE id = ?)", String(before));
  // The few that are pending are found without a look at all that are not.
  const index = status === "pending" ? "INDEXED BY cf_agents_approvals_pending" : "";
  const query = `SELECT * FROM cf_agents_approvals ${index} WHERE ${conditions.join(" AND ") || "TRUE"}
                 ORDER BY seq DESC LIMIT ?`;
  return { query, values: [...values, limit] };
}
