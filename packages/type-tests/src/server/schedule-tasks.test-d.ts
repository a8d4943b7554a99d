// The snippets of the page "Schedule tasks" about schedules.
import { Agent, type MissedPolicy, type Schedule } from "agents";
import { expectTypeOf } from "vitest";

export class ReminderAgent extends Agent {
  override async onRequest(request: Request) {
    const url = new URL(request.url);
    await this.schedule(30, "sendReminder", {
      message: "Check your email"
    });
    await this.schedule(new Date("2025-02-01T09:00:00Z"), "sendReminder", {
      message: "Monthly report due"
    });
    await this.schedule("0 8 * * *", "dailyDigest", {
      userId: url.searchParams.get("userId")
    });
    return new Response("Scheduled!");
  }
  async sendReminder(payload: { message: string }) {
    console.log(`Reminder: ${payload.message}`);
  }
  async dailyDigest(payload: { userId: string }) {
    console.log(`Sending daily digest to ${payload.userId}`);
  }

  async setReminder(userId: string, message: string, delaySeconds: number) {
    const schedule = await this.schedule(delaySeconds, "sendReminder", {
      userId,
      message
    });
    this.sql`
      INSERT INTO user_reminders (user_id, schedule_id, message)
      VALUES (${userId}, ${schedule.id}, ${message})
    `;
    return schedule.id;
  }
  async cancelReminder(scheduleId: string) {
    const cancelled = await this.cancelSchedule(scheduleId);
    expectTypeOf(cancelled).toEqualTypeOf<boolean>();
    if (cancelled) {
      this.sql`DELETE FROM user_reminders WHERE schedule_id = ${scheduleId}`;
    }
    return cancelled;
  }
}

export class Manager extends Agent {
  async look(scheduleId: string) {
    const schedule = this.getSchedule(scheduleId);
    if (schedule) {
      console.log(`Task ${schedule.id} will run at ${new Date(schedule.time * 1000)}`);
      console.log(`Callback: ${schedule.callback}`);
      console.log(`Type: ${schedule.type}`);
    } else {
      console.log("Schedule not found");
    }
    const allSchedules = this.getSchedules();
    expectTypeOf(allSchedules).toEqualTypeOf<Schedule[]>();
    const cronJobs = this.getSchedules({ type: "cron" });
    const upcoming = this.getSchedules({
      timeRange: {
        start: new Date(),
        end: new Date(Date.now() + 60 * 60 * 1000)
      }
    });
    const specific = this.getSchedules({ id: "abc123" });
    // @ts-expect-error there is no such type
    this.getSchedules({ type: "monthly" });
    return [cronJobs, upcoming, specific];
  }
}

class PollingAgent extends Agent {
  async startPolling(intervalSeconds: number) {
    await this.schedule(intervalSeconds, "poll", { interval: intervalSeconds });
  }
  async poll(payload: { interval: number }) {
    await this.schedule(payload.interval, "poll", payload);
  }
  async stopPolling() {
    const schedules = this.getSchedules({ type: "delayed" });
    for (const schedule of schedules) {
      if (schedule.callback === "poll") {
        await this.cancelSchedule(schedule.id);
      }
    }
  }
}

class TemporaryAgent extends Agent {
  override async onStart() {
    await this.schedule(24 * 60 * 60, "cleanup", {});
  }
  async cleanup() {
    await this.destroy();
  }
}

export async function options(agent: PollingAgent, temporary: TemporaryAgent) {
  await agent.scheduleEvery(30, "poll", { source: "api" }, { retry: { maxAttempts: 5, baseDelayMs: 200 } });
  await agent.schedule("0 8 * * *", "poll", {}, { key: "k", timeZone: "Europe/Berlin", missed: "all", retry: {} });
  await agent.pauseSchedule("a");
  await agent.resumeSchedule("a");
  expectTypeOf<MissedPolicy>().toEqualTypeOf<"skip" | "once" | "all">();
  // @ts-expect-error it has no such method
  await agent.schedule(1, "missing");
  // @ts-expect-error an interval has no time zone
  await agent.scheduleEvery(1, "poll", {}, { timeZone: "UTC" });
  // @ts-expect-error the time comes first
  await agent.schedule("poll", 60);
  await temporary.schedule(1, "cleanup");
}

export function told(schedule: Schedule<{ a: string }>) {
  expectTypeOf(schedule.payload).toEqualTypeOf<{ a: string }>();
  expectTypeOf(schedule.type).toEqualTypeOf<"scheduled" | "delayed" | "cron" | "interval">();
  if (schedule.type === "delayed") expectTypeOf(schedule.delayInSeconds).toEqualTypeOf<number>();
  if (schedule.type === "cron") expectTypeOf(schedule.cron).toEqualTypeOf<string>();
  if (schedule.type === "interval") expectTypeOf(schedule.intervalSeconds).toEqualTypeOf<number>();
  // @ts-expect-error only those after a delay have one
  return schedule.delayInSeconds;
}
