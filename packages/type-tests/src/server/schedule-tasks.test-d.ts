// The snippets of the page "Schedule tasks".
import {
  Agent,
  getSchedulePrompt,
  scheduleSchema,
  type CronOptions,
  type MissedPolicy,
  type RepeatingOptions,
  type RetryOptions,
  type Schedule,
  type When
} from "agents";
import * as fromSchedule from "agents/schedule";
import { generateObject, type LanguageModel } from "ai";
import { expectTypeOf } from "vitest";

declare const model: LanguageModel;
declare function slowExternalApi(): Promise<{ items: string[] }>;
declare function longRunningComputation(): Promise<number>;

export class ReminderAgent extends Agent {
  override async onRequest(request: Request) {
    const url = new URL(request.url);
    // Schedule in 30 seconds
    await this.schedule(30, "sendReminder", { message: "Check your email" });
    // Schedule at specific time
    await this.schedule(new Date("2025-02-01T09:00:00Z"), "sendReminder", { message: "Monthly report due" });
    // Schedule recurring (every day at 8am)
    await this.schedule("0 8 * * *", "dailyDigest", { userId: url.searchParams.get("userId") });
    return new Response("Scheduled!");
  }
  async sendReminder(payload: { message: string }) {
    console.log(`Reminder: ${payload.message}`);
  }
  async dailyDigest(payload: { userId: string }) {
    console.log(`Sending daily digest to ${payload.userId}`);
  }
}

export class PollingAgent extends Agent {
  async poll(payload: { source?: string; interval?: number }) {
    const data = await slowExternalApi();
    await this.processData(data);
    await this.schedule(payload.interval ?? 30, "poll", payload);
  }
  async processData(data: { items: string[] }) {
    console.log(data.items.length);
  }
  async start() {
    const interval = await this.scheduleEvery(30, "poll", { source: "api" });
    expectTypeOf(interval).toEqualTypeOf<Schedule<{ source: string }>>();
    await this.scheduleEvery(45, "poll", {}, { retry: { maxAttempts: 5, baseDelayMs: 200 } });
  }

  // proves schedule-tasks#signature, retries#no-shouldRetry
  async signatures() {
    expectTypeOf<When>().toEqualTypeOf<Date | string | number>();
    const schedule = await this.schedule(60, "poll", { foo: "bar" }, { retry: { maxAttempts: 3 } });
    expectTypeOf(schedule).toEqualTypeOf<Schedule<{ foo: string }>>();
    expectTypeOf<CronOptions["retry"]>().toEqualTypeOf<RetryOptions | undefined>();
    expectTypeOf(await this.schedule(60, "poll")).toEqualTypeOf<Schedule<unknown>>();
    await this.schedule("0 8 * * *", "poll", {}, { key: "k", timeZone: "Europe/Berlin", missed: "all", retry: {} });
    expectTypeOf<MissedPolicy>().toEqualTypeOf<"skip" | "once" | "all">();
    expectTypeOf(await this.pauseSchedule("a")).toEqualTypeOf<boolean>();
    expectTypeOf(await this.resumeSchedule("a")).toEqualTypeOf<boolean>();
    // @ts-expect-error no method of this name
    await this.schedule(60, "pol");
    // @ts-expect-error a method itself
    await this.schedule(60, this.poll);
    // @ts-expect-error the arguments are reversed
    await this.schedule("poll", 60);
    // @ts-expect-error a time is a number, a Date or a text
    await this.schedule(null, "poll");
    // @ts-expect-error functions cannot be stored
    await this.schedule(60, "poll", {}, { retry: { shouldRetry: () => false } });
    // @ts-expect-error nor in the queue
    await this.queue("poll", {}, { retry: { shouldRetry: () => false } });
    // @ts-expect-error no such option
    await this.schedule(60, "poll", {}, { retries: 3 });
  }

  // proves schedule-tasks#scheduleEvery-signature
  async everySignature() {
    expectTypeOf<RepeatingOptions["retry"]>().toEqualTypeOf<RetryOptions | undefined>();
    // @ts-expect-error an interval is a number of seconds
    await this.scheduleEvery("30", "poll");
    // @ts-expect-error no method of this name
    await this.scheduleEvery(30, "missing");
    // @ts-expect-error an interval has no time zone
    await this.scheduleEvery(30, "poll", {}, { timeZone: "UTC" });
  }

  async manage(scheduleId: string) {
    const schedule = this.getSchedule(scheduleId);
    expectTypeOf(schedule).toEqualTypeOf<Schedule | undefined>();
    if (schedule) {
      console.log(`Task ${schedule.id} will run at ${new Date(schedule.time * 1000)}`, schedule.callback);
      expectTypeOf(schedule.type).toEqualTypeOf<"scheduled" | "delayed" | "cron" | "interval">();
      if (schedule.type === "delayed") expectTypeOf(schedule.delayInSeconds).toEqualTypeOf<number>();
      if (schedule.type === "cron") expectTypeOf(schedule.cron).toEqualTypeOf<string>();
      if (schedule.type === "interval") expectTypeOf(schedule.intervalSeconds).toEqualTypeOf<number>();
      // @ts-expect-error not every schedule has it
      console.log(schedule.cron);
    }
    const upcoming = this.getSchedules<{ source: string }>({
      type: "cron",
      timeRange: { start: new Date(), end: new Date(Date.now() + 60 * 60 * 1000) }
    });
    expectTypeOf(upcoming).toEqualTypeOf<Schedule<{ source: string }>[]>();
    expectTypeOf(upcoming[0]!.payload).toEqualTypeOf<{ source: string }>();
    this.getSchedules({ id: "abc123" });
    // @ts-expect-error there is no such type
    this.getSchedules({ type: "later" });
    expectTypeOf(await this.cancelSchedule(scheduleId)).toEqualTypeOf<boolean>();
  }

  // proves schedule-tasks#keepAlive-finally
  async awake() {
    const dispose = await this.keepAlive();
    expectTypeOf(dispose).toEqualTypeOf<() => void>();
    try {
      const result = await longRunningComputation();
      console.log(result);
    } finally {
      dispose();
    }
    const result = await this.keepAliveWhile(async () => {
      const data = await longRunningComputation();
      return data;
    });
    expectTypeOf(result).toEqualTypeOf<number>();
  }

  // proves retries#with-schedule
  async syncData(payload: { source: string; attempt?: number }) {
    const attempt = payload.attempt ?? 1;
    try {
      // Immediate retries for transient failures (seconds)
      await this.retry(() => this.fetchAndProcess(payload.source), { maxAttempts: 3, baseDelayMs: 1000 });
    } catch {
      if (attempt >= 5) {
        console.error("Giving up after 5 scheduled attempts");
        return;
      }
      // Schedule a retry in 5 minutes for longer outages
      const delaySeconds = 300 * attempt;
      await this.schedule(delaySeconds, "syncData", { source: payload.source, attempt: attempt + 1 });
      console.log(`Scheduled retry ${attempt + 1} in ${delaySeconds}s`);
    }
  }
  async fetchAndProcess(source: string) {
    return source;
  }
}

export class SmartScheduler extends Agent {
  async parseScheduleRequest(userInput: string) {
    const result = await generateObject({
      model,
      system: getSchedulePrompt({ date: new Date() }),
      prompt: userInput,
      schema: scheduleSchema
    });
    return result.object;
  }

  // proves schedule-tasks#generateObject
  async handleUserRequest(input: string) {
    const parsed = await this.parseScheduleRequest(input);
    expectTypeOf(parsed.description).toEqualTypeOf<string>();
    expectTypeOf(parsed.when.type).toEqualTypeOf<"scheduled" | "delayed" | "cron" | "no-schedule">();
    if (parsed.when.type === "scheduled" && parsed.when.date) {
      await this.schedule(new Date(parsed.when.date), "sendReminder", { message: parsed.description });
    } else if (parsed.when.type === "delayed" && parsed.when.delayInSeconds) {
      await this.schedule(parsed.when.delayInSeconds, "sendReminder", { message: parsed.description });
    } else if (parsed.when.type === "cron" && parsed.when.cron) {
      await this.schedule(parsed.when.cron, "sendReminder", { message: parsed.description });
    }
  }
  async sendReminder(payload: { message: string }) {
    console.log(`Reminder: ${payload.message}`);
  }
}

expectTypeOf(fromSchedule.scheduleSchema).toEqualTypeOf(scheduleSchema);
expectTypeOf(fromSchedule.getSchedulePrompt).toEqualTypeOf(getSchedulePrompt);
