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
  }

  // --- tasks ---

  note(payload: unknown, task: Schedule | QueueItem) {
    this.#did("note", payload ?? null);
    this.last = task;
  }
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
  release(): void {
    for (const resolve of this.#held.splice(0)) resolve();
  }

  // --- from outside ---

  @callable()
  async queueHere(callback: string, payload?: unknown, options?: QueueOptions) {
    return this.queue(callback as keyof this, payload, options);
  }
  async queueAll(count: number, callback = "note", options?: QueueOptions) {
    for (let n = 0; n < count; n++) await this.queue(callback as keyof this, n, options);
  }
  async scheduleAll(count: number, delaySeconds: number) {
    for (let n = 0; n < count; n++) await this.schedule(delaySeconds, "note", n);
  }
}
