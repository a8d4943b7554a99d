import type { Schema, SchemaDefinition } from "../meta";
import { showPayload } from "./task";

export type TaskSource = "schedule" | "queue";

/** A task whose attempts are spent. */
export interface DeadLetter<Payload = unknown> {
  id: string;
  /** Where it comes from, and goes back to. */
  source: TaskSource;
  /** The name of the method that was called. */
  callback: string;
  payload: Payload;
  /** What the last attempt ended with. */
  error: string;
  attempts: number;
  /** In ms since the epoch. */
  failedAtMs: number;
}

export interface DeadRow {
  id: string;
  source: TaskSource;
  callback: string;
  payload: string | null;
  /** JSON: whatever else its table needs to take it back. */
  definition: string;
  error: string;
  attempts: number;
  failed_at: number;
}

export const deadLettersSchema: SchemaDefinition = {
  tables: ["cf_agents_dead_letters"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_agents_dead_letters (
      id TEXT PRIMARY KEY NOT NULL, source TEXT NOT NULL, callback TEXT NOT NULL, payload TEXT, definition TEXT NOT NULL,
      error TEXT NOT NULL, attempts INTEGER NOT NULL, failed_at INTEGER NOT NULL)`
  ]
};

// Beside a payload of 2,000,000 bytes, the row must still fit.
const maxErrorLength = 4_000;

/** Tasks that failed for good, kept for whoever wants to know or try again. */
export class DeadLetters {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  add(row: DeadRow): void {
    this.#schema.write(
      `INSERT OR REPLACE INTO cf_agents_dead_letters
       (id, source, callback, payload, definition, error, attempts, failed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.source,
      row.callback,
      row.payload,
      row.definition,
      row.error.slice(0, maxErrorLength),
      row.attempts,
      row.failed_at
    );
  }

  list(): DeadLetter[] {
    return this.#schema
      .read<DeadRow>("SELECT * FROM cf_agents_dead_letters ORDER BY failed_at, rowid")
      .map(({ id, source, callback, payload, error, attempts, failed_at }) => ({
        id,
        source,
        callback,
        payload: showPayload(payload),
        error,
        attempts,
        failedAtMs: failed_at
      }));
  }

  /** Gives one back to the table that it comes from, in one step. */
  retry(id: string, revive: (row: DeadRow) => void): boolean {
    if (!this.#schema.exists) return false;
    return this.#schema.transaction(() => {
      const [row] = this.#schema.write<DeadRow>("DELETE FROM cf_agents_dead_letters WHERE id = ? RETURNING *", id);
      if (row) revive(row);
      return row !== undefined;
    });
  }

  remove(id: string): boolean {
    if (!this.#schema.exists) return false;
    const query = "DELETE FROM cf_agents_dead_letters WHERE id = ? RETURNING id";
    return this.#schema.write(query, id).length > 0;
  }
}
