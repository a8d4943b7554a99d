import type { Schema } from "../core/meta";
import type { Query, SqlBinding } from "../core/sql";
import { columnsOf, dueOf, neverMs, type Definition, type Glance, type Row } from "./schema";
import type { ScheduleCriteria } from "./types";

const definitionColumns = [
  "callback",
  "payload",
  "type",
  "delayInSeconds",
  "cron",
  "intervalSeconds",
  "retry_options",
  "time_zone",
  "missed"
] as const satisfies readonly (keyof Definition)[];

/** Most schedules have none of these. They are read as one column: each one costs. */
const rare = "intervalSeconds, cron, retry_options, time_zone, missed, lease, planned, paused, parked, key";
type Rare = [
  intervalSeconds: number | null,
  cron: string | null,
  retry_options: string | null,
  time_zone: string | null,
  missed: Row["missed"],
  lease: string | null,
  planned: number | null,
  paused: number | null,
  parked: number | null,
  key: string | null
];
const noneOfThem: Rare = [null, null, null, null, null, null, null, null, null, null];

const columnsWith = (payload: string) => `id, callback, ${payload}, type, time, ms, attempt, delayInSeconds,
  iif(coalesce(${rare}) IS NULL, NULL, json_array(${rare}))`;
const columns = columnsWith("payload");
/** The types of `columns`. */
type Values = [
  id: string,
  callback: string,
  payload: string | null,
  type: Row["type"],
  time: number,
  ms: number,
  attempt: number,
  delayInSeconds: number | null,
  rare: string | null
];

function rowOf(values: readonly unknown[]): Row {
  const [id, callback, payload, type, time, ms, attempt, delayInSeconds, rest] = values as unknown as Values;
  const [intervalSeconds, cron, retry_options, time_zone, missed, lease, planned, paused, parked, key] =
    rest === null ? noneOfThem : (JSON.parse(rest) as Rare);
  return {
    id,
    callback,
    payload,
    type,
    time,
    ms,
    attempt,
    lease,
    delayInSeconds,
    intervalSeconds,
    cron,
    retry_options,
    time_zone,
    missed,
    planned,
    paused,
    parked,
    key
  };
}

const insertQuery = `INSERT INTO cf_agents_schedules (${definitionColumns.join(", ")}, id, key, time, ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
/** Each value that is bound costs, and most schedules have nothing in the other columns. */
const insertUsualQuery =
  "INSERT INTO cf_agents_schedules (callback, payload, type, delayInSeconds, id, time, ms) VALUES (?, ?, ?, ?, ?, ?, ?)";
const replaceQuery = `UPDATE cf_agents_schedules SET ${definitionColumns.map((column) => `${column} = ?`).join(", ")},
  time = ?, ms = ?, attempt = 0, lease = NULL, running = 0, planned = NULL, paused = NULL, parked = NULL WHERE id = ?`;
/** In bytes: of a larger payload, only the length is read before its turn. */
const maxSmall = 1_000;
/** What is seen of a row before its turn. */
type Seen = Omit<Row, "payload"> & {
  /** 0: it is large. */
  payload: string | null | 0;
};
const glanceQuery: Query<Seen> = {
  text: `SELECT ${columnsWith(`iif(octet_length(payload) > ${maxSmall}, 0, payload)`)} FROM cf_agents_schedules
    ORDER BY time, ms LIMIT ?`,
  rowOf
};
const claimSet = "lease = ?, attempt = attempt + 1, running = 1, execution_started_at = ?";
/** Claims a row that is as it was seen: to read it again costs more than the claim. */
const claimSeenQuery = `UPDATE cf_agents_schedules SET ${claimSet}
  WHERE id = ? AND attempt = ? AND paused IS NULL`;
const claimQuery: Query<Row> = {
  text: `UPDATE cf_agents_schedules SET ${claimSet} WHERE id = ? AND paused IS NULL RETURNING ${columns}`,
  rowOf
};
/** What no claim holds. */
const settled = "attempt = 0, lease = NULL, running = 0, planned = NULL, parked = NULL";

export const isSame = (row: Definition, definition: Definition): boolean =>
  definitionColumns.every((column) => row[column] === definition[column]);

/** The statements about `cf_agents_schedules`. */
export class Rows {
  readonly #schema: Schema;
  /** Those that are due, as the last glance saw them. Whatever changes one, a claim apart, takes it out. */
  #seen = new Map<string, Row>();

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  insert(definition: Definition, id: string, key: string | null, dueMs: number): void {
    const [time, ms] = columnsOf(dueMs);
    if (key === null && isUsual(definition)) {
      const { callback, payload, type, delayInSeconds } = definition;
      this.#schema.write(insertUsualQuery, callback, payload, type, delayInSeconds, id, time, ms);
    } else this.#schema.write(insertQuery, ...valuesOf(definition), id, key, time, ms);
  }

  replace(definition: Definition, id: string, dueMs: number): void {
    this.#seen.delete(id);
    this.#schema.write(replaceQuery, ...valuesOf(definition), ...columnsOf(dueMs), id);
  }

  get(id: string): Row | undefined {
    return this.#schema.read<Row>("SELECT * FROM cf_agents_schedules WHERE id = ?", id)[0];
  }

  withKey(key: string): Row | undefined {
    return this.#schema.read<Row>("SELECT * FROM cf_agents_schedules WHERE key = ?", key)[0];
  }

  find({ id, type, timeRange: { start, end } = {} }: ScheduleCriteria): Row[] {
    const conditions: string[] = [];
    const values: SqlBinding[] = [];
    const where = (condition: string, ...bound: SqlBinding[]) => {
      conditions.push(condition);
      values.push(...bound);
    };
    if (id !== undefined) where("id = ?", id);
    if (type !== undefined) where("type = ?", type);
    // The index knows of seconds; what a pause has moved is where it was.
    const due = "coalesce(paused, parked, time * 1000 + ms)";
    if (start) where(`${due} >= ?`, start.getTime());
    if (end) where(`${due} <= ?`, end.getTime());
    const filter = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
    const text = `SELECT ${columns} FROM cf_agents_schedules ${filter} ORDER BY time, ms`;
    return this.#schema.read<Row>({ text, rowOf }, ...values);
  }

  /** The earliest ones. */
  glance(limit: number, nowMs: number): Glance[] {
    const rows = this.#schema.read(glanceQuery, limit);
    this.#seen = new Map();
    for (const row of rows) if (dueOf(row) <= nowMs && isWhole(row)) this.#seen.set(row.id, row);
    return rows;
  }

  /** When the earliest is due. */
  earliest(): number | undefined {
    const [row] = this.#schema.read<Pick<Row, "time" | "ms">>(
      "SELECT time, ms FROM cf_agents_schedules ORDER BY time, ms LIMIT 1"
    );
    return row && dueOf(row) < neverMs ? dueOf(row) : undefined;
  }

  claim(id: string, lease: string, nowMs: number): Row | undefined {
    const seconds = Math.floor(nowMs / 1_000);
    const seen = this.#seen.get(id);
    if (seen) {
      this.#seen.delete(id);
      if (this.#schema.change(claimSeenQuery, lease, seconds, id, seen.attempt)) {
        seen.lease = lease;
        seen.attempt++;
        return seen;
      }
    }
    return this.#schema.write(claimQuery, lease, seconds, id)[0];
  }

  remove(id: string): Row | undefined {
    return this.#schema.write<Row>("DELETE FROM cf_agents_schedules WHERE id = ? RETURNING *", id)[0];
  }

  removeClaimed(id: string, lease: string): boolean {
    const query = "DELETE FROM cf_agents_schedules WHERE id = ? AND lease = ?";
    return this.#schema.change(query, id, lease);
  }

  /** A repeating schedule goes on at its next time, unless it was paused while it ran. */
  repeat(id: string, lease: string | null, atMs: number): boolean {
    this.#seen.delete(id);
    const [time, ms] = columnsOf(atMs);
    const query = `UPDATE cf_agents_schedules SET time = iif(paused IS NULL, ?, time), ms = iif(paused IS NULL, ?, ms),
      paused = iif(paused IS NULL, NULL, ?), ${settled} WHERE id = ? AND lease IS ?`;
    return this.#schema.change(query, time, ms, atMs, id, lease);
  }

  /** It waits for another attempt; what it was planned for is kept. */
  postpone(
    id: string,
    lease: string,
    atMs: number,
    attempt: number,
    moved: { planned?: number; parked?: number }
  ): boolean {
    const [time, ms] = columnsOf(atMs);
    const query = `UPDATE cf_agents_schedules SET time = iif(paused IS NULL, ?, time), ms = iif(paused IS NULL, ?, ms),
      attempt = ?, lease = NULL, running = 0, planned = ?, parked = ? WHERE id = ? AND lease = ?`;
    const { planned = null, parked = null } = moved;
    return this.#schema.change(query, time, ms, attempt, planned, parked, id, lease);
  }

  pause(id: string): Row | undefined {
    this.#seen.delete(id);
    const [time, ms] = columnsOf(neverMs);
    const query = `UPDATE cf_agents_schedules SET paused = coalesce(parked, planned, time * 1000 + ms), parked = NULL,
      time = ?, ms = ? WHERE id = ? AND paused IS NULL RETURNING *`;
    return this.#schema.write<Row>(query, time, ms, id)[0];
  }

  /** What runs goes on. `again`: for another time than the one for which it was paused, with all attempts. */
  resume(id: string, atMs: number, again: boolean): void {
    this.#seen.delete(id);
    const query = `UPDATE cf_agents_schedules SET paused = NULL, time = ?, ms = ?, planned = NULL, parked = NULL,
      attempt = iif(? AND lease IS NULL, 0, attempt) WHERE id = ?`;
    this.#schema.write(query, ...columnsOf(atMs), again ? 1 : 0, id);
  }

  /** The methods for which schedules are parked. */
  parkedCallbacks(): string[] {
    const query = "SELECT DISTINCT callback FROM cf_agents_schedules WHERE parked IS NOT NULL";
    return this.#schema.read<{ callback: string }>(query).map(({ callback }) => callback);
  }

  unpark(callback: string): void {
    this.#seen.clear();
    const query = `UPDATE cf_agents_schedules SET time = parked / 1000, ms = parked % 1000, parked = NULL
      WHERE callback = ? AND parked IS NOT NULL`;
    this.#schema.write(query, callback);
  }
}

const isWhole = (row: Seen): row is Row => row.payload !== 0;

/** It says nothing but what runs, and when. */
const isUsual = ({ cron, intervalSeconds, retry_options, time_zone, missed }: Definition): boolean =>
  cron === null && intervalSeconds === null && retry_options === null && time_zone === null && missed === null;

const valuesOf = (definition: Definition): SqlBinding[] => definitionColumns.map((column) => definition[column]);
