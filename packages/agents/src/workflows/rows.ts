import type { Schema } from "../core/meta";
import { conditionOf, cursorOf, pageOf } from "./criteria";
import { infoOf, intents, type WorkflowRow } from "./schema";
import type { WorkflowPage, WorkflowQueryCriteria, WorkflowStatus } from "./types";

type Value = string | number | null;

/** What changes in a row beside its time. */
export type Changes = Partial<Omit<WorkflowRow, "id" | "workflow_id" | "updated_at">>;

const secondsOf = (ms: number): number => Math.floor(ms / 1_000);
/** How long it is remembered what an instance has said, whose row was deleted. */
const rememberMs = 3_600_000;

/** The table of tracked instances, and that of what they have said. */
export class Rows {
  readonly #schema: Schema;
  readonly #now: () => number;

  constructor(schema: Schema, now: () => number) {
    this.#schema = schema;
    this.#now = now;
  }

  get(id: string): WorkflowRow | undefined {
    return this.#schema.read<WorkflowRow>("SELECT * FROM cf_agents_workflows WHERE workflow_id = ?", String(id))[0];
  }

  list(criteria: WorkflowQueryCriteria): WorkflowPage {
    const { text, values, isNewestFirst, limit } = pageOf(criteria);
    const order = isNewestFirst ? "DESC" : "ASC";
    const rows = this.#schema.read<WorkflowRow & { place: number }>(
      `SELECT *, rowid AS place FROM cf_agents_workflows WHERE ${text}
       ORDER BY created_at ${order}, rowid ${order} LIMIT ?`,
      ...values,
      limit + 1
    );
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return {
      workflows: rows.slice(0, limit).map(infoOf),
      total: this.#count(criteria),
      nextCursor: last ? cursorOf(last) : null
    };
  }

  #count(criteria: WorkflowQueryCriteria): number {
    const { text, values } = conditionOf(criteria);
    const query = `SELECT count(*) AS count FROM cf_agents_workflows WHERE ${text}`;
    return this.#schema.read<{ count: number }>(query, ...values)[0]?.count ?? 0;
  }

  /** Writes down that an instance is to be created. */
  insert(id: string, name: string, metadata: string | null, lookMs: number, engine: string | null): void {
    const seconds = secondsOf(this.#now());
    this.#schema.write(
      `INSERT INTO cf_agents_workflows
         (id, workflow_id, workflow_name, status, metadata, created_at, updated_at, intent, look_ms, engine)
       VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?)`,
      crypto.randomUUID(),
      id,
      name,
      metadata,
      seconds,
      seconds,
      intents.create,
      lookMs,
      engine
    );
  }

  /** Changes a row, if it is there. */
  update(id: string, changes: Changes): void {
    const entries = Object.entries(changes) as [string, Value][];
    this.#schema.change(
      `UPDATE cf_agents_workflows SET updated_at = ?, ${entries.map(([column]) => `${column} = ?`).join(", ")}
       WHERE workflow_id = ?`,
      secondsOf(this.#now()),
      ...entries.map(([, value]) => value),
      id
    );
  }

  /** Writes down that it has ended. */
  end(
    id: string,
    status: WorkflowStatus,
    error: { name: string; message: string } | null,
    lookMs: number | null
  ): void {
    this.update(id, {
      status,
      error_name: error?.name ?? null,
      error_message: error?.message ?? null,
      completed_at: secondsOf(this.#now()),
      look_ms: lookMs,
      intent: null
    });
  }

  /** It begins again. */
  reset(id: string, lookMs: number, resetTracking: boolean): void {
    const seconds = secondsOf(this.#now());
    const fresh = { error_name: null, error_message: null, completed_at: null, created_at: seconds };
    const sequence = { life: null, sequence: 0, looks: 0, early: null };
    this.update(id, { status: "queued", look_ms: lookMs, ...sequence, ...(resetTracking && fresh) });
    this.#schema.change("DELETE FROM cf_agents_workflow_reports WHERE workflow_id = ?", id);
  }

  remove(id: string): boolean {
    return this.#removed("workflow_id = ?", [id]) > 0;
  }

  removeAll(criteria: WorkflowQueryCriteria): number {
    const { text, values } = conditionOf(criteria);
    return this.#removed(text, values);
  }

  #removed(condition: string, values: readonly Value[]): number {
    const { exists } = this.#schema;
    if (!exists) return 0;
    return this.#schema.transaction(() => {
      const removed = this.#schema.write<{ workflow_id: string }>(
        `DELETE FROM cf_agents_workflows WHERE ${condition} RETURNING workflow_id`,
        ...values
      );
      // What those have said who are gone for long. That of the others still tells what came twice.
      this.#schema.write(
        `DELETE FROM cf_agents_workflow_reports
         WHERE at_ms < ? AND workflow_id NOT IN (SELECT workflow_id FROM cf_agents_workflows)`,
        this.#now() - rememberMs
      );
      this.#schema.write(
        `DELETE FROM cf_agents_workflow_approvals
         WHERE open = 0 AND workflow_id NOT IN (SELECT workflow_id FROM cf_agents_workflows)`
      );
      return removed.length;
    });
  }

  rename(from: string, to: string): number {
    if (!this.#schema.exists) return 0;
    const names = [to, from];
    this.#schema.write("UPDATE cf_agents_workflow_approvals SET workflow_name = ? WHERE workflow_name = ?", ...names);
    const query = "UPDATE cf_agents_workflows SET workflow_name = ? WHERE workflow_name = ? RETURNING workflow_id";
    return this.#schema.write(query, ...names).length;
  }

  // --- when to look ---

  earliestLook(): number | undefined {
    const query = "SELECT look_ms FROM cf_agents_workflows WHERE look_ms IS NOT NULL ORDER BY look_ms LIMIT 1";
    return this.#schema.read<{ look_ms: number }>(query)[0]?.look_ms;
  }

  due(limit: number): WorkflowRow[] {
    const query = "SELECT * FROM cf_agents_workflows WHERE look_ms <= ? ORDER BY look_ms LIMIT ?";
    return this.#schema.read<WorkflowRow>(query, this.#now(), limit);
  }

  /** Claims the instances that another process of the engine had in its memory. */
  takeOver(engine: string): WorkflowRow[] {
    if (!this.#schema.exists) return [];
    return this.#schema.write<WorkflowRow>(
      `UPDATE cf_agents_workflows SET engine = ?
       WHERE engine <> ? AND intent IS NULL AND status NOT IN ('complete', 'errored', 'terminated', 'unknown') RETURNING *`,
      engine,
      engine
    );
  }

  // --- what they have said ---

  hasSaid(id: string, key: string): boolean {
    const query = "SELECT 1 FROM cf_agents_workflow_reports WHERE workflow_id = ? AND key = ?";
    return this.#schema.read(query, id, key).length > 0;
  }

  said(id: string, key: string): void {
    this.#schema.write(
      "INSERT OR IGNORE INTO cf_agents_workflow_reports (workflow_id, key, at_ms) VALUES (?, ?, ?)",
      id,
      key,
      this.#now()
    );
  }
}
