// Schedules and the queue, for every implementation of `agents`.
import { Agent, callable, routeAgentRequest } from "agents";
import { Countdown } from "./countdown.ts";

export class WorkAgent extends Agent {
  static override options = { sendIdentityOnConnect: true };
  #ran = new Countdown();

  @callable()
  async schedules(count: number, delaySeconds: number): Promise<void> {
    for (let index = 0; index < count; index++) await this.schedule(delaySeconds, "onTask", { index });
  }

  /** Schedules like the first one, faster than each implementation makes them. */
  @callable()
  copies(count: number): void {
    const { sql } = this.ctx.storage;
    // The peer has a table of its own.
    const tables = "SELECT name FROM sqlite_master WHERE name IN ('cf_agents_schedules', 'cf_agents_jobs')";
    const { name: table } = sql.exec<{ name: string }>(tables).one();
    const first = `SELECT * FROM ${table} LIMIT 1`;
    const others = sql.exec(first).columnNames.filter((name) => name !== "id");
    sql.exec(
      `WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)
      INSERT INTO ${table} (id, ${others.join(", ")})
      SELECT lower(hex(randomblob(16))), ${others.join(", ")} FROM numbers, (${first})`,
      count
    );
  }

  @callable()
  async schedulesAt(count: number, dueMs: number): Promise<void> {
    this.#ran = new Countdown(count);
    const due = new Date(dueMs);
    for (let index = 0; index < count; index++) await this.schedule(due, "onTask", { index });
  }

  @callable()
  async listed(): Promise<number> {
    return (await this.getSchedules()).length;
  }

  @callable()
  async items(count: number): Promise<void> {
    this.#ran = new Countdown(count);
    for (let index = 0; index < count; index++) await this.queue("onTask", { index });
  }

  /** Returns when all that was to run has run. */
  @callable()
  allRan(): Promise<void> {
    return this.#ran.over;
  }

  onTask(): void {
    this.#ran.count();
  }
}

export default {
  async fetch(request, env) {
    return (await routeAgentRequest(request, env)) ?? new Response("not found", { status: 404 });
  }
} satisfies ExportedHandler<Cloudflare.Env>;
