import type { SchemaDefinition } from "../core/meta";

export const scheduleSchema: SchemaDefinition = {
  tables: ["cf_agents_schedules"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_agents_schedules (
      id TEXT PRIMARY KEY NOT NULL, callback TEXT, payload TEXT,
      type TEXT NOT NULL CHECK(type IN ('scheduled', 'delayed', 'cron', 'interval')),
      time INTEGER, delayInSeconds INTEGER, cron TEXT, intervalSeconds INTEGER, running INTEGER DEFAULT 0,
      created_at INTEGER DEFAULT (unixepoch()), execution_started_at INTEGER, retry_options TEXT)`,
    // `time` stays the truth for whole seconds: what an older release writes there is understood, and what is written here
    // is understood by an older release. Times in our own columns are in ms.
    [
      "ALTER TABLE cf_agents_schedules ADD COLUMN ms INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE cf_agents_schedules ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE cf_agents_schedules ADD COLUMN lease TEXT",
      "ALTER TABLE cf_agents_schedules ADD COLUMN planned INTEGER",
      "ALTER TABLE cf_agents_schedules ADD COLUMN paused INTEGER",
      "ALTER TABLE cf_agents_schedules ADD COLUMN parked INTEGER",
      "ALTER TABLE cf_agents_schedules ADD COLUMN key TEXT",
      "ALTER TABLE cf_agents_schedules ADD COLUMN time_zone TEXT",
      "ALTER TABLE cf_agents_schedules ADD COLUMN missed TEXT",
      "CREATE INDEX IF NOT EXISTS cf_agents_schedules_due ON cf_agents_schedules (time, ms)",
      "CREATE UNIQUE INDEX IF NOT EXISTS cf_agents_schedules_key ON cf_agents_schedules (key) WHERE key IS NOT NULL"
    ].join(";\n")
  ]
};

export type ScheduleType = "scheduled" | "delayed" | "cron" | "interval";

/** What is to happen if the instance could not run at a time of a repeating schedule. */
export type MissedPolicy = "skip" | "once" | "all";

/** What a schedule is about: two with the same definition are the same schedule. */
export interface Definition {
  callback: string;
  payload: string | null;
  type: ScheduleType;
  delayInSeconds: number | null;
  cron: string | null;
  intervalSeconds: number | null;
  retry_options: string | null;
  time_zone: string | null;
  missed: MissedPolicy | null;
}

export interface Row extends Definition {
  id: string;
  /** Seconds, and what is left of them in ms: when to look at the row next. */
  time: number;
  ms: number;
  attempt: number;
  lease: string | null;
  /** The time for which the running or retried execution was planned, once a retry has moved `time`. */
  planned: number | null;
  /** When it would run if it were not paused. */
  paused: number | null;
  /** When it would have run if its method existed. */
  parked: number | null;
  key: string | null;
}

/** What tells when a row runs, and again. */
export type Glance = Omit<Row, "payload" | "key" | "retry_options" | "delayInSeconds">;

/** The time of rows that wait for nothing but `resume`: the last one that a `Date` can have. */
export const neverMs = 8_640_000_000_000_000;

export const dueOf = ({ time, ms }: Pick<Row, "time" | "ms">): number => time * 1_000 + ms;

/** The two columns of a time. */
export const columnsOf = (atMs: number): [time: number, ms: number] => {
  const time = Math.floor(atMs / 1_000);
  return [time, Math.round(atMs - time * 1_000)];
};

/** The time for which a row's next execution is planned, whatever has moved it. */
export const plannedOf = (row: Glance): number => row.paused ?? row.parked ?? row.planned ?? dueOf(row);
