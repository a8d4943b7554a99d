// The floor for work.ts: one table of tasks in the order of their times, and the alarm for the first of them.
import { Countdown } from "./countdown.ts";
import { FloorObject, route } from "./floor.ts";

interface Env {
  WorkAgent: DurableObjectNamespace<WorkAgent>;
}

type Row = { id: number; callback: "onTask"; time: number; payload: string };

export class WorkAgent extends FloorObject {
  protected override agent = "work-agent";
  #armedMs = Infinity;
  #ran = new Countdown();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql.exec(
      `CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, callback TEXT, time INTEGER, payload TEXT);
      CREATE INDEX IF NOT EXISTS tasks_time ON tasks (time)`
    );
  }

  schedules(count: number, delaySeconds: number): void {
    for (let index = 0; index < count; index++) this.#add(Date.now() + delaySeconds * 1000, { index });
  }

  copies(count: number): void {
    this.schedules(count, 7200);
  }

  schedulesAt(count: number, dueMs: number): void {
    this.#ran = new Countdown(count);
    for (let index = 0; index < count; index++) this.#add(dueMs, { index });
  }

  listed(): number {
    return this.#all().length;
  }

  /** A queued item is a task that is due at once. */
  items(count: number): void {
    this.#ran = new Countdown(count);
    for (let index = 0; index < count; index++) this.#add(Date.now(), { index });
  }

  allRan(): Promise<void> {
    return this.#ran.over;
  }

  onTask(_payload: unknown): void {
    this.#ran.count();
  }

  override async alarm(): Promise<void> {
    const due = this.sql.exec<Row>("SELECT * FROM tasks WHERE time <= ? ORDER BY time, id", Date.now()).toArray();
    for (const { id, callback, payload } of due) {
      await this[callback](JSON.parse(payload));
      this.sql.exec("DELETE FROM tasks WHERE id = ?", id);
    }
    const { next } = this.sql.exec<{ next: number | null }>("SELECT min(time) AS next FROM tasks").one();
    this.#armedMs = next ?? Infinity;
    if (next !== null) await this.ctx.storage.setAlarm(next);
  }

  #add(time: number, payload: unknown): number {
    const query = "INSERT INTO tasks (callback, time, payload) VALUES ('onTask', ?, ?) RETURNING id";
    const { id } = this.sql.exec<{ id: number }>(query, time, JSON.stringify(payload)).one();
    if (time < this.#armedMs) void this.ctx.storage.setAlarm((this.#armedMs = time));
    return id;
  }

  #all() {
    const rows = this.sql.exec<Row>("SELECT * FROM tasks ORDER BY time, id").toArray();
    return rows.map((row) => ({ ...row, payload: JSON.parse(row.payload) as unknown }));
  }
}

export default {
  fetch: (request, env) => route(env.WorkAgent, request)
} satisfies ExportedHandler<Env>;
