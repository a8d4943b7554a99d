import { Agent, getCurrentAgent, type QueueItem, type Schedule } from "../index";
import { fault } from "./fault";

// What the pages on schedules and the queue write, and what else their tests need. An agent tells its connections what it does.

type WorkState = { done: number };

export class ReminderAgent extends Agent<Cloudflare.Env, WorkState> {
  static override options = {
    retry: { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1 },
    hungScheduleTimeoutSeconds: 0.02
  };
  override initialState: WorkState = { done: 0 };

  override onStart() {
    this.sql`CREATE TABLE IF NOT EXISTS user_reminders (user_id TEXT, schedule_id TEXT, message TEXT)`;
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.tell("error", String(error ?? connectionOrError));
  }
  override async onRequest(request: Request) {
    const url = new URL(request.url);
    // Schedule in 30 seconds
    await this.schedule(30, "sendReminder", { message: "Check your email" });
    // Schedule at specific time
    await this.schedule(new Date("2035-02-01T09:00:00Z"), "sendReminder", { message: "Monthly report due" });
    // Schedule recurring (every day at 8am)
    await this.schedule("0 8 * * *", "dailyDigest", { userId: url.searchParams.get("userId") });
    return new Response("Scheduled!");
  }
  tell(type: string, value: unknown) {
    this.broadcast(JSON.stringify({ type, value }));
  }

  // --- reminders that can be cancelled ---

  async setReminder(userId: string, message: string, delaySeconds: number) {
    const schedule = await this.schedule(delaySeconds, "sendReminder", { userId, message });
    this.sql`INSERT INTO user_reminders (user_id, schedule_id, message) VALUES (${userId}, ${schedule.id}, ${message})`;
    return schedule.id;
  }
  async cancelReminder(scheduleId: string) {
    const cancelled = await this.cancelSchedule(scheduleId);
    if (cancelled) this.sql`DELETE FROM user_reminders WHERE schedule_id = ${scheduleId}`;
    return cancelled;
  }
  async sendReminder(payload: { userId: string; message: string }) {
    this.tell("reminder", payload.message);
    this.sql`DELETE FROM user_reminders WHERE user_id = ${payload.userId}`;
  }
  async dailyDigest(payload: { userId: string }) {
    this.tell("digest", payload.userId);
  }

  // --- polling that schedules itself ---

  async startPolling(intervalSeconds: number) {
    await this.schedule(intervalSeconds, "poll", { interval: intervalSeconds });
  }
  async poll(payload: { interval: number }) {
    try {
      throw new Error("no network");
    } catch (error) {
      this.tell("polling failed", String(error));
    }
    // Schedule the next poll (regardless of success/failure)
    await this.schedule(payload.interval, "poll", payload);
  }
  async stopPolling() {
    const schedules = this.getSchedules({ type: "delayed" });
    for (const schedule of schedules) {
      if (schedule.callback === "poll") await this.cancelSchedule(schedule.id);
    }
  }

  // --- backoff with schedules ---

  async attemptTask(payload: { taskId: string; attempt: number; maxAttempts: number }) {
    try {
      await this.doWork(payload.taskId);
    } catch {
      if (payload.attempt >= payload.maxAttempts) {
        this.tell("given up", payload.attempt);
        return;
      }
      // Exponential backoff: 2^attempt seconds (2s, 4s, 8s, 16s...)
      const delaySeconds = Math.pow(2, payload.attempt);
      await this.schedule(delaySeconds, "attemptTask", { ...payload, attempt: payload.attempt + 1 });
    }
  }
  async doWork(taskId: string) {
    throw new Error(`${taskId} does not work`);
  }

  // --- what tests look at ---

  /** Does what a request may do. */
  async work(payload: unknown, task: Schedule | QueueItem) {
    const { agent, connection, request } = getCurrentAgent<ReminderAgent>();
    this.setState({ done: this.state.done + 1 });
    const [row] = this.sql<{ answer: number }>`SELECT 42 AS answer`;
    this.tell("worked", {
      payload,
      id: task.id,
      state: this.state,
      answer: row?.answer,
      agent: agent === this,
      connection: connection?.id ?? null,
      url: request?.url ?? null
    });
  }
  async fail() {
    this.tell("tried", null);
    await null;
    throw new Error("it never works");
  }
  /** Ends when the other task has run. */
  async hang() {
    await new Promise<void>((resolve) => (this.unhang = resolve));
    this.tell("hung", "over");
  }
  unhang() {}
  release() {
    this.unhang();
    this.tell("released", null);
  }

  // --- the queue ---

  override async onMessage(_connection: unknown, message: string | ArrayBuffer) {
    const taskId = await this.queue("processEmail", { email: "user@example.com", subject: String(message) });
    this.tell("queued", taskId);
  }
  async processEmail(data: { email: string; subject: string }, item: QueueItem<{ email: string; subject: string }>) {
    this.tell("email", { subject: data.subject, id: item.id });
  }
  async processBatch(data: { items: number[]; batchId: string }) {
    for (const item of data.items) this.tell("item", item);
    this.tell("batch", data.batchId);
  }
  async onLargeRequest(items: number[]) {
    const batchSize = 10;
    for (let i = 0; i < items.length; i += batchSize) {
      const batch = items.slice(i, i + batchSize);
      await this.queue("processBatch", { items: batch, batchId: `batch-${i / batchSize + 1}` });
    }
  }
  async reliableTask(payload: { retryCount: number }) {
    try {
      throw new Error("risky");
    } catch (error) {
      this.tell("task failed", String(error));
      if (payload.retryCount < 3) {
        await this.queue("reliableTask", { ...payload, retryCount: (payload.retryCount || 0) + 1 });
      }
    }
  }
  async enqueueLater(subject: string) {
    await this.queue("processEmail", { email: "user@example.com", subject });
  }
}

/** Ends itself a day after it was made. */
export class TemporaryAgent extends Agent {
  static cleanedUp: string[] = [];

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    // The runtime logs why an instance was aborted, except for one reason.
    const abort = ctx.abort.bind(ctx);
    Object.defineProperty(ctx, "abort", { value: () => abort(fault.reason) });
  }

  override async onStart() {
    // Self-destruct in 24 hours
    await this.schedule(24 * 60 * 60, "cleanup", {});
  }
  async cleanup() {
    await this.destroy();
    TemporaryAgent.cleanedUp.push(this.name);
  }
}
