import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { ReminderAgent } from "../test/documented-work";
import { connect, errorOf, evict, withStorage, type TestConnection } from "../test/kit";
import { WorkBench, type BenchOptions } from "../test/work-bench";

// What the page "Queue tasks" says.

const agentNamed = (name: string) => env.ReminderAgent.get(env.ReminderAgent.idFromName(name));
type Stub = ReturnType<typeof agentNamed>;

/** Runs in the instance, once it has started. */
async function inside<Result>(stub: Stub, run: (agent: ReminderAgent) => Result | Promise<Result>): Promise<Result> {
  await stub.tell("started", null);
  return runInDurableObject(stub, (agent) => run(agent));
}

const bench = (run: (bench: WorkBench) => unknown, options?: BenchOptions) =>
  withStorage(async (test) => void (await run(new WorkBench(test, options))));
const minute = 60_000;
const thrown = () => Promise.reject(new Error("thrown"));

/** The values of the next messages of a type. */
async function values(connection: TestConnection, type: string, count: number): Promise<unknown[]> {
  const found: unknown[] = [];
  while (found.length < count) found.push((await connection.next<{ value: unknown }>(type)).value);
  return found;
}

describe("a queued task", () => {
  // proves queue-tasks#queue, queue-tasks#queue-returns, queue-tasks#automatic, queue-tasks#signature
  // proves queue-tasks#queue-example, queue-tasks#removed, queue-tasks#id
  // proves agents-api#queue, agent-class-internals#queue, agent-class-internals#queue-in-sequence
  it("runs after whoever queued it, by itself, with its item, and is removed", async () => {
    const stub = agentNamed("runs");
    const connection = await connect(stub);
    for (const subject of ["one", "two"]) connection.send(subject);
    const told: Record<string, unknown[]> = { queued: [], email: [] };
    while (told.email!.length < 2) {
      const { type, value } = await connection.next<{ type: string; value: unknown }>(({ type }) => type in told);
      told[type]!.push(value);
    }
    const { queued, email } = told as { queued: string[]; email: unknown[] };
    expect(email).toEqual([
      { subject: "one", id: queued[0] },
      { subject: "two", id: queued[1] }
    ]);
    expect(await inside(stub, (agent) => agent.getQueues("email", "user@example.com"))).toEqual([]);
  });

  // proves queue-tasks#context, queue-tasks#state, queue-tasks#database, get-current-agent#in-queue
  it("has the context of who queued it, the state and the database", async () => {
    const stub = agentNamed("context");
    const connection = await connect(stub, "_pk=c1");
    const ids = await inside(stub, async (agent) => {
      agent.onMessage = async () => agent.tell("id", await agent.queue("work", "by a message"));
      return agent.queue("work", "by nobody");
    });
    const first = (await values(connection, "worked", 1))[0];
    const seen = { answer: 42, agent: true, url: null };
    expect(first).toEqual({ ...seen, payload: "by nobody", id: ids, state: { done: 1 }, connection: null });
    connection.send("go");
    expect(await values(connection, "worked", 1)).toMatchObject([
      { ...seen, payload: "by a message", state: { done: 2 }, connection: "c1" }
    ]);
    await inside(stub, (agent) => {
      agent.onRequest = async () => new Response(await agent.queue("work", "by a request"));
    });
    await (await stub.fetch("http://test/some/path")).text();
    expect(await values(connection, "worked", 1)).toMatchObject([
      { payload: "by a request", connection: null, url: "http://test/some/path" }
    ]);
  });

  // proves queue-tasks#table, queue-tasks#fifo, queue-tasks#two-tables, agent-class-internals#queue-table
  it("is a row until it ran, and survives the instance", async () => {
    const stub = agentNamed("survives");
    const rows = (table: string) =>
      runInDurableObject(stub, (_, { storage }) =>
        storage.sql.exec(`SELECT callback, payload FROM ${table} ORDER BY rowid`).toArray()
      );
    await inside(stub, async (agent) => {
      await agent.queue("hang");
      await agent.queue("work", { n: 1 });
      await agent.schedule(60, "work", "elsewhere");
    });
    expect(await rows("cf_agents_queues")).toEqual([
      { callback: "hang", payload: null },
      { callback: "work", payload: '{"n":1}' }
    ]);
    expect(await rows("cf_agents_schedules")).toEqual([{ callback: "work", payload: '"elsewhere"' }]);
    await stub.release();
    const connection = await connect(stub);
    await inside(stub, (agent) => agent.queue("work", "last", { delaySeconds: 3_600 }));
    await evict(stub);
    expect(await rows("cf_agents_queues")).toMatchObject([{ payload: '"last"' }]);
    expect(await inside(stub, (agent) => agent.state)).toEqual({ done: 1 });
    connection.close();
  });

  // proves queue-tasks#validation
  it("needs a method that exists", async () => {
    const stub = agentNamed("unknown");
    const error = await errorOf(() => inside(stub, (agent) => agent.queue("missing" as never, { n: 1 })));
    expect(error).toMatchObject({
      code: "CALLBACK_UNKNOWN",
      message: expect.stringContaining("this.missing is not a")
    });
    expect(await inside(stub, (agent) => agent.getQueues("n", 1))).toEqual([]);
  });

  // proves queue-tasks#method-gone
  it("whose method a release has removed is told of and passed over", () =>
    bench(
      async (b) => {
        b.queue.add("gone", 1);
        b.queue.add("note", 2);
        delete b.methods.gone;
        await b.pass(minute);
        expect([b.payloads, b.errors]).toMatchObject([
          [2],
          [{ code: "CALLBACK_UNKNOWN", message: expect.stringContaining("this.gone is not a function any more") }]
        ]);
      },
      { methods: { gone: () => {} } }
    ));

  // proves queue-tasks#schedule
  it("can be queued by a scheduled method", async () => {
    const stub = agentNamed("by a schedule");
    const connection = await connect(stub);
    await inside(stub, (agent) => agent.schedule(0, "enqueueLater", "scheduled"));
    expect(await values(connection, "email", 1)).toMatchObject([{ subject: "scheduled" }]);
  });
});

describe("the order", () => {
  // proves queue-tasks#order, queue-tasks#sequential
  it("is that in which tasks were queued, one after another, also within one second", () =>
    bench(
      async (b) => {
        let running = 0;
        b.methods.slow = async () => {
          expect(++running).toBe(1);
          await b.clock.wait(100, new AbortController().signal);
          running--;
        };
        for (let n = 0; n < 5; n++) b.queue.add("slow", n);
        await b.pass(minute);
        expect([b.payloads, b.times]).toEqual([
          [0, 1, 2, 3, 4],
          [0, 100, 200, 300, 400]
        ]);
      },
      { methods: { slow: () => {} } }
    ));
});

describe("tasks that wait", () => {
  /** Nothing runs: the first one hangs. */
  const waiting = async (agent: ReminderAgent) => {
    const hanging = await agent.queue("hang");
    const ids: string[] = [];
    for (const [userId, callback] of [
      ["1", "work"],
      ["2", "work"],
      ["1", "processEmail"]
    ] as const)
      ids.push(await agent.queue(callback, { userId, list: [1, { a: null }] }));
    return { hanging, ids };
  };

  // proves queue-tasks#getQueue, queue-tasks#getQueue-none, queue-tasks#getQueue-parsed, queue-tasks#payload
  // proves queue-tasks#callback, queue-tasks#created_at, agents-api#getQueue, agent-class-internals#getQueue
  it("are found by their id, at once, with their payload parsed", async () => {
    await inside(agentNamed("get"), async (agent) => {
      const beforeSeconds = Math.floor(Date.now() / 1_000);
      const { ids } = await waiting(agent);
      const item = agent.getQueue(ids[0]!);
      const created_at = expect.any(Number);
      expect(item).toEqual({
        id: ids[0],
        callback: "work",
        payload: { userId: "1", list: [1, { a: null }] },
        created_at
      });
      expect(item!.created_at - beforeSeconds).toBeGreaterThanOrEqual(0);
      expect(item!.created_at - beforeSeconds).toBeLessThan(10);
      expect(agent.getQueue("nothing")).toBe(undefined);
    });
  });

  // proves queue-tasks#getQueues, agent-class-internals#getQueues
  it("are found by what is in their payload, at once", async () => {
    await inside(agentNamed("find"), async (agent) => {
      const { ids } = await waiting(agent);
      const found = (key: string, value: string) => agent.getQueues(key, value).map(({ id }) => id);
      expect([found("userId", "1"), found("userId", "3"), found("x", "1")]).toEqual([[ids[0], ids[2]], [], []]);
    });
  });

  // proves queue-tasks#dequeue, agents-api#dequeue, agent-class-internals#dequeue
  it("are removed one by one, at once", async () => {
    await inside(agentNamed("dequeue"), async (agent) => {
      const { ids } = await waiting(agent);
      expect(agent.dequeue(ids[1]!)).toBe(undefined);
      agent.dequeue("nothing");
      expect(ids.map((id) => agent.getQueue(id) !== undefined)).toEqual([true, false, true]);
    });
  });

  // proves queue-tasks#dequeueAllByCallback, agent-class-internals#dequeueAllByCallback
  it("are removed by their method, at once, and do not run", async () => {
    const stub = agentNamed("dequeue by callback");
    const connection = await connect(stub);
    await inside(stub, async (agent) => {
      const { ids } = await waiting(agent);
      expect(agent.dequeueAllByCallback("work")).toBe(undefined);
      expect(ids.map((id) => agent.getQueue(id) !== undefined)).toEqual([false, false, true]);
    });
    await stub.release();
    await connection.next("email");
    expect(await inside(stub, (agent) => agent.state)).toEqual({ done: 0 });
  });

  // proves queue-tasks#dequeueAll, agents-api#dequeueAll, agent-class-internals#dequeueAll
  it("are removed all together, at once", async () => {
    await inside(agentNamed("dequeue all"), async (agent) => {
      const { hanging, ids } = await waiting(agent);
      expect(agent.dequeueAll()).toBe(undefined);
      expect([hanging, ...ids].map((id) => agent.getQueue(id))).toEqual(Array(4).fill(undefined));
    });
  });
});

describe("the patterns of the page", () => {
  // proves queue-tasks#background
  it("an answer does not wait for the work", async () => {
    const stub = agentNamed("background");
    await inside(stub, (agent) => agent.queue("hang"));
    const connection = await connect(stub);
    await stub.release();
    expect(await values(connection, "hung", 1)).toEqual(["over"]);
  });

  // proves queue-tasks#batches
  it("a large request is done in batches, in order", async () => {
    const stub = agentNamed("batches");
    const connection = await connect(stub);
    const items = Array.from({ length: 25 }, (_, n) => n);
    await stub.onLargeRequest(items);
    expect(await values(connection, "batch", 3)).toEqual(["batch-1", "batch-2", "batch-3"]);
  });

  // proves queue-tasks#requeue
  it("a failed task is queued again, so often", async () => {
    const stub = agentNamed("requeue");
    const connection = await connect(stub);
    await inside(stub, async (agent) => {
      await agent.queue("reliableTask", { retryCount: 0 });
    });
    await values(connection, "task failed", 4);
    await inside(stub, (agent) => agent.queue("processEmail", { subject: "end" }));
    await connection.next("email");
    expect((await connection.settled()).filter((frame) => (frame as { type?: string }).type === "task failed")).toEqual(
      []
    );
  });
});

describe("retry options", () => {
  // proves retries#queue, queue-tasks#retry, retries#queue-fails, retries#head-of-line
  it("say how often a task is tried, and nobody passes it; then it is removed and told of", () =>
    bench(
      async (b) => {
        const id = b.queue.add("fail", 1, { retry: { maxAttempts: 4, baseDelayMs: 500, maxDelayMs: 5_000 } });
        b.queue.add("note", 2);
        await b.pass(minute);
        expect([b.payloads, b.times]).toEqual([
          [1, 1, 1, 1, 2],
          [0, 500, 1_500, 3_500, 3_500]
        ]);
        expect([b.queue.get(id), b.errors.map(String)]).toEqual([undefined, ["Error: thrown"]]);
      },
      { methods: { fail: thrown }, random: () => 0.5 }
    ));

  // proves retries#queue-defaults
  it("are three attempts by default", () =>
    bench(
      async (b) => {
        b.queue.add("fail", 1);
        await b.pass(minute);
        expect(b.times).toEqual([0, 100, 300]);
      },
      { methods: { fail: thrown }, random: () => 0.5 }
    ));

  // proves retries#queue-validation
  it.each([
    ["retry.maxAttempts must be >= 1", { maxAttempts: 0 }],
    ["retry.baseDelayMs must be > 0", { baseDelayMs: -100 }],
    ["retry.maxAttempts must be an integer", { maxAttempts: 2.5 }],
    ["retry.baseDelayMs must be <= retry.maxDelayMs", { baseDelayMs: 5_000 }]
  ])("that are invalid are refused at once: %s", (message, retry) =>
    bench((b) => {
      const add = () => b.queue.add("note", { n: 1 }, { retry });
      expect(add).toThrow(
        expect.objectContaining({ code: "RETRY_OPTIONS_INVALID", message: expect.stringContaining(message) })
      );
      expect(b.queue.find("n", 1)).toEqual([]);
    })
  );
});
