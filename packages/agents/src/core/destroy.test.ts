import { env, runInDurableObject } from "cloudflare:test";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { getAgentByName } from "../index";
import { subscribe } from "../observability/index";
import { fault } from "../test/fault";
import { connect, errorOf, metaOf } from "../test/kit";
import { Mortal } from "../test/mortal-agents";

afterEach(() => fault.reset());

/** The names of those whose end was told to observers. */
const destroyed: string[] = [];
const stop = subscribe("lifecycle", ({ type, name }) => {
  if (type === "destroy") destroyed.push(name);
});
afterAll(stop);

/** A stub of an instance that was aborted is broken: each look needs a new one. */
const mortal = (name: string) => env.Mortal.get(env.Mortal.idFromName(name));

/** All that an instance has stored. Waits until the destroyed one is out of memory. */
const stored = (name: string) =>
  vi.waitFor(() =>
    runInDurableObject(mortal(name), async (_, { storage }) => {
      const tables = storage.sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .toArray();
      const keys = [...storage.kv.list()].map(([key]) => key);
      if (metaOf(storage)?.destroyed) throw new Error("still dying");
      return {
        tables: tables.map((table) => table.name).filter((table) => table !== "_cf_KV"),
        keys,
        meta: metaOf(storage),
        alarm: await storage.getAlarm()
      };
    })
  );
const nothing = { tables: [], keys: [], meta: undefined, alarm: null };

/** Until the alarm has rung by itself. Asked for again and again: what waits for an event of an object would run inside it. */
async function rings(name: string, how: "die" | "dieAndGoOn") {
  const before = destroyed.length;
  await mortal(name).dieWhenItRings(Date.now(), how);
  await vi.waitFor(() => expect(destroyed.slice(before)).toEqual([name]));
}

/** How many callbacks came to their end, although they had destroyed their agent. */
async function goesOn(run: () => Promise<unknown>) {
  const before = Mortal.finished;
  await run();
  await vi.waitFor(() => expect(Mortal.finished).toBeGreaterThan(before));
  return Mortal.finished - before;
}

const ways: [string, (name: string) => Promise<unknown>, unknown][] = [
  ["a call of a stub", (name) => mortal(name).die(), "gone"],
  ["destroy() of a stub", (name) => mortal(name).destroy() as Promise<unknown>, undefined],
  ["two calls at once", (name) => mortal(name).dieTwice(), "gone"],
  ["a request", async (name) => (await mortal(name).fetch("http://test/die")).text(), "answered"],
  [
    "a message",
    async (name) => {
      const connection = await connect(mortal(name));
      connection.send("die");
      return connection.closed;
    },
    { code: 1001, reason: "The agent was destroyed" }
  ],
  ["a callback that then goes on", (name) => goesOn(() => mortal(name).dieAndGoOn() as Promise<unknown>), 1],
  ["an alarm", (name) => rings(name, "die"), undefined],
  ["a callback of an alarm that then goes on", (name) => goesOn(() => rings(name, "dieAndGoOn")), 1],
  ["a method beside a loop that never ends", (name) => mortal(name).dieBesideALoop() as Promise<unknown>, undefined]
];

describe("[C25] destroy", () => {
  // proves agent-class-internals#destroy, agent-class-internals#destroy-deferred
  // proves agent-class-internals#destroy-in-schedule
  it.each(ways)("in %s lets it end, and leaves nothing", async (name, die, expected) => {
    await mortal(name).live(1);
    const starts = Mortal.starts;
    expect(await die(name)).toEqual(expected);
    expect(await stored(name)).toEqual(nothing);
    // Nobody asked for a new instance.
    expect(Mortal.starts - starts).toBe(0);
  });

  it("in onStart leaves nothing, refuses who waited for the start, and is over then", async () => {
    const error = await errorOf(() => getAgentByName(env.Mortal, "on start", { props: { die: true } }));
    expect(error.code).toBe("AGENT_DESTROYED");
    expect(await stored("on start")).toEqual(nothing);
    expect(await mortal("on start").n).toBe(0);
  });

  it("after the program has deleted all that is stored leaves nothing, too", async () => {
    await mortal("emptied").live(1);
    await runInDurableObject(mortal("emptied"), (_, { storage }) => storage.deleteAll());
    expect(await mortal("emptied").die()).toBe("gone");
    expect(await stored("emptied")).toEqual(nothing);
  });

  it("leaves a name that leads to a new instance", async () => {
    await mortal("again").live(7);
    await mortal("again").die();
    await stored("again");
    const connection = await connect(mortal("again"));
    expect(await connection.settled()).toMatchObject([{ name: "again" }, { state: { n: 0 } }, {}]);
    const again = await getAgentByName(env.Mortal, "again");
    await again.live(8);
    expect(await again.n).toBe(8);
  });

  it("closes all connections, whoever asked for it", async () => {
    const name = "connected";
    const [caller, other] = [await connect(mortal(name)), await connect(mortal(name))];
    caller.send({ type: "rpc", id: "x", method: "end", args: [] });
    const closed = { code: 1001, reason: "The agent was destroyed" };
    expect(await Promise.all([caller.closed, other.closed])).toEqual([closed, closed]);
  });

  it("is told to observers once", async () => {
    await mortal("observed").dieTwice();
    expect(destroyed.filter((name) => name === "observed")).toEqual(["observed"]);
  });
});

describe("[C26] while it is being destroyed", () => {
  const dying = async (name: string) => {
    const stub = mortal(name);
    await stub.live(1);
    const agent = await runInDurableObject(stub, async (instance) => {
      void instance.linger();
      await instance.destroy();
      return instance;
    });
    return { stub, agent };
  };

  it("nobody is let in", async () => {
    const { stub, agent } = await dying("refuses");
    const starts = Mortal.starts;
    const refused = [
      await errorOf(() => stub.live(2)),
      await errorOf(() => stub.n),
      await errorOf(() => stub.fetch("http://test/")),
      await errorOf(() => connect(stub))
    ];
    expect(refused.map(({ code }) => code)).toEqual(Array(4).fill("AGENT_DESTROYED"));
    expect(agent.errors).toEqual([]);
    await runInDurableObject(stub, () => agent.release());
    expect([await stored("refuses"), Mortal.starts - starts]).toEqual([nothing, 0]);
  });

  it("what is inside goes on, and nothing of what it writes stays", async () => {
    const { stub, agent } = await dying("goes on");
    await runInDurableObject(stub, () => agent.release());
    await vi.waitFor(() => expect(agent.errors).toEqual(["wrote 5"]));
    expect(await stored("goes on")).toEqual(nothing);
  });
});

const crashes = [
  ["that keeps what was written", true],
  ["that loses what was not yet confirmed", false]
] as const;

/** Whether it succeeds or not. */
async function ended(run: () => PromiseLike<unknown>): Promise<void> {
  try {
    await run();
  } catch {
    // It was killed.
  }
}

describe("[C27] killed", () => {
  it.each(crashes)("at any await, by a crash %s, it is whole or gone", async (crash, sync) => {
    const name = (n: number | string) => `killed ${sync} ${n}`;
    const prepare = async (n: number | string) => {
      await mortal(name(n)).live(1);
      return runInDurableObject(mortal(name(n)), (_, context) => context);
    };
    await prepare("counted");
    const points = await fault.count(() => mortal(name("counted")).die());
    const left: string[] = [];
    for (let n = 1; n <= points; n++) {
      const context = await prepare(n);
      const kill = () => context.abort(fault.reason);
      fault.stopAt(n, () => (sync ? context.storage.sync().then(kill) : kill()));
      await ended(() => mortal(name(n)).die());
      const place = `point ${n} of ${points}: ${fault.stoppedAt}`;
      // Whoever comes next finds one or the other.
      const after = await stored(name(n));
      if (after.keys.length > 0)
        expect(after, place).toMatchObject({ keys: ["mine"], meta: { versions: { state: 2 } } });
      else expect(after, place).toEqual(nothing);
      expect(await mortal(name(n)).n, place).toBe(after.keys.length > 0 ? 1 : 0);
      left.push(after.keys.length > 0 ? "whole" : "gone");
    }
    console.log(`destroy, a crash ${crash}: ${left.join(", ")}`);
    expect(points).toBeGreaterThan(0);
  });

  it("after it was certain, it is finished by the alarm, and nobody is made", async () => {
    const stub = mortal("interrupted");
    await stub.live(1);
    await ended(() =>
      runInDurableObject(stub, async (agent, context) => {
        void agent.linger();
        await agent.destroy();
        context.abort();
      })
    );
    const [starts, built] = [Mortal.starts, Mortal.built.length];
    // By nobody but the alarm: whoever looked at the instance would make it do so itself.
    await vi.waitFor(() => expect(Mortal.built.slice(built)).toEqual(["interrupted"]), { timeout: 10_000 });
    expect([await stored("interrupted"), Mortal.starts - starts]).toEqual([nothing, 0]);
  });
});
