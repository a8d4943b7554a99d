import type { SchemaDefinition } from "../core/meta";

export const queueSchema: SchemaDefinition = {
  tables: ["cf_agents_queues"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_agents_queues (
      id TEXT PRIMARY KEY NOT NULL, payload TEXT, callback TEXT, created_at INTEGER DEFAULT (unixepoch()),
      retry_options TEXT)`,
    // Rows of an older release have no `available_at`: they come first, in the order in which they were written.
    [
      "ALTER TABLE cf_agents_queues ADD COLUMN queue TEXT NOT NULL DEFAULT ''",
      "ALTER TABLE cf_agents_queues ADD COLUMN available_at INTEGER",
      "ALTER TABLE cf_agents_queues ADD COLUMN retry_at INTEGER",
      "ALTER TABLE cf_agents_queues ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE cf_agents_queues ADD COLUMN lease TEXT",
      "ALTER TABLE cf_agents_queues ADD COLUMN ordered INTEGER NOT NULL DEFAULT 1",
      "ALTER TABLE cf_agents_queues ADD COLUMN concurrency INTEGER NOT NULL DEFAULT 1",
      "ALTER TABLE cf_agents_queues ADD COLUMN connection TEXT",
      "ALTER TABLE cf_agents_queues ADD COLUMN parked INTEGER",
      "CREATE INDEX IF NOT EXISTS cf_agents_queues_order ON cf_agents_queues (queue, available_at)"
    ].join(";\n")
  ]
};

export interface Row {
  id: string;
  callback: string;
  payload: string | null;
  /** Seconds. */
  created_at: number;
  retry_options: string | null;
  /** The name of its queue; the default one has none. */
  queue: string;
  /** Its place in the queue, and the time before which it has none. */
  available_at: number | null;
  /** It keeps its place, and nobody passes it, until this time. */
  retry_at: number | null;
  attempt: number;
  lease: string | null;
  /** Whether it keeps its place when it fails. */
  ordered: number;
  concurrency: number;
  /** The connection for which it was queued. */
  connection: string | null;
  /** Its place if its method existed. */
  parked: number | null;
}
