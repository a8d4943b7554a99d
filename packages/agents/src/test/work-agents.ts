import { Agent, callable, getCurrentAgent, type QueueItem, type QueueOptions, type Schedule } from "../index";

/** What a task did, kept in the database: an instance that ends forgets the rest. */
export interface Ran {
  task: string;
  value: unknown;
}

/** An agent that works later, and writes down what it did. */
export class Worker extends Agent {
  override onStart() {
    this.sql`CREATE TABLE IF NOT EXISTS ran (task TEXT, value TEXT)`;
  }

  readonly errors: string[] = [];
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
  }
  thrown(): string[] {
    return this.errors;
  }

  ran(): Ran[] {
    return this.sql<{ task: string; value: string }>`SELECT * FROM ran ORDER BY rowid`.map(({ task, value }) => ({
      task,
      value: JSON.parse(value)
    }));
  }
  #did(task: string, value: unknown = null): void {
    this.sql`INSERT INTO ran (task, value) VALUES (${task}, ${JSON.stringify(value)})`;
    for (const look of this.#waiting.splice(0)) look();
  }
  readonly #waiting: (() => void)[] = [];
  /** Resolves when tasks have done so much. */
  async hasRun(count: number): Promise<Ran[]> {
    while (this.ran().length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.ran();
  }

  // --- tasks ---

  note(payload: unknown, task: Schedule | QueueItem) {
    this.#did("note", payload ?? null);
    this.last = task;
  }
  nothing() {}
  last: Schedule | QueueItem | undefined;
  lastTask() {
    return this.last;
  }
  async fail(payload: unknown) {
    this.#did("fail", payload);
    await null;
    throw new Error("thrown in a task");
  }
  async failOnce(payload: unknown) {
    this.#did("failOnce", payload);
    await null;
    if (this.ran().filter(({ task }) => task === "failOnce").length === 1) throw new Error("thrown once");
  }
  async context(payload: unknown) {
    const { agent, connection, request } = getCurrentAgent();
    await null;
    this.#did("context", [payload, agent === this, connection?.id ?? null, request?.url ?? null]);
  }
  readonly #held: (() => void)[] = [];
  async hold(payload: unknown) {
    this.#did("hold", payload);
    await new Promise<void>((resolve) => this.#held.push(resolve));
    this.#did("held", payload);
  }
  async die() {
    await this.destroy();
    this.#did("died");
  }
  release(): void {
    for (const resolve of this.#held.splice(0)) resolve();
  }

  // --- from outside ---

  override async onRequest(request: Request) {
    await this.queue("context", "asked");
    return new Response(request.url);
  }

  @callable()
  async queueHere(callback: string, payload?: unknown, options?: QueueOptions) {
    return this.queue(callback as keyof this, payload, options);
  }
  async queueAll(count: number, callback = "note", options?: QueueOptions) {
    for (let n = 0; n < count; n++) await this.queue(callback as keyof this, n, options);
  }
  async scheduleAll(count: number, when: Date, callback = "note") {
    for (let n = 0; n < count; n++) await this.schedule(when, callback as keyof this, n);
  }
  async beat() {
    await this.keepAlive();
  }
}

/** An agent that makes sure of its schedules whenever it starts. */
export class Diligent extends Agent {
  override async onStart() {
    await this.scheduleEvery(3_600, "tidy", { what: "all" }, { key: "tidy" });
    await this.schedule("0 9 * * *", "greet", undefined, { key: "greet", timeZone: "Europe/Berlin" });
  }
  tidy() {}
  greet() {}
}
