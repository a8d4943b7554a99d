import { describe, expect, it } from "vitest";
import { withStorage } from "../test/kit";
import { WorkBench, type BenchOptions } from "../test/work-bench";
import type { QueueOptions } from "./queue";

const bench = (run: (bench: WorkBench) => unknown, options?: BenchOptions) =>
  withStorage(async (test) => void (await run(new WorkBench(test, options))));
const minute = 60_000;
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const thrown = () => Promise.reject(new Error("thrown"));

describe("[Q1] the queue", () => {
  it("calls the methods soon, in order, with the payload and the item, and forgets what ran", () =>
    bench(
      async (b) => {
        const id = b.queue.add("note", { a: 1 });
        b.queue.add("other", undefined);
        expect(b.calls).toEqual([]);
        expect(b.queue.get(id)).toEqual({ id, callback: "note", payload: { a: 1 }, created_at: b.at(0) / 1_000 });
        await b.settle();
        expect(b.calls.map(([method, payload]) => [method, payload])).toEqual([
          ["note", { a: 1 }],
          ["other", undefined]
        ]);
        expect(b.tasks[0]).toEqual({ id, callback: "note", payload: { a: 1 }, created_at: b.at(0) / 1_000 });
        expect([b.queue.get(id), b.alarmMs, b.typesOf("queue")]).toEqual([
          undefined,
          undefined,
          ["queue:create", "queue:create"]
        ]);
      },
      { methods: { other: () => {} } }
    ));

  it("keeps its order over batches, one at a time", () =>
    bench(async (b) => {
      let running = 0;
      b.methods.note = async () => {
        expect(++running).toBe(1);
        await null;
        running--;
      };
      for (const n of upTo(450)) b.queue.add("note", n);
      await b.settle();
      expect(b.payloads).toEqual(upTo(450));
    }));

  it("takes what its own methods queue, after what was there before", () =>
    bench(async (b) => {
      b.methods.note = (n: number) => void (n < 3 && b.queue.add("note", n + 10));
      for (const n of upTo(5)) b.queue.add("note", n);
      await b.settle();
      expect(b.payloads).toEqual([0, 1, 2, 3, 4, 10, 11, 12]);
    }));

  it("has an alarm while it works, and none after", () =>
    bench(async (b) => {
      let end = () => {};
      b.methods.note = () => new Promise<void>((resolve) => (end = resolve));
      b.queue.add("note", 1);
      expect(b.alarmMs).toBe(b.at(10_000));
      b.queue.add("note", 2);
      await b.pass(5_000);
      expect(b.alarmMs).toBe(b.at(10_000));
      end();
      await b.settle();
      end();
      await b.settle();
      expect([b.payloads, b.alarmMs, b.life.meta.wakes()]).toEqual([[1, 2], undefined, []]);
    }));
});

describe("[Q2] items", () => {
  it("are found by their id and by what their payload has", () =>
    bench((b) => {
      const first = b.queue.add("note", { user: "a", n: 1 }, { retry: { maxAttempts: 2 } });
      b.queue.add("note", { user: "b" });
      b.queue.add("note", null);
      b.queue.add("note", "user");
      const last = b.queue.add("note", { user: "a", n: 2 });
      expect(b.queue.find("user", "a").map(({ id }) => id)).toEqual([first, last]);
      expect([b.queue.find("n", 1).length, b.queue.find("x", "a"), b.queue.get("x")]).toEqual([1, [], undefined]);
      expect(b.queue.get(first)?.retry).toEqual({ maxAttempts: 2 });
    }));

  it("that are removed do not run, one, those of a method, or all", () =>
    bench(
      async (b) => {
        b.queue.remove("nothing there");
        const id = b.queue.add("note", 1);
        for (const n of [2, 3]) b.queue.add("other", n);
        b.queue.add("note", 4);
        b.queue.remove(id);
        b.queue.removeByCallback("other");
        await b.settle();
        expect(b.payloads).toEqual([4]);
        for (const n of [5, 6]) b.queue.add("note", n);
        b.queue.removeAll();
        await b.pass(minute);
        expect([b.payloads, b.alarmMs]).toEqual([[4], undefined]);
      },
      { methods: { other: () => {} } }
    ));

  it("are not started when one before them has removed them", () =>
    bench(
      async (b) => {
        b.methods.remove = () => b.queue.removeByCallback("note");
        b.queue.add("remove", 1);
        for (const n of [2, 3]) b.queue.add("note", n);
        await b.settle();
        expect(b.payloads).toEqual([1]);
      },
      { methods: { remove: () => {} } }
    ));

  it("that run go on when they are removed, and are not tried again", () =>
    bench(async (b) => {
      b.methods.note = () => {
        b.queue.removeAll();
        throw new Error("thrown");
      };
      b.queue.add("note", 1);
      await b.pass(minute);
      expect([b.payloads, b.errors.map(String), b.life.dead.list()]).toEqual([[1], ["Error: thrown"], []]);
    }));

  it("that wait behind one that is removed come next", () =>
    bench(
      async (b) => {
        const id = b.queue.add("fail", 1, { retry: { baseDelayMs: 1_000 } });
        b.queue.add("note", 2);
        await b.pass(1);
        b.queue.remove(id);
        await b.pass(0);
        expect([b.payloads, b.times]).toEqual([
          [1, 2],
          [0, 1]
        ]);
      },
      { methods: { fail: thrown } }
    ));
});

describe("[Q3] an item that fails", () => {
  const failOnce = (b: WorkBench) => {
    b.methods.fail = () => (b.calls.filter(([method]) => method === "fail").length === 1 ? thrown() : undefined);
  };

  it("is tried again at its place: nobody passes it", () =>
    bench(
      async (b) => {
        failOnce(b);
        b.queue.add("note", 0);
        b.queue.add("fail", 1);
        b.queue.add("note", 2);
        await b.pass(99);
        expect([b.payloads, b.alarmMs]).toEqual([[0, 1], b.at(100)]);
        await b.pass(1);
        expect([b.payloads, b.times]).toEqual([
          [0, 1, 1, 2],
          [0, 0, 100, 100]
        ]);
      },
      { methods: { fail: thrown } }
    ));

  it("is passed by others with `ordered: false`", () =>
    bench(
      async (b) => {
        failOnce(b);
        b.queue.add("fail", 1, { ordered: false });
        b.queue.add("note", 2);
        await b.pass(100);
        expect([b.payloads, b.times]).toEqual([
          [1, 2, 1],
          [0, 0, 100]
        ]);
      },
      { methods: { fail: thrown } }
    ));

  it("as often as it may is removed, told of, and kept with the dead letters; the next one runs", () =>
    bench(
      async (b) => {
        const id = b.queue.add("fail", { a: 1 }, { retry: { maxAttempts: 2 } });
        b.queue.add("note", 2);
        await b.pass(minute);
        expect([b.payloads, b.queue.get(id), b.errors.map(String)]).toEqual([
          [{ a: 1 }, { a: 1 }, 2],
          undefined,
          ["Error: thrown"]
        ]);
        expect(b.events.slice(2)).toEqual([
          ["queue:retry", { callback: "fail", id, attempt: 2, maxAttempts: 2 }],
          ["queue:error", { callback: "fail", id, error: "thrown", attempts: 2 }]
        ]);
        const kept = { id, source: "queue", callback: "fail", payload: { a: 1 }, error: "thrown", attempts: 2 };
        expect(b.life.dead.list()).toEqual([{ ...kept, failedAtMs: b.at(100) }]);
      },
      { methods: { fail: thrown } }
    ));

  it("comes back from the dead letters as the last of its queue, with all its attempts", () =>
    bench(
      async (b) => {
        const id = b.queue.add("fail", 1, { retry: { maxAttempts: 2 }, queue: "q", concurrency: 2 });
        await b.pass(minute);
        b.methods.fail = () => (b.calls.length === 3 ? thrown() : undefined);
        expect(b.life.dead.retry(id, (row) => b.queue.revive(row))).toBe(true);
        expect(b.queue.get(id)).toMatchObject({ id, payload: 1, retry: { maxAttempts: 2 } });
        await b.pass(minute);
        expect([b.payloads, b.queue.find("a", 1), b.life.dead.list()]).toEqual([[1, 1, 1, 1], [], []]);
        expect(b.life.dead.remove(id)).toBe(false);
      },
      { methods: { fail: thrown } }
    ));
});

describe("[Q4] queues", () => {
  it("with names do not wait for each other", () =>
    bench(
      async (b) => {
        b.methods.slow = () => new Promise(() => {});
        b.queue.add("slow", 1, { queue: "a" });
        b.queue.add("note", 2, { queue: "a" });
        b.queue.add("note", 3, { queue: "b" });
        b.queue.add("note", 4);
        await b.settle();
        expect(b.payloads).toEqual([1, 3, 4]);
        b.queue.add("note", 5, { queue: "b", delaySeconds: 30 });
        await b.pass(minute);
        expect([b.payloads, b.times.at(-1)]).toEqual([[1, 3, 4, 5], 30_000]);
      },
      { methods: { slow: () => {} } }
    ));

  it("run as many items at once as the items say", () =>
    bench(
      async (b) => {
        const ends: (() => void)[] = [];
        b.methods.slow = () => new Promise<void>((resolve) => ends.push(resolve));
        for (const n of upTo(5)) b.queue.add("slow", n, { concurrency: 3 });
        await b.settle();
        expect(b.payloads).toEqual([0, 1, 2]);
        ends[1]!();
        await b.settle();
        expect(b.payloads).toEqual([0, 1, 2, 3]);
        for (const end of ends) end();
        await b.settle();
        expect(b.payloads).toEqual(upTo(5));
      },
      { methods: { slow: () => {} } }
    ));
});

describe("[Q5] a delayed item", () => {
  it.each<[string, (b: WorkBench) => QueueOptions]>([
    ["after some seconds", () => ({ delaySeconds: 1.5 })],
    ["at a time", (b) => ({ availableAt: new Date(b.at(1_500)) })]
  ])("%s takes its place then, and keeps nobody waiting before", (_title, options) =>
    bench(async (b) => {
      b.queue.add("note", "late", options(b));
      b.queue.add("note", "now");
      await b.pass(1_499);
      expect([b.payloads, b.alarmMs]).toEqual([["now"], b.at(1_500)]);
      await b.pass(1);
      expect(b.payloads).toEqual(["now", "late"]);
    })
  );

  it("starts at its time although another one of another queue runs for long", () =>
    bench(
      async (b) => {
        b.methods.slow = () => new Promise(() => {});
        b.queue.add("note", "late", { queue: "b", delaySeconds: 100 });
        b.queue.add("slow", 1, { queue: "a" });
        await b.pass(3 * minute);
        expect([b.payloads, b.times]).toEqual([
          [1, "late"],
          [0, 100_000]
        ]);
      },
      { methods: { slow: () => {} } }
    ));

  it("is tried again at its time although an item of another queue runs for long", () =>
    bench(
      async (b) => {
        b.methods.slow = () => new Promise(() => {});
        b.methods.note = () => thrown();
        b.queue.add("slow", 1, { queue: "a" });
        b.queue.add("note", "b", { queue: "b" });
        await b.pass(20 * minute);
        const times = b.times.slice(1);
        expect([b.payloads, times.length]).toEqual([[1, "b", "b", "b"], 3]);
        expect(times.at(-1)).toBeLessThan(1_000);
      },
      { methods: { slow: () => {} } }
    ));
});

describe("[Q6] the context", () => {
  it("is that of who queued it; what is in memory does not outlive the instance, the connection's id does", () =>
    bench(async (b) => {
      const entry = {};
      b.origin = { connection: "c1", entry };
      b.queue.add("note", 1);
      b.origin = { connection: undefined };
      b.queue.add("note", 2);
      await b.settle();
      b.origin = { connection: "c2", entry };
      b.queue.add("note", 3);
      b.kill();
      b.wake();
      await b.settle();
      expect(b.origins).toEqual([
        { connection: "c1", entry },
        { connection: undefined, entry: undefined },
        { connection: "c2", entry: undefined }
      ]);
      expect(b.origins[0]!.entry).toBe(entry);
    }));
});

describe("[Q7] a method that a release has removed", () => {
  it("parks its items until a start that finds it, and keeps nobody else waiting", () =>
    bench(
      async (b) => {
        b.queue.add("gone", 1);
        b.queue.add("note", 2);
        delete b.methods.gone;
        await b.settle();
        expect([b.payloads, b.typesOf("queue:parked"), b.errors]).toMatchObject([
          [2],
          ["queue:parked"],
          [{ code: "CALLBACK_UNKNOWN" }]
        ]);
        b.kill();
        b.wake();
        await b.settle();
        expect(b.payloads).toEqual([2]);
        b.methods.gone = () => {};
        b.kill();
        b.wake();
        await b.settle();
        expect([b.payloads, b.queue.find("a", 1)]).toEqual([[2, 1], []]);
      },
      { methods: { gone: () => {} } }
    ));
});

describe("[Q8] what was queued", () => {
  it("runs after any wake, without another call", () =>
    bench(async (b) => {
      for (const n of upTo(3)) b.queue.add("note", n);
      b.kill();
      await b.settle();
      expect(b.payloads).toEqual([]);
      b.wake();
      await b.settle();
      expect(b.payloads).toEqual([0, 1, 2]);
    }));

  it("runs by the alarm if nothing else wakes the instance", () =>
    bench(async (b) => {
      b.queue.add("note", 1, { queue: "q" });
      b.kill();
      await b.pass(10_000);
      expect([b.payloads, b.times]).toEqual([[1], [10_000]]);
    }));

  it("and has run for so long that the alarm looks after it less and less often runs after any wake, too", () =>
    bench(
      async (b) => {
        b.methods.slow = () => new Promise(() => {});
        b.queue.add("slow", 1);
        b.queue.add("note", 2);
        await b.pass(15 * minute);
        b.methods.slow = () => {};
        b.kill();
        b.wake();
        await b.settle();
        expect([b.payloads, b.times]).toEqual([
          [1, 1, 2],
          [0, 15 * minute, 15 * minute]
        ]);
      },
      { methods: { slow: () => {} } }
    ));

  it("while another one has run for long, and that one is removed, runs after any wake, too", () =>
    bench(
      async (b) => {
        b.methods.slow = () => new Promise(() => {});
        const id = b.queue.add("slow", 1, { queue: "q" });
        await b.pass(15 * minute);
        b.queue.remove(id);
        b.queue.add("note", 2);
        b.kill();
        b.wake();
        await b.settle();
        expect(b.payloads).toEqual([1, 2]);
      },
      { methods: { slow: () => {} } }
    ));

  it("and is ended in the middle of each of its attempts is given up, and what is behind it goes on", () =>
    bench(
      async (b) => {
        b.methods.slow = () => new Promise(() => {});
        const id = b.queue.add("slow", 1);
        b.queue.add("note", 2);
        for (const _ of upTo(3)) {
          await b.settle();
          b.kill();
          b.wake();
        }
        await b.settle();
        expect(b.payloads).toEqual([1, 1, 1, 2]);
        expect(b.life.dead.list()).toMatchObject([{ id, attempts: 3, error: expect.stringContaining("ended during") }]);
      },
      { methods: { slow: () => {} } }
    ));
});

describe("[Q9] items of an older release", () => {
  it("run before ours, in the order in which they were written; one that cannot be read hides no other", () =>
    bench(async (b) => {
      b.storage.sql.exec(`CREATE TABLE cf_agents_queues (id TEXT PRIMARY KEY NOT NULL, payload TEXT, callback TEXT,
        created_at INTEGER DEFAULT (unixepoch()), retry_options TEXT)`);
      b.storage.sql.exec(`INSERT INTO cf_agents_queues (id, payload, callback, created_at, retry_options) VALUES
        ('z', '{"n":1}', 'note', 9, '{"maxAttempts":7}'), ('a', '{"n":2}', 'note', 9, NULL), ('b', '{', 'note', 9, '{'),
        ('c', '"last"', 'note', 9, '{"maxAttempts":0}')`);
      b.kill();
      expect(b.queue.find("n", 2).map(({ id }) => id)).toEqual(["a"]);
      expect(b.queue.get("b")).toEqual({ id: "b", callback: "note", payload: "{", created_at: 9, retry: "{" });
      b.queue.add("note", "ours");
      b.wake();
      await b.pass(minute);
      expect(b.payloads).toEqual([{ n: 1 }, { n: 2 }, "last", "ours"]);
      expect(b.life.dead.list()).toMatchObject([{ id: "b", payload: "{", attempts: 3 }]);
    }));
});

describe("[Q10] bad input", () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  it.each<[string, unknown, unknown, unknown, string, string]>([
    ["an unknown method", "missing", 1, {}, "CALLBACK_UNKNOWN", "this.missing is not a function. Pass the name"],
    ["a function", () => {}, 1, {}, "CALLBACK_UNKNOWN", "Pass the name of a method"],
    ["a payload with a circle", "note", circular, {}, "PAYLOAD_NOT_SERIALIZABLE", "Pass plain data"],
    ["a bigint", "note", 1n, {}, "PAYLOAD_NOT_SERIALIZABLE", "Pass plain data"],
    ["a function as payload", "note", () => {}, {}, "PAYLOAD_NOT_SERIALIZABLE", "it is a function"],
    ["too much", "note", "x".repeat(2_000_000), {}, "PAYLOAD_TOO_LARGE", "2000002 bytes of JSON; the limit is 2000000"],
    ["too much in UTF-8", "note", "é".repeat(1_000_000), {}, "PAYLOAD_TOO_LARGE", "Store it with this.sql"],
    [
      "no attempts",
      "note",
      1,
      { retry: { maxAttempts: 0 } },
      "RETRY_OPTIONS_INVALID",
      "retry.maxAttempts must be >= 1"
    ],
    ["a negative delay", "note", 1, { delaySeconds: -1 }, "QUEUE_OPTIONS_INVALID", "between 0 and 10 years; got -1"],
    ["no number of seconds", "note", 1, { delaySeconds: NaN }, "QUEUE_OPTIONS_INVALID", "got NaN"],
    ["a timestamp", "note", 1, { delaySeconds: 1.7e12 }, "QUEUE_OPTIONS_INVALID", "between 0 and 10 years"],
    ["an invalid Date", "note", 1, { availableAt: new Date("x") }, "QUEUE_OPTIONS_INVALID", "a valid Date"],
    ["two times", "note", 1, { availableAt: new Date(), delaySeconds: 1 }, "QUEUE_OPTIONS_INVALID", "pass one of them"],
    ["no concurrency", "note", 1, { concurrency: 0 }, "QUEUE_OPTIONS_INVALID", "an integer >= 1; got 0"],
    ["half a concurrency", "note", 1, { concurrency: 1.5 }, "QUEUE_OPTIONS_INVALID", "an integer >= 1; got 1.5"],
    ["a queue without a text", "note", 1, { queue: 7 }, "QUEUE_OPTIONS_INVALID", "the name of a queue; got 7"]
  ])("is refused: %s", (_title, callback, payload, options, code, message) =>
    bench((b) => {
      const add = () => b.queue.add(callback, payload, options as QueueOptions);
      expect(add).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
      expect([b.queue.find("a", 1), b.alarmMs, b.events]).toEqual([[], undefined, []]);
      expect(b.life.meta.version("queue")).toBe(0);
    })
  );

  it("is not the largest payload, which also fits into the dead letters", () =>
    bench(async (b) => {
      b.methods.note = () => Promise.reject(new Error("é".repeat(10_000)));
      const payload = "x".repeat(1_999_998);
      b.queue.add("note", payload, { retry: { maxAttempts: 1 } });
      await b.pass(minute);
      const [letter] = b.life.dead.list();
      expect([letter?.payload === payload, letter?.error.length]).toEqual([true, 4_000]);
    }));
});
