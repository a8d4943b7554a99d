import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { approvalsOf } from "./approvals";
import { installCapability } from "./capability";
import { connect, connectExtended, errorOf, evict } from "./test/kit";

// What operators see, and who sees it.

const desk = (name: string) => env.Desk.get(env.Desk.idFromName(name));

describe("inspect()", () => {
  it("[I1] tells connections, the alarm, tasks and dead letters of an instance", async () => {
    const stub = desk("report");
    await connect(stub, "_pk=a&token=s3cret", { "x-readonly": "1" });
    await runInDurableObject(stub, async (agent) => {
      await agent.schedule(60, "work", { password: "s3cret" }, { key: "k" });
      const { id } = await agent.schedule("0 9 * * *", "work");
      await agent.pauseSchedule(id);
      await agent.queue("work", "s3cret", { delaySeconds: 60, queue: "mail" });
      await agent.queue("fail", "s3cret", { retry: { maxAttempts: 1 } });
    });
    await vi.waitUntil(() => runInDurableObject(stub, (agent) => agent.listDead().length === 1));
    const report = await stub.inspect();
    expect(report).toEqual({
      agent: "Desk",
      name: "report",
      atMs: expect.any(Number),
      connections: {
        total: 1,
        first: [{ id: "a", tags: ["a"], path: "/agents/agent/name", readonly: true, protocol: true }]
      },
      alarm: [
        { name: "schedule", atMs: expect.any(Number) },
        { name: "queue", atMs: expect.any(Number) }
      ],
      holds: [],
      tasks: {
        schedules: {
          total: 2,
          first: [
            {
              id: expect.any(String),
              callback: "work",
              type: "delayed",
              key: "k",
              attempts: 0,
              running: false,
              paused: false,
              parked: false,
              dueMs: report.alarm[0]!.atMs
            },
            {
              id: expect.any(String),
              callback: "work",
              type: "cron",
              key: null,
              attempts: 0,
              running: false,
              paused: true,
              parked: false,
              dueMs: null
            }
          ]
        },
        queue: {
          total: 1,
          first: [
            {
              id: expect.any(String),
              callback: "work",
              queue: "mail",
              attempts: 0,
              running: false,
              parked: false,
              dueMs: report.alarm[1]!.atMs
            }
          ]
        }
      },
      deadLetters: {
        total: 1,
        first: [
          {
            id: expect.any(String),
            source: "queue",
            callback: "fail",
            error: "no answer from https://mail.example/send with Bearer [redacted]",
            attempts: 1,
            failedAtMs: expect.any(Number)
          }
        ]
      }
    });
    expect(JSON.stringify(report)).not.toContain("s3cret");
  });

  it("[I1] tells what runs, and why the instance is kept in memory", async () => {
    const stub = desk("running");
    await runInDurableObject(stub, (agent) => agent.queue("hold"));
    await vi.waitUntil(async () => (await stub.inspect()).holds.length === 1);
    const { holds, tasks } = await stub.inspect();
    expect(holds).toMatchObject([{ name: "queue", callback: "hold" }]);
    expect(tasks.queue.first).toMatchObject([{ callback: "hold", attempts: 1, running: true }]);
    await stub.release();
  });

  it("[I1] tells at most a hundred of each, and how many there are", async () => {
    const stub = desk("many");
    await runInDurableObject(stub, async (agent) => {
      for (let n = 0; n < 120; n++) await agent.queue("work", n, { delaySeconds: 60 + n });
    });
    const { tasks } = await stub.inspect();
    expect([tasks.queue.total, tasks.queue.first.length]).toEqual([120, 100]);
    await runInDurableObject(stub, (agent) => agent.dequeueAll());
  });

  it("[I2] tells approvals of an earlier life too, without what they are about", async () => {
    const stub = desk("approvals");
    await runInDurableObject(stub, (agent) => {
      approvalsOf(agent).request({ id: "r1", subject: "refund", args: { card: "s3cret" }, scope: "billing" });
    });
    await evict(stub);
    const { approvals } = await stub.inspect();
    expect(approvals).toEqual({
      pending: [
        {
          id: "r1",
          source: expect.any(String),
          subject: "refund",
          scope: "billing",
          status: "pending",
          createdMs: expect.any(Number)
        }
      ],
      undelivered: []
    });
  });

  it("[I2] has what features add, and goes on where one fails", async () => {
    const stub = desk("features");
    await runInDurableObject(stub, (agent) => {
      const list = {
        total: 1,
        first: [
          { id: "s", name: "mcp", url: "https://u:p4ss@mcp.example/sse?key=k3y#f", state: "ready", token: "t0ken" }
        ]
      };
      installCapability(agent, "told", () => ({
        name: "told",
        inspect: () => ({ mcpServers: list, agent: "forged" })
      }));
      installCapability(agent, "fails", () => ({
        name: "fails",
        inspect() {
          throw new Error("SELECT secret FROM t: SQLITE_ERROR");
        }
      }));
    });
    const report = await stub.inspect();
    expect(report.mcpServers?.first).toEqual([
      { id: "s", name: "mcp", url: "https://mcp.example/sse", state: "ready", token: "[redacted]" }
    ]);
    expect([report.agent, report.problems]).toEqual(["Desk", [{ feature: "fails", error: "A query failed" }]]);
  });

  it("[I3] writes nothing, on a database without tables too", async () => {
    const stub = desk("empty");
    expect((await stub.inspect()).tasks.schedules).toEqual({ total: 0, first: [] });
    const tables = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master").toArray()
    );
    expect(tables.filter(({ name }) => name.startsWith("cf_agents"))).toEqual([]);
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });

  it("[I4] is refused by a class that does not allow it, for whoever asks", async () => {
    const stub = env.Recorder.get(env.Recorder.idFromName("inspect disabled"));
    const error = await runInDurableObject(stub, (agent) => errorOf(() => agent.inspect()));
    expect(error.code).toBe("INSPECT_DISABLED");
    const connection = await connect(stub);
    expect(await connection.call("inspect")).toMatchObject({
      success: false,
      error: "This connection may not call inspect"
    });
  });
});

describe("a client that calls inspect", () => {
  it.each([
    ["a documented one", connect],
    ["one of the extensions", connectExtended]
  ])("[I5] (%s) is refused, whatever else it may do", async (name, open) => {
    const connection = await open(desk(`refused ${name}`), "_pk=a");
    expect(await connection.call("ping")).toMatchObject({ result: "pong" });
    expect(await connection.call("inspect")).toMatchObject({
      success: false,
      error: "This connection may not call inspect"
    });
  });

  it("[I5] gets the report where authorize allows it, until it does not any more", async () => {
    const stub = desk("operator");
    const connection = await connect(stub, "_pk=operator");
    expect(await connection.call("inspect", "ignored")).toMatchObject({
      success: true,
      result: { agent: "Desk", name: "operator" }
    });
    await runInDurableObject(stub, (agent) => void (agent.operators = []));
    expect(await connection.call("inspect")).toMatchObject({ success: false });
  });

  it("[I5] calls the program's own method where there is one that is callable", async () => {
    const stub = env.OwnDesk.get(env.OwnDesk.idFromName("own"));
    expect(await (await connect(stub)).call("inspect")).toMatchObject({ result: "mine" });
  });
});
