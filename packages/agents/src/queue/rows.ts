import type { Schema } from "../core/meta";
import { fieldsOf, type Query } from "../core/sql";
import type { Row } from "./schema";

/** What the lane looks at. */
export type Glance = Pick<Row, "id" | "available_at" | "retry_at" | "lease" | "concurrency">;

export type NewRow = Omit<Row, "created_at" | "retry_at" | "attempt" | "lease" | "parked"> & { created_at?: number };

/** What an attempt needs to know. */
export type ClaimedRow = Omit<Row, "available_at" | "retry_at" | "lease" | "parked">;

const columns = [
  "id",
  "callback",
  "payload",
  "created_at",
  "retry_options",
  "queue",
  "attempt",
  "ordered",
  "concurrency",
  "connection"
] as const satisfies readonly (keyof ClaimedRow)[];
const glanceColumns = ["id", "available_at", "retry_at", "lease", "concurrency"] as const;

const allQuery: Query<ClaimedRow> = {
  text: `SELECT ${columns.join(", ")} FROM cf_agents_queues ORDER BY available_at, rowid`,
  rowOf: fieldsOf(columns)
};
const glanceQuery: Query<Glance> = {
  text: `SELECT ${glanceColumns.join(", ")} FROM cf_agents_queues WHERE queue = ? ORDER BY available_at, rowid LIMIT ?`,
  rowOf: fieldsOf(glanceColumns)
};
const claimQuery: Query<ClaimedRow> = {
  text: `UPDATE cf_agents_queues SET lease = ?, attempt = attempt + 1 WHERE id = ? RETURNING ${columns.join(", ")}`,
  rowOf: fieldsOf(columns)
};

/** The statements about `cf_agents_queues`. Within one time, the order is that of the rowid. */
export class Rows {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  insert(row: NewRow, createdAt: number): void {
    this.#schema.write(
      `INSERT INTO cf_agents_queues
       (id, callback, payload, created_at, retry_options, queue, available_at, ordered, concurrency, connection)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.callback,
      row.payload,
      createdAt,
      row.retry_options,
      row.queue,
      row.available_at,
      row.ordered,
      row.concurrency,
      row.connection
    );
  }

  get(id: string): Row | undefined {
    return this.#schema.read<Row>("SELECT * FROM cf_agents_queues WHERE id = ?", id)[0];
  }

  all(): ClaimedRow[] {
    return this.#schema.read(allQuery);
  }

  /** The first ones of a queue. */
  glance(queue: string, limit: number): Glance[] {
    return this.#schema.read(glanceQuery, queue, limit);
  }

  /** The queues that have items: a step in the index for each, however long they are. */
  queues(): string[] {
    const query = `WITH RECURSIVE names (name) AS (
        SELECT min(queue) FROM cf_agents_queues
        UNION ALL SELECT (SELECT min(queue) FROM cf_agents_queues WHERE queue > name) FROM names WHERE name IS NOT NULL
      ) SELECT name FROM names WHERE name IS NOT NULL`;
    return this.#schema.read<{ name: string }>(query).map(({ name }) => name);
  }

  /** Whether any item has its place; it may wait there for another attempt. */
  isAnyDue(nowMs: number): boolean {
    const query = "SELECT 1 FROM cf_agents_queues WHERE coalesce(available_at, 0) <= ? LIMIT 1";
    return this.#schema.read(query, nowMs).length > 0;
  }

  claim(id: string, lease: string): ClaimedRow | undefined {
    return this.#schema.write(claimQuery, lease, id)[0];
  }

  removeClaimed(id: string, lease: string): boolean {
    const query = "DELETE FROM cf_agents_queues WHERE id = ? AND lease = ?";
    return this.#schema.change(query, id, lease);
  }

  /** It waits: at its place, or at that of its next time. */
  postpone(id: string, lease: string, attempt: number, place: { availableAt?: number; retryAt?: number }): boolean {
    const query = `UPDATE cf_agents_queues SET attempt = ?, lease = NULL, available_at = coalesce(?, available_at),
      retry_at = ? WHERE id = ? AND lease = ?`;
    const { availableAt = null, retryAt = null } = place;
    return this.#schema.change(query, attempt, availableAt, retryAt, id, lease);
  }

  /** It leaves its place until its method exists, at the latest until a time. */
  park(id: string, lease: string, attempt: number, untilMs: number): boolean {
    const query = `UPDATE cf_agents_queues SET attempt = ?, lease = NULL, parked = coalesce(parked, available_at, 0),
      available_at = ?, retry_at = NULL WHERE id = ? AND lease = ?`;
    return this.#schema.change(query, attempt, untilMs, id, lease);
  }

  parkedCallbacks(): string[] {
    const query = "SELECT DISTINCT callback FROM cf_agents_queues WHERE parked IS NOT NULL";
    return this.#schema.read<{ callback: string }>(query).map(({ callback }) => callback);
  }

  unpark(callback: string): void {
    const query =
      "UPDATE cf_agents_queues SET available_at = parked, parked = NULL WHERE callback = ? AND parked IS NOT NULL";
    this.#schema.write(query, callback);
  }

  remove(id: string): void {
    this.#schema.write("DELETE FROM cf_agents_queues WHERE id = ?", id);
  }

  removeAll(): void {
    this.#schema.write("DELETE FROM cf_agents_queues");
  }

  removeByCallback(callback: string): void {
    this.#schema.write("DELETE FROM cf_agents_queues WHERE callback = ?", callback);
  }
}
