import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type {
  CronOptions,
  DeadLetter,
  QueueItem,
  QueueOptions,
  Schedule,
  ScheduleCriteria,
  WhyAwake,
  When
} from "./index";
import type { Diligent, Ran } from "./test/work-agents";
import { connect, costOf, evict, killAll } from "./test/kit";

let names = 0;
/** Durable Object RPC has no types for what may be anything, and no method of the name "queue". */
interface Remote extends DurableObjectStub<undefined> {
  schedule(when: When, callback: string, payload?: unknown, options?: CronOptions): Promise<Schedule>;
  cancelSchedule(id: string): Promise<boolean>;
  getSchedules(criteria?: ScheduleCriteria): Promise<Schedule[]>;
  getQueue(id: string): Promise<QueueItem | undefined>;
  getQueues(key: string, value: unknown): Promise<QueueItem[]>;
  listDead(): Promise<DeadLetter[]>;
  retryDead(id: string): Promise<boolean>;
  removeDead(id: string): Promise<boolean>;
  whyAwake(): Promise<WhyAwake>;
  queueHere(callback: string, payload?: unknown, options?: QueueOptions): Promise<string>;
  queueAll(count: number, callback?: string): Promise<void>;
  scheduleAll(count: number, when: Date, callback?: string): Promise<void>;
  ran(): Promise<Ran[]>;
  hasRun(count: number): Promise<Ran[]>;
  lastTask(): Promise<Schedule | QueueItem | undefined>;
  thrown(): Promise<string[]>;
  release(): Promise<void>;
  beat(): Promise<void>;
}

const named = (name: string) => env.Worker.get(env.Worker.idFromName(name)) as unknown as Remote;
const worker = () => named(`worker-${names++}`);
const alarmOf = (stub: DurableObjectStub) => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
const reads = /^(SELECT|kv\.get|getAlarm|WITH)/;
const values = (ran: readonly { value: unknown }[]) => ran.map(({ value }) => value);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("an agent that works later", () => {
  it("[S1] [S2] calls its method by the alarm, with the payload and the schedule", async () => {
    const stub = worker();
    const { id } = await stub.schedule(0.05, "note", { a: 1 });
    expect(await stub.hasRun(1)).toEqual([{ task: "note", value: { a: 1 } }]);
    expect(await stub.lastTask()).toMatchObject({ id, type: "delayed", delayInSeconds: 0.05 });
    await vi.waitFor(async () => expect([await stub.getSchedules(), await alarmOf(stub)]).toEqual([[], null]));
  });

  it("[Q1] calls what is queued in order, with the payload and the item", async () => {
    const stub = worker();
    await stub.queueAll(250);
    expect(values(await stub.hasRun(250))).toEqual(upTo(250));
    expect(await stub.lastTask()).toMatchObject({ callback: "note", payload: 249 });
    await vi.waitFor(async () => expect([await stub.getQueues("a", 1), await alarmOf(stub)]).toEqual([[], null]));
  });

  it("[Q6] runs with the connection that asked for it, also after an eviction, and with none for a schedule", async () => {
    const stub = worker();
    const connection = await connect(stub, "_pk=c1");
    await connection.call("queueHere", "context", 1);
    await stub.hasRun(1);
    await connection.call("queueHere", "context", 2, { delaySeconds: 0.3 });
    await evict(stub);
    await stub.schedule(0.3, "context", 3);
    expect(values(await stub.hasRun(3))).toEqual([
      [1, true, "c1", null],
      [2, true, "c1", null],
      [3, true, null, null]
    ]);
    connection.close();
  });

  it("[Q6] knows the request that asked for it, and not its connection when that is closed", async () => {
    const stub = worker();
    await (await stub.fetch("http://test/ask")).text();
    expect(values(await stub.hasRun(1))).toEqual([["asked", true, null, "http://test/ask"]]);
    const connection = await connect(stub, "_pk=c1");
    await connection.call("queueHere", "context", 2, { delaySeconds: 0.2 });
    connection.close();
    await connection.closed;
    expect(values(await stub.hasRun(2)).at(-1)).toEqual([2, true, null, null]);
  });

  it("[S6] [Q8] tries again what a kill has cut, and drops nothing", async () => {
    const before = named("killed");
    await before.queueHere("hold", "queued");
    await before.queueHere("note", "behind");
    await before.schedule(0, "hold", "scheduled");
    await before.hasRun(2);
    await killAll();
    const stub = named("killed");
    await stub.hasRun(4);
    await stub.release();
    const ran = await stub.hasRun(7);
    const count = (task: string, value: string) => ran.filter((r) => r.task === task && r.value === value).length;
    expect([count("hold", "queued"), count("hold", "scheduled"), count("note", "behind")]).toEqual([2, 2, 1]);
    expect([count("held", "queued"), count("held", "scheduled")]).toEqual([1, 1]);
  });

  it("[S5] [Q3] tells its errors to onError, and keeps what failed for whoever wants to try again", async () => {
    const stub = worker();
    const id = await stub.queueHere("failOnce", 1, { retry: { maxAttempts: 1 } });
    await vi.waitFor(async () => expect(await stub.listDead()).toMatchObject([{ id, source: "queue", payload: 1 }]));
    expect(await stub.thrown()).toEqual(["Error: thrown once"]);
    expect([await stub.retryDead(id), await stub.retryDead(id)]).toEqual([true, false]);
    await stub.hasRun(2);
    await vi.waitFor(async () => expect([await stub.getQueue(id), await stub.listDead()]).toEqual([undefined, []]));
    const other = await stub.schedule(0, "fail", 2, { retry: { maxAttempts: 1 } });
    await vi.waitFor(async () => expect(await stub.listDead()).toMatchObject([{ id: other.id, source: "schedule" }]));
    expect([await stub.removeDead(other.id), await stub.removeDead(other.id), await stub.listDead()]).toEqual([
      true,
      false,
      []
    ]);
  });

  it("[S2] [W7] may destroy itself in a scheduled callback, which ends as it should", async () => {
    const stub = named("destroyed");
    await stub.schedule(3_600, "note", "never");
    const connection = await connect(stub);
    await stub.schedule(0, "die");
    expect((await connection.closed).code).toBe(1001);
    await vi.waitFor(async () => expect(await named("destroyed").ran()).toEqual([]));
    const next = named("destroyed");
    expect([await next.getSchedules(), await next.listDead(), await alarmOf(next)]).toEqual([[], [], null]);
  });

  it("[S1] takes a time that no alarm can be set for", async () => {
    const stub = worker();
    const { time } = await stub.schedule(new Date("9999-12-31T00:00:00Z"), "note");
    expect(time).toBe(Date.parse("9999-12-31T00:00:00Z") / 1_000);
    expect(await alarmOf(stub)).toBe(9e12);
  });

  it("[W7] tells why it is awake", async () => {
    const stub = worker();
    await stub.queueHere("hold", 1);
    await stub.schedule(3_600, "note");
    await stub.hasRun(1);
    const { alarm, holds } = await stub.whyAwake();
    expect(alarm.map(({ name }) => name)).toEqual(["queue", "schedule"]);
    expect(holds).toMatchObject([{ name: "queue", callback: "hold", sinceMs: expect.any(Number) }]);
    await stub.release();
    await vi.waitFor(async () => {
      const after = await stub.whyAwake();
      expect([after.alarm.map(({ name }) => name), after.holds]).toEqual([["schedule"], []]);
    });
  });

  it("[S8] lists what keeps it awake, and ends it", async () => {
    const stub = worker();
    await stub.beat();
    const [heartbeat] = await stub.getSchedules({ type: "interval" });
    expect(heartbeat).toMatchObject({ callback: "keepAlive", intervalSeconds: 30 });
    expect([await stub.cancelSchedule(heartbeat!.id), await stub.cancelSchedule(heartbeat!.id)]).toEqual([true, false]);
    expect([await stub.getSchedules(), await alarmOf(stub)]).toEqual([[], null]);
  });

  it("[S9] may make sure of its schedules at each start", async () => {
    const stub = env.Diligent.get(env.Diligent.idFromName("diligent"));
    const list = async () => {
      await stub.tidy();
      return runInDurableObject(stub, (agent: Diligent) => agent.getSchedules());
    };
    const before = await list();
    expect(new Set(before.map(({ key }) => key))).toEqual(new Set(["greet", "tidy"]));
    await evict(stub);
    const { statements } = await costOf(stub, async () => expect(await list()).toEqual(before), worker());
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.filter((text) => !reads.test(text))).toEqual([]);
  });

  it("[Q9] [S12] goes on with what an older release has left, whatever wakes it", async () => {
    const stub = worker();
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec(`CREATE TABLE cf_agents_queues (id TEXT PRIMARY KEY NOT NULL, payload TEXT, callback TEXT,
        created_at INTEGER DEFAULT (unixepoch()))`);
      storage.sql.exec("ALTER TABLE cf_agents_queues ADD COLUMN retry_options TEXT");
      storage.sql.exec("INSERT INTO cf_agents_queues (id, payload, callback) VALUES ('old', '\"queued\"', 'note')");
    });
    await evict(stub);
    expect(await stub.hasRun(1)).toEqual([{ task: "note", value: "queued" }]);
  });
});

describe("[W8] what it costs", () => {
  it("to schedule is one statement, and two more when the alarm is to be earlier, however many there are", async () => {
    const stub = worker();
    const at = (seconds: number) => new Date(Date.now() + seconds * 1_000);
    await stub.schedule(at(7_200), "note");
    const second = await costOf(stub, () => stub.schedule(at(7_300), "note"));
    expect(second.statements.length, second.statements.join("\n")).toBe(1);
    await stub.scheduleAll(1_000, at(8_000));
    const later = await costOf(stub, () => stub.schedule(at(7_300), "note"));
    const earlier = await costOf(stub, () => stub.schedule(at(7_100), "note"));
    // One more where the meta row is replaced.
    const { rowsRead } = second;
    expect([later.statements.length, later.rowsRead, earlier.rowsRead]).toEqual([1, rowsRead, rowsRead + 1]);
    expect(earlier.statements.slice(1)).toEqual([expect.stringContaining("INTO cf_agents_meta"), "setAlarm"]);
    await evict(stub);
    await stub.ran();
    const woken = await costOf(stub, () => stub.schedule(at(7_300), "note"));
    expect([woken.statements.length, woken.rowsRead]).toEqual([1, second.rowsRead]);
  });

  it("a due schedule is at most three statements, and its share of a few more", async () => {
    const stub = worker();
    await stub.schedule(3_600, "note", "first");
    const count = 200;
    const cost = await costOf(stub, async () => {
      await stub.scheduleAll(count, new Date(0), "nothing");
      await vi.waitFor(async () => expect((await stub.whyAwake()).alarm[0]!.atMs).toBeGreaterThan(Date.now() + 60_000));
    });
    expect(cost.statements.length).toBeLessThanOrEqual(count + 2 * count + 20);
  });

  it("a queued item is at most three statements, and its share of a few more", async () => {
    const stub = worker();
    await stub.queueHere("nothing");
    const count = 300;
    const { statements } = await costOf(stub, async () => {
      await stub.queueAll(count, "nothing");
      await vi.waitFor(async () => expect((await stub.whyAwake()).alarm).toEqual([]));
    });
    expect(statements.length).toBeLessThanOrEqual(3 * count + 20);
    expect(statements.filter((text) => reads.test(text)).length).toBeLessThanOrEqual(20);
  });

  it("to list is one", async () => {
    const stub = worker();
    await stub.scheduleAll(50, new Date(Date.now() + 3_600_000));
    const list = await costOf(stub, () => stub.getSchedules());
    expect([list.statements.length, list.rowsRead]).toEqual([1, 50]);
  });
});
