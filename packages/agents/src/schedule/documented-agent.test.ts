import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { TemporaryAgent, type ReminderAgent } from "../test/documented-work";
import { connect, errorOf, evict, makeDue } from "../test/kit";

// What the page "Schedule tasks" says of an agent, with the alarms of the runtime.

const agentNamed = (name: string) => env.ReminderAgent.get(env.ReminderAgent.idFromName(name));
type Stub = ReturnType<typeof agentNamed>;

/** Runs in the instance, once it has started. */
async function inside<Result>(stub: Stub, run: (agent: ReminderAgent) => Result | Promise<Result>): Promise<Result> {
  await stub.tell("started", null);
  return runInDurableObject(stub, (agent) => run(agent));
}

/** As if the time of all schedules had come while the instance was out of memory. */
async function makeAllDue(stub: DurableObjectStub): Promise<void> {
  await runInDurableObject(
    stub,
    (_, { storage }) => void storage.sql.exec("UPDATE cf_agents_schedules SET time = 1, ms = 0")
  );
  await makeDue(stub, "schedule");
}

/** The same, and then the alarm rings. */
async function whenDue(stub: DurableObjectStub): Promise<void> {
  await makeAllDue(stub);
  await runDurableObjectAlarm(stub);
}

describe("a task", () => {
  // proves schedule-tasks#any-method, schedule-tasks#when, get-current-agent#in-schedule, agents-api#schedule
  it("calls a method, which does what a request may do", async () => {
    const stub = agentNamed("any method");
    const connection = await connect(stub);
    const { id } = await inside(stub, (agent) => agent.schedule(0, "work", { a: [1] }));
    const { value } = await connection.next<{ type: string; value: unknown }>("worked");
    const context = { agent: true, connection: null, url: null };
    expect(value).toEqual({ payload: { a: [1] }, id, state: { done: 1 }, answer: 42, ...context });
  });

  // proves schedule-tasks#survives, schedule-tasks#sqlite, agent-class-internals#schedule-table
  // proves agent-class-internals#schedule-ends, agent-class-internals#schedule
  it("is a row, survives the instance, and is deleted when it ran", async () => {
    const stub = agentNamed("survives");
    const { id, time } = await inside(stub, (agent) => agent.schedule(60, "work", "later"));
    const daily = await inside(stub, (agent) => agent.schedule("0 8 * * *", "work", "daily"));
    const rows = () =>
      runInDurableObject(stub, (_, { storage }) =>
        storage.sql.exec("SELECT id, callback, payload, type, time, delayInSeconds FROM cf_agents_schedules").toArray()
      );
    expect(await rows()).toMatchObject([
      { id, callback: "work", payload: '"later"', type: "delayed", time, delayInSeconds: 60 },
      { id: daily.id, type: "cron" }
    ]);
    await evict(stub);
    expect(await inside(stub, (agent) => agent.getSchedule(id))).toMatchObject({ id, time, payload: "later" });
    await whenDue(stub);
    expect(await runInDurableObject(stub, ({ state }) => state)).toEqual({ done: 2 });
    expect(await rows()).toMatchObject([{ id: daily.id, time: daily.time }]);
  });

  // proves schedule-tasks#quick-start
  it("of each kind is made by a request", async () => {
    const stub = agentNamed("quick start");
    expect(await (await stub.fetch("http://test/?userId=u1")).text()).toBe("Scheduled!");
    expect(await inside(stub, (agent) => agent.getSchedules().map(({ type, payload }) => [type, payload]))).toEqual(
      expect.arrayContaining([
        ["delayed", { message: "Check your email" }],
        ["scheduled", { message: "Monthly report due" }],
        ["cron", { userId: "u1" }]
      ])
    );
  });

  // proves schedule-tasks#callback-unknown, schedule-tasks#callback-name
  it("needs a method that exists", async () => {
    const stub = agentNamed("unknown");
    const error = await errorOf(() => inside(stub, (agent) => agent.schedule(60, "missing" as never)));
    expect(error).toMatchObject({
      code: "CALLBACK_UNKNOWN",
      message: expect.stringContaining("this.missing is not a")
    });
    const repeated = await errorOf(() => inside(stub, (agent) => agent.scheduleEvery(60, "state" as never)));
    expect(repeated.code).toBe("CALLBACK_UNKNOWN");
    expect(await inside(stub, (agent) => agent.getSchedules())).toEqual([]);
  });

  // proves schedule-tasks#payload-json
  it("has a payload of JSON, which is what its method gets", async () => {
    const stub = agentNamed("payload");
    const connection = await connect(stub);
    const payload = { text: "é\u2028", date: new Date(0), list: [null, 1.5, true], gone: undefined };
    await inside(stub, (agent) => agent.schedule(0, "work", payload));
    const { value } = await connection.next<{ value: { payload: unknown } }>("worked");
    expect(value.payload).toEqual({ text: "é\u2028", date: "1970-01-01T00:00:00.000Z", list: [null, 1.5, true] });
    const error = await errorOf(() => inside(stub, (agent) => agent.schedule(60, "work", 1n)));
    expect(error.code).toBe("PAYLOAD_NOT_SERIALIZABLE");
  });

  // proves retries#schedule-fails, retries#dead-letters
  it("that has failed as often as its class allows is told to onError, removed, and kept with the dead letters", async () => {
    const stub = agentNamed("fails");
    const connection = await connect(stub);
    const { id } = await inside(stub, (agent) => agent.schedule(0, "fail", "x"));
    await connection.next("tried");
    await connection.next("tried");
    expect(await connection.next("error")).toMatchObject({ value: "Error: it never works" });
    const dead = { id, source: "schedule", callback: "fail", payload: "x", error: "it never works", attempts: 2 };
    expect(await inside(stub, (agent) => [agent.getSchedules(), agent.listDead()])).toEqual([
      [],
      [{ ...dead, failedAtMs: expect.any(Number) }]
    ]);
  });

  // proves routing#hungScheduleTimeoutSeconds-effect
  it("that takes longer than hungScheduleTimeoutSeconds keeps the next one waiting no longer, and ends when it ends", async () => {
    const stub = agentNamed("hung");
    const connection = await connect(stub);
    await inside(stub, async (agent) => {
      await agent.schedule(0, "hang");
      await agent.schedule(0, "work", "next");
    });
    expect(await connection.next("worked")).toMatchObject({ value: { payload: "next" } });
    expect(await inside(stub, (agent) => agent.getSchedules().map(({ callback }) => callback))).toEqual(["hang"]);
    await stub.release();
    expect(await connection.next("hung")).toMatchObject({ value: "over" });
  });
});

describe("the Schedule object", () => {
  // proves schedule-tasks#example, schedule-tasks#id, schedule-tasks#callback, schedule-tasks#payload, schedule-tasks#time
  // proves schedule-tasks#type-delayed
  it("is as printed", async () => {
    const schedule = await inside(agentNamed("printed"), (agent) => agent.schedule(60, "work", { foo: "bar" }));
    expect(schedule).toEqual({
      id: expect.any(String),
      callback: "work",
      payload: { foo: "bar" },
      time: Math.floor(schedule.timeMs / 1_000),
      timeMs: expect.any(Number),
      type: "delayed",
      delayInSeconds: 60
    });
    expect(Math.abs(schedule.timeMs - 60_000 - Date.now())).toBeLessThan(10_000);
  });

  // proves schedule-tasks#type-scheduled, schedule-tasks#type-cron, schedule-tasks#type-interval, agents-api#scheduleEvery
  it("has what its type has", async () => {
    const all = await inside(agentNamed("types"), async (agent) => [
      await agent.schedule(new Date("2035-01-01T00:00:00.500Z"), "work"),
      await agent.schedule("*/5 * * * *", "work"),
      await agent.scheduleEvery(90, "work")
    ]);
    expect(all).toMatchObject([
      { type: "scheduled", time: Date.UTC(2035, 0, 1) / 1_000 },
      { type: "cron", cron: "*/5 * * * *" },
      { type: "interval", intervalSeconds: 90 }
    ]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(3);
  });
});

describe("schedules", () => {
  const make = async (agent: ReminderAgent) => ({
    delayed: await agent.schedule(1_800, "work", 1),
    scheduled: await agent.schedule(new Date("2035-01-01T00:00:00Z"), "work", 2),
    cron: await agent.schedule("* * * * *", "work", 3),
    yearly: await agent.schedule("0 0 29 2 *", "work", 4),
    interval: await agent.scheduleEvery(7_200, "work", 5)
  });
  const hourFromNow = () => ({ start: new Date(), end: new Date(Date.now() + 60 * 60 * 1_000) });

  // proves schedule-tasks#getSchedule, schedule-tasks#getSchedule-none, schedule-tasks#getSchedule-sync
  // proves agent-class-internals#getSchedule
  it("are found by their id, at once", async () => {
    await inside(agentNamed("get"), async (agent) => {
      const { cron } = await make(agent);
      expect(agent.getSchedule(cron.id)).toEqual(cron);
      expect(agent.getSchedule("nothing")).toBe(undefined);
    });
  });

  // proves schedule-tasks#getSchedules, schedule-tasks#getSchedules-type, schedule-tasks#getSchedules-timeRange
  // proves schedule-tasks#getSchedules-id, schedule-tasks#getSchedules-combined, schedule-tasks#getSchedules-sync
  // proves agents-api#getSchedules, agent-class-internals#getSchedules
  it("are listed by what is asked for, at once", async () => {
    await inside(agentNamed("list"), async (agent) => {
      const { delayed, cron } = await make(agent);
      const found = (criteria?: Parameters<ReminderAgent["getSchedules"]>[0]) =>
        agent.getSchedules<number>(criteria).map(({ payload }) => payload);
      expect(found().sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
      expect(found().slice(0, 3)).toEqual([3, 1, 5]);
      expect((["scheduled", "delayed", "cron", "interval"] as const).map((type) => found({ type }))).toEqual([
        [2],
        [1],
        [3, 4],
        [5]
      ]);
      expect(found({ timeRange: hourFromNow() })).toEqual([3, 1]);
      expect(found({ timeRange: { start: new Date("2034-12-31") } })).toEqual([2]);
      expect(found({ timeRange: { end: new Date(delayed.time * 1_000 + 999) } })).toEqual([3, 1]);
      expect(found({ id: delayed.id })).toEqual([1]);
      expect(found({ type: "cron", timeRange: hourFromNow() })).toEqual([3]);
      expect(found({ type: "interval", id: cron.id })).toEqual([]);
    });
  });

  // proves schedule-tasks#cancelSchedule, schedule-tasks#cancel-promise, agents-api#cancelSchedule
  // proves agent-class-internals#cancelSchedule
  it("are cancelled by their id, once", async () => {
    await inside(agentNamed("cancel"), async (agent) => {
      const { delayed } = await make(agent);
      const cancelled = agent.cancelSchedule(delayed.id);
      expect(cancelled).toBeInstanceOf(Promise);
      expect([await cancelled, await agent.cancelSchedule(delayed.id)]).toEqual([true, false]);
      expect([agent.getSchedule(delayed.id), agent.getSchedules().length]).toEqual([undefined, 4]);
    });
  });
});

describe("the patterns of the page", () => {
  // proves schedule-tasks#cancellable-reminders
  it("reminders that can be cancelled", async () => {
    const stub = agentNamed("reminders");
    const connection = await connect(stub);
    const [first, second] = [await stub.setReminder("u1", "one", 60), await stub.setReminder("u2", "two", 60)];
    expect([await stub.cancelReminder(first), await stub.cancelReminder(first)]).toEqual([true, false]);
    const users = () => inside(stub, (agent) => agent.sql`SELECT user_id, schedule_id FROM user_reminders`);
    expect(await users()).toEqual([{ user_id: "u2", schedule_id: second }]);
    await whenDue(stub);
    expect(await connection.next("reminder")).toMatchObject({ value: "two" });
    expect(await users()).toEqual([]);
  });

  // proves schedule-tasks#reschedule, schedule-tasks#stop-polling
  it("polling that schedules its next run, and is stopped", async () => {
    const stub = agentNamed("polling");
    const connection = await connect(stub);
    await stub.startPolling(300);
    await stub.setReminder("u1", "stays", 60);
    const waiting = () => inside(stub, (agent) => agent.getSchedules().map(({ callback }) => callback));
    for (let round = 0; round < 3; round++) {
      await whenDue(stub);
      await connection.next("polling failed");
    }
    expect(await waiting()).toEqual(["poll"]);
    await stub.setReminder("u2", "stays", 60);
    await stub.stopPolling();
    expect(await waiting()).toEqual(["sendReminder"]);
  });

  // proves schedule-tasks#backoff-pattern
  it("exponential backoff with schedules", async () => {
    const stub = agentNamed("backoff");
    const connection = await connect(stub);
    await stub.attemptTask({ taskId: "t", attempt: 1, maxAttempts: 3 });
    const delays: unknown[] = [];
    for (let round = 0; round < 2; round++) {
      const [next] = await inside(stub, (agent) => agent.getSchedules());
      delays.push(next?.type === "delayed" && next.delayInSeconds);
      await whenDue(stub);
    }
    expect(await connection.next("given up")).toMatchObject({ value: 3 });
    expect([delays, await inside(stub, (agent) => agent.getSchedules())]).toEqual([[2, 4], []]);
  });

  // proves schedule-tasks#destroy, schedule-tasks#destroy-onStart, schedule-tasks#destroy-deferred
  it("an agent that ends itself in a scheduled method, which completes", async () => {
    // A stub of an instance that was aborted is broken.
    const temporary = () => env.TemporaryAgent.get(env.TemporaryAgent.idFromName("temporary"));
    const schedules = async () => {
      await (await temporary().fetch("http://test/")).text();
      return runInDurableObject(temporary(), (agent) => agent.getSchedules());
    };
    expect(await schedules()).toMatchObject([{ callback: "cleanup", delayInSeconds: 86_400 }]);
    await makeAllDue(temporary());
    // Not by a call, which would wait for the instance that goes away.
    await runInDurableObject(temporary(), (_, { storage }) => storage.setAlarm(Date.now()));
    await vi.waitFor(() => expect(TemporaryAgent.cleanedUp).toEqual(["temporary"]));
    // A new instance knows nothing of it: it has the one schedule that it makes itself.
    const after = await vi.waitFor(schedules);
    expect(after.map(({ timeMs }) => timeMs > Date.now())).toEqual([true]);
  });
});

describe("keepAlive", () => {
  // proves schedule-tasks#keepAlive, schedule-tasks#keepAlive-listed, schedule-tasks#keepAlive-apart
  // proves schedule-tasks#keepAlive-idempotent
  it("is a heartbeat of 30 seconds among the schedules, until it is disposed of", async () => {
    await inside(agentNamed("heartbeat"), async (agent) => {
      const own = await agent.schedule(60, "work");
      const dispose = await agent.keepAlive();
      expect(agent.getSchedules({ type: "interval" })).toMatchObject([{ callback: "keepAlive", intervalSeconds: 30 }]);
      expect(
        agent
          .whyAwake()
          .alarm.map(({ name }) => name)
          .sort()
      ).toEqual(["keep-alive", "schedule"]);
      dispose();
      dispose();
      expect(agent.getSchedules()).toEqual([own]);
    });
  });

  // proves schedule-tasks#keepAlive-several
  it("counts each call by itself", async () => {
    await inside(agentNamed("several"), async (agent) => {
      const [first, second] = [await agent.keepAlive(), await agent.keepAlive()];
      expect(agent.getSchedules().length).toBe(2);
      first();
      expect(agent.getSchedules().length).toBe(1);
      second();
      expect(agent.getSchedules()).toEqual([]);
    });
  });

  // proves schedule-tasks#keepAliveWhile
  it("lasts while a function runs, whatever comes of it", async () => {
    await inside(agentNamed("while"), async (agent) => {
      let during = 0;
      const result = await agent.keepAliveWhile(async () => {
        during = agent.getSchedules().length;
        return "result";
      });
      const error = await errorOf(() => agent.keepAliveWhile(() => Promise.reject(new Error("thrown"))));
      expect([during, result, error.message, agent.getSchedules()]).toEqual([1, "result", "thrown", []]);
    });
  });
});
