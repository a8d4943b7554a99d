import { AgentError } from "../protocol/errors";
import type { WorkflowQueryCriteria } from "./types";

type Value = string | number | null;

export interface Condition {
  text: string;
  values: Value[];
}

const maxLimit = 100;

/** The rows that are meant, on whichever page. */
export function conditionOf(criteria: WorkflowQueryCriteria): Condition {
  const conditions: string[] = [];
  const values: Value[] = [];
  const where = (condition: string, ...bound: Value[]) => {
    conditions.push(condition);
    values.push(...bound);
  };
  const { status, workflowName, metadata, createdAfter, createdBefore } = criteria;
  if (status !== undefined) {
    const statuses = typeof status === "string" ? [status] : status;
    where("status IN (SELECT value FROM json_each(?))", JSON.stringify(statuses));
  }
  if (workflowName !== undefined) where("workflow_name = ?", workflowName);
  for (const [field, value] of Object.entries(metadata ?? {})) {
    // As text, so that 1 and true are two values. A quote cannot be part of a path.
    if (field.includes('"')) throw invalid(`metadata cannot be asked for a field with a quote in its name: ${field}`);
    where("metadata -> ? = json(?)", `$."${field}"`, JSON.stringify(value));
  }
  if (createdAfter) where("created_at > ?", secondsOf("createdAfter", createdAfter));
  if (createdBefore) where("created_at < ?", secondsOf("createdBefore", createdBefore));
  return { text: conditions.join(" AND ") || "TRUE", values };
}

export interface Page extends Condition {
  isNewestFirst: boolean;
  limit: number;
}

/** One page of them: what comes after a cursor. */
export function pageOf(criteria: WorkflowQueryCriteria): Page {
  const { limit = 50, orderBy = "desc", cursor } = criteria;
  if (!Number.isInteger(limit) || limit < 1) throw invalid(`limit must be a whole number from 1 to ${maxLimit}`);
  if (orderBy !== "asc" && orderBy !== "desc") throw invalid('orderBy must be "asc" or "desc"');
  const isNewestFirst = orderBy === "desc";
  const condition = conditionOf(criteria);
  if (cursor !== undefined && cursor !== null) {
    condition.text += ` AND (created_at, rowid) ${isNewestFirst ? "<" : ">"} (?, ?)`;
    condition.values.push(...placeIn(cursor));
  }
  return { ...condition, isNewestFirst, limit: Math.min(limit, maxLimit) };
}

export const cursorOf = (row: { created_at: number; place: number }): string => btoa(`${row.created_at}:${row.place}`);

function placeIn(cursor: string): [createdAt: number, rowid: number] {
  let text = "";
  try {
    text = atob(cursor);
  } catch {
    // No cursor of ours.
  }
  const [, createdAt, rowid] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (createdAt === undefined || rowid === undefined) throw invalid("cursor must be the nextCursor of another page");
  return [Number(createdAt), Number(rowid)];
}

/** Rows have whole seconds. */
function secondsOf(field: string, time: Date): number {
  const ms = time instanceof Date ? time.getTime() : Number.NaN;
  if (Number.isNaN(ms)) throw invalid(`${field} must be a Date`);
  return ms / 1_000;
}

const invalid = (message: string): AgentError => new AgentError("WORKFLOW_INVALID", message);
