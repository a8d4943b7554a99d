import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { Connection } from "../index";
import { connect, costOf, errorOf, evict, withStorage, type TestStorage } from "../test/kit";
import { State, stateSchema, type StateDeps } from "./state";

const stored = ({ storage }: TestStorage): string | undefined => {
  const [table] = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'cf_agents_state'").toArray();
  if (!table) return undefined;
  return storage.sql
    .exec<{ state: string }>("SELECT state FROM cf_agents_state WHERE id = 'cf_state_row_id'")
    .toArray()[0]?.state;
};
/** A state on real storage, whose surroundings write down what they are asked. */
function build(test: TestStorage, deps: Partial<StateDeps> = {}) {
  const log: unknown[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]) =>
      void log.push([name, ...args.filter((arg) => typeof arg !== "object")]);
  const state = new State({
    schema: test.schema("state", stateSchema),
    initial: () => ({ n: 0 }),
    validate: note("validate"),
    broadcast: note("broadcast"),
    changed: note("changed"),
    failed: (error) => void log.push(["failed", (error as Error).message]),
    ...deps
  });
  return { state, log };
}
const circular: { self?: unknown } = {};
circular.self = circular;

describe("[S1] a new state", () => {
  // proves store-and-sync-state#setState, store-and-sync-state#setState-saves, store-and-sync-state#setState-notifies
  // proves store-and-sync-state#validate-before, store-and-sync-state#validate-synchronous
  it("is validated, stored, remembered, sent, and only then told of", () =>
    withStorage((test) => {
      const steps: unknown[] = [];
      const look = (step: string) => () => void steps.push([step, stored(test), state.value]);
      const { state } = build(test, {
        initial: () => undefined,
        validate: look("validate"),
        broadcast: look("broadcast"),
        changed: look("changed")
      });
      state.set({ n: 1 }, "server");
      const after = ['{"n":1}', { n: 1 }];
      expect(steps).toEqual([
        ["validate", undefined, undefined],
        ["broadcast", ...after],
        ["changed", ...after]
      ]);
    }));

  // proves store-and-sync-state#validate-before, store-and-sync-state#validate-throws
  it("that is refused by its validation changes nothing", () =>
    withStorage((test) => {
      const { state, log } = build(test, {
        validate: () => {
          throw new Error("no");
        }
      });
      expect(state.value).toEqual({ n: 0 });
      expect(() => state.set({ n: 1 }, "server")).toThrow("no");
      // The program's own reason comes first, even for what could not be stored anyway.
      expect(() => state.set(undefined, "server")).toThrow("no");
      expect([state.value, stored(test), log]).toEqual([{ n: 0 }, '{"n":0}', []]);
    }));

  // proves store-and-sync-state#circular
  it.each([
    ["too large", { text: "x".repeat(2_000_000) }, "STATE_TOO_LARGE"],
    ["too large in bytes, though not in characters", "ü".repeat(1_000_000), "STATE_TOO_LARGE"],
    ["undefined", undefined, "STATE_NOT_SERIALIZABLE"],
    ["a function", () => {}, "STATE_NOT_SERIALIZABLE"],
    ["a symbol", Symbol("s"), "STATE_NOT_SERIALIZABLE"],
    ["a bigint", { n: 1n }, "STATE_NOT_SERIALIZABLE"],
    ["circular", circular, "STATE_NOT_SERIALIZABLE"]
  ])("[S2] that is %s is refused, and changes nothing on disk nor in memory", (_name, next, code) =>
    withStorage((test) => {
      const { state, log } = build(test);
      state.set({ n: 1 }, "server");
      log.length = 0;
      expect(() => state.set(next, "server")).toThrow(expect.objectContaining({ name: "AgentError", code }));
      expect([state.value, stored(test), log.filter(([name]: any) => name !== "validate")]).toEqual([
        { n: 1 },
        '{"n":1}',
        []
      ]);
    })
  );

  it("[S2] of exactly the limit is stored", () =>
    withStorage((test) => {
      const text = "x".repeat(2_000_000 - 2);
      build(test).state.set(text, "server");
      expect(build(test).state.value).toBe(text);
    }));

  it("that cannot be written to disk is not remembered, nor sent", () =>
    withStorage((test) => {
      const { state, log } = build(test);
      state.set({ n: 1 }, "server");
      test.storage.sql.exec(
        "CREATE TRIGGER full BEFORE UPDATE ON cf_agents_state BEGIN SELECT RAISE(ABORT, 'disk full'); END"
      );
      log.length = 0;
      expect(() => state.set({ n: 2 }, "server")).toThrow("disk full");
      expect([state.value, stored(test), log]).toEqual([{ n: 1 }, '{"n":1}', [["validate", "server"]]]);
    }));

  // proves store-and-sync-state#setState-notifies
  it("[S3] stays, though its notification throws", () =>
    withStorage((test) => {
      const { state, log } = build(test, {
        changed: () => {
          throw new Error("side effect");
        }
      });
      state.set({ n: 1 }, "server");
      expect([stored(test), log.at(-1)]).toEqual(['{"n":1}', ["failed", "side effect"]]);
    }));

  // proves store-and-sync-state#json
  it.each([null, 0, "", false, [], "text", { nested: [{ a: null }] }])(
    "may be %j, and is the same after a wake",
    (next) =>
      withStorage((test) => {
        build(test).state.set(next, "server");
        expect(build(test).state.value).toEqual(next);
      })
  );
});

describe("[S4] the initial state", () => {
  // proves agent-class-internals#initialState, agent-class-internals#state-lazy, agents-api#initialState
  // proves store-and-sync-state#initialState, store-and-sync-state#lazily, store-and-sync-state#new
  // proves store-and-sync-state#existing
  it("is stored at the first look, and not asked for again", () =>
    withStorage((test) => {
      const initial = vi.fn(() => ({ n: 7 }));
      const { state } = build(test, { initial });
      expect([state.value, state.value, stored(test)]).toEqual([{ n: 7 }, { n: 7 }, '{"n":7}']);
      expect(build(test, { initial }).state.value).toEqual({ n: 7 });
      expect(initial).toHaveBeenCalledOnce();
    }));

  // proves store-and-sync-state#undefined
  it("that is undefined leaves no row and no table, and is not sent", () =>
    withStorage((test) => {
      const { state, log } = build(test, { initial: () => undefined });
      state.onConnect({} as Connection);
      expect([state.value, stored(test), log]).toEqual([undefined, undefined, []]);
    }));

  it("is not the object of the class, which all instances may share", () =>
    withStorage((test) => {
      const shared = { n: 0 };
      const { state } = build(test, { initial: () => shared });
      expect(state.value).not.toBe(shared);
    }));

  it("is sent to nobody when it is stored", () =>
    withStorage((test) => {
      const { state, log } = build(test);
      expect([state.value, log]).toEqual([{ n: 0 }, []]);
    }));
});

describe("[S5] the state of an older release", () => {
  const older = ({ storage }: TestStorage) => {
    storage.sql.exec("CREATE TABLE cf_agents_state (id TEXT PRIMARY KEY NOT NULL, state TEXT)");
    const rows = [
      ["cf_state_row_id", '{"n":41}'],
      ["cf_state_was_changed", "true"],
      ["cf_schema_version", "5"]
    ];
    for (const row of rows) storage.sql.exec("INSERT INTO cf_agents_state VALUES (?, ?)", ...row);
  };

  it("is read, and its other rows are left alone", () =>
    withStorage((test) => {
      older(test);
      const { state } = build(test);
      expect(state.value).toEqual({ n: 41 });
      state.set({ n: 42 }, "server");
      expect(test.storage.sql.exec("SELECT id, state FROM cf_agents_state ORDER BY id").toArray()).toEqual([
        { id: "cf_schema_version", state: "5" },
        { id: "cf_state_row_id", state: '{"n":42}' },
        { id: "cf_state_was_changed", state: "true" }
      ]);
    }));

  it("that was never set is the initial one", () =>
    withStorage((test) => {
      test.storage.sql.exec("CREATE TABLE cf_agents_state (id TEXT PRIMARY KEY NOT NULL, state TEXT)");
      expect(build(test).state.value).toEqual({ n: 0 });
    }));

  const damage = ({ storage }: TestStorage, text: string | null) =>
    storage.sql.exec("UPDATE cf_agents_state SET state = ? WHERE id = 'cf_state_row_id'", text);

  it.each(["{half", ""])("that is no JSON (%j) is reported, and kept until the initial one is replaced", (text) =>
    withStorage((test) => {
      older(test);
      damage(test, text);
      const { state, log } = build(test);
      expect([state.value, stored(test)]).toEqual([{ n: 0 }, text]);
      expect(log).toEqual([["failed", expect.stringContaining("cf_agents_state is not JSON")]]);
      state.set({ n: 1 }, "server");
      expect(stored(test)).toBe('{"n":1}');
    })
  );

  it("that is NULL is the initial one", () =>
    withStorage((test) => {
      older(test);
      damage(test, null);
      const { state, log } = build(test);
      expect([state.value, log, stored(test)]).toEqual([{ n: 0 }, [], '{"n":0}']);
    }));
});

describe("[S6] setState of an agent", () => {
  const recorder = (name: string) => env.Recorder.get(env.Recorder.idFromName(`state-${name}`));
  const state = (n: number) => ({ type: "cf_agent_state", state: { n } });
  const told = (stub: ReturnType<typeof recorder>) =>
    runInDurableObject(stub, ({ seen }) =>
      seen.filter(({ event }) => event === "state" || event === "error").map(({ detail }) => detail)
    );

  // proves agent-class-internals#onStateChanged, agent-class-internals#state-frame, agents-api#onStateChanged
  // proves agents-api#client-setState, client-sdk#setState-onStateChanged, client-sdk#setState-broadcast
  // proves store-and-sync-state#synchronized, store-and-sync-state#bidirectional
  // proves store-and-sync-state#setState-broadcasts, store-and-sync-state#onStateChanged
  // proves store-and-sync-state#source-connection, routing#shared-instance
  it("by a client goes to everyone but this client, with it as the source, also after an eviction", async () => {
    const stub = recorder("source");
    const [a, b, silent] = await Promise.all([
      connect(stub, "_pk=a"),
      connect(stub, "_pk=b"),
      connect(stub, "_pk=s&silent")
    ]);
    for (const each of [a, b, silent]) await each.settled();
    for (const n of [1, 2]) {
      await evict(stub);
      a.send(state(n));
      expect([await a.settled(), await b.settled(), await silent.settled()]).toEqual([[], [state(n)], []]);
      expect(await told(stub)).toEqual([[n, "a"]]);
    }
  });

  it("by a client that has two connections of one id reaches the other one", async () => {
    const stub = recorder("twins");
    const [one, two] = await Promise.all([connect(stub, "_pk=same"), connect(stub, "_pk=same")]);
    for (const each of [one, two]) await each.settled();
    one.send(state(3));
    expect([await one.settled(), await two.settled()]).toEqual([[], [state(3)]]);
  });

  // proves agent-class-internals#onStateChanged, agent-class-internals#state-frame, agents-api#onStateChanged
  // proves store-and-sync-state#synchronized, store-and-sync-state#bidirectional, store-and-sync-state#onStateChanged
  // proves store-and-sync-state#source-server
  it("by a stub goes to everyone, with the server as the source", async () => {
    const stub = recorder("stub");
    const connection = await connect(stub);
    await connection.settled();
    await stub.setState({ n: 4 });
    expect(await connection.settled()).toEqual([state(4)]);
    expect(await told(stub)).toEqual([[4, "server"]]);
  });

  it("by a stub that is refused reaches the caller with its code, and onError once", async () => {
    const stub = recorder("refused");
    expect((await errorOf(() => stub.setState({ n: -1 }))).message).toBe("negative");
    expect(await errorOf(() => stub.setState({ n: 1, text: "x".repeat(2_000_000) } as { n: number }))).toMatchObject({
      code: "STATE_TOO_LARGE"
    });
    expect([await stub.plain(), (await told(stub)).length]).toEqual([0, 2]);
  });

  it("whose onStateChanged throws is stored and sent, and the error goes to onError", async () => {
    const stub = recorder("thirteen");
    const connection = await connect(stub, "_pk=a");
    await connection.settled();
    expect(await connection.call("set", 13)).toMatchObject({ result: 13 });
    expect(await told(stub)).toEqual([[13, "server"], "a: Error: thrown in onStateChanged"]);
    await evict(stub);
    expect(await stub.plain()).toBe(13);
  });

  it("whose asynchronous onStateChanged rejects is stored, and the error goes to onError", async () => {
    const stub = recorder("fourteen");
    await stub.setState({ n: 14 });
    await vi.waitFor(async () =>
      expect(await told(stub)).toEqual([[14, "server"], "Error: rejected in onStateChanged"])
    );
  });

  it("whose onStateChanged returns something is no error", async () => {
    const stub = recorder("fifteen");
    await stub.setState({ n: 15 });
    expect(await told(stub)).toEqual([[15, "server"]]);
  });

  // proves store-and-sync-state#optimistic-confirmed
  it("in onStateChanged is sent after the one that caused it, and wins", async () => {
    const stub = recorder("hundred");
    const connection = await connect(stub, "_pk=a");
    await connection.settled();
    connection.send(state(100));
    expect(await connection.settled()).toEqual([state(101)]);
    expect(await told(stub)).toEqual([
      [100, "a"],
      [101, "server"]
    ]);
    await evict(stub);
    expect(await stub.plain()).toBe(101);
  });

  it("by a read-only connection is refused, wherever the call goes: directly, after an await, in a timer", async () => {
    const stub = recorder("readonly");
    const connection = await connect(stub, "readonly");
    for (const method of ["set", "setLater", "setInTimer"]) {
      expect(await connection.call(method, 9), method).toMatchObject({
        success: false,
        error: "Connection is readonly"
      });
    }
    connection.send(state(9));
    await connection.next("cf_agent_state_error");
    expect(await stub.plain()).toBe(0);
  });

  // proves store-and-sync-state#persistent
  it("survives an eviction without a write of its own", async () => {
    const stub = recorder("kept");
    await stub.setState({ n: 5 });
    await evict(stub);
    const cost = await costOf(stub, async () => expect(await stub.plain()).toBe(5));
    expect(cost.rowsWritten).toBe(0);
  });
});
