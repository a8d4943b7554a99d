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
