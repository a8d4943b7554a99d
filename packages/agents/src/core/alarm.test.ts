import { runDurableObjectAlarm, runInDurableObject, env } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { TestClock } from "../test/clock";
import { evict, withStorage, type TestStorage } from "../test/kit";
import { Alarms, type Waker } from "./alarm";

/** An alarm that is only written down, and wakers that want what the test says. */
function build(test: TestStorage, names: readonly string[] = ["a", "b"]) {
  const clock = new TestClock();
  const port = {
    set: vi.fn<(atMs: number) => void>(),
    clear: vi.fn<() => void>(),
    now: () => clock.nowMs,
    wait: (delayMs: number, signal: AbortSignal) => clock.wait(delayMs, signal)
  };
  const alarms = new Alarms(test.meta(), port);
  const wants: Record<string, number | undefined> = {};
  const wakers = names.map((name) => {
    const waker = {
      name,
      isVolatile: name === "memory",
      nextWake: vi.fn<() => number | undefined>(() => wants[name]),
      onWake: vi.fn<NonNullable<Waker["onWake"]>>(() => void delete wants[name])
    };
    alarms.add(waker);
    return waker;
  });
  const want = (name: string, atMs: number | undefined) => {
    wants[name] = atMs;
    alarms.changed(name);
  };
  const errors: unknown[] = [];
  const ring = (nowMs: number) => alarms.ring(nowMs, (error) => void errors.push(error));
  return { clock, alarms, port, wakers, want, ring, errors, set: () => port.set.mock.calls.flat() };
}

describe("[C9] the alarm", () => {
  it("is set for the earliest wake, and moves only when that moves", () =>
    withStorage((test) => {
      const { want, set, port } = build(test);
      want("a", 100);
      want("b", 200);
      want("b", 50);
      want("a", 70);
      want("b", 60);
      expect([set(), port.clear.mock.calls.length]).toEqual([[100, 50, 60], 0]);
    }));

  it("is not touched when nothing changed", () =>
    withStorage((test) => {
      const { want, set } = build(test);
      want("a", 100);
      want("a", 100);
      expect(set()).toEqual([100]);
    }));

  it("moves to the next reason when the earliest goes, and is cleared when there is none", () =>
    withStorage((test) => {
      const { want, set, port } = build(test);
      want("a", 100);
      want("b", 200);
      want("a", undefined);
      expect(set()).toEqual([100, 200]);
      want("b", undefined);
      expect(port.clear).toHaveBeenCalledOnce();
    }));

  it("is none at a time that is none", () =>
    withStorage((test) => {
      const { want, set, port } = build(test, ["a", "memory"]);
      for (const [name, never] of [
        ["a", Infinity],
        ["memory", Infinity],
        ["a", NaN]
      ] as const) {
        want(name, 100);
        want(name, never);
      }
      expect([set(), port.clear.mock.calls.length]).toEqual([[100, 100, 100], 3]);
      expect(test.meta().wakes()).toEqual([]);
    }));

  it("can always be explained", () =>
    withStorage((test) => {
      const { want, alarms } = build(test);
      want("a", 200);
      want("b", 100);
      expect(alarms.reasons()).toEqual([
        { name: "b", atMs: 100 },
        { name: "a", atMs: 200 }
      ]);
      want("b", undefined);
      expect(build(test).alarms.reasons()).toEqual([{ name: "a", atMs: 200 }]);
    }));
});

describe("[C9] when the alarm rings", () => {
  it("those that are due work, the earliest first, and the next wake is set", () =>
    withStorage(async (test) => {
      const { want, ring, wakers, set } = build(test, ["a", "b", "c"]);
      want("a", 20);
      want("b", 10);
      want("c", 30);
      await ring(25);
      const order = wakers.map(({ onWake }) => onWake.mock.invocationCallOrder[0]);
      expect([order[1]! < order[0]!, order[2]]).toEqual([true, undefined]);
      expect(set().at(-1)).toBe(30);
    }));

  it("too early, nobody works and it is set again", () =>
    withStorage(async (test) => {
      const { want, ring, wakers, set } = build(test);
      want("a", 20);
      await ring(19);
      expect(wakers[0]!.onWake).not.toHaveBeenCalled();
      expect(set()).toEqual([20, 20]);
    }));

  it("and nothing is left, it is not set again", () =>
    withStorage(async (test) => {
      const { want, ring, set, alarms } = build(test);
      want("a", 20);
      await ring(20);
      expect([set(), alarms.reasons()]).toEqual([[20], []]);
    }));

  it("one that takes its time keeps nobody from work that becomes due meanwhile", () =>
    withStorage(async (test) => {
      const { clock, want, wakers, ring, set } = build(test);
      let end = () => {};
      wakers[0]!.onWake.mockImplementationOnce(() => new Promise<void>((resolve) => (end = resolve)));
      want("a", 10);
      clock.nowMs = 10;
      const rung = ring(10);
      want("b", 20);
      await clock.advance(9);
      expect(wakers[1]!.onWake).not.toHaveBeenCalled();
      await clock.advance(1);
      expect(wakers[1]!.onWake.mock.calls).toEqual([[20]]);
      want("a", 50);
      end();
      await rung;
      expect(set().at(-1)).toBe(50);
    }));

  it("no more, it is set again at a start that finds it overdue", () =>
    withStorage(async (test) => {
      const first = build(test);
      first.want("a", 10_000);
      const { clock, alarms, set } = build(test);
      clock.nowMs = 12_000;
      alarms.restore();
      expect(set()).toEqual([]);
      clock.nowMs = 12_001;
      alarms.restore();
      expect(set()).toEqual([12_001]);
      const third = build(test);
      third.clock.nowMs = 20_000;
      third.alarms.arrived();
      third.alarms.restore();
      expect(third.set()).toEqual([]);
    }));

  it("and nobody had asked for it, whoever can look at its tables says when to wake", () =>
    withStorage(async (test) => {
      const { alarms, want, wakers, ring } = build(test);
      want("a", 100);
      alarms.add({ ...wakers[1]!, onStrayAlarm: () => 10 });
      await ring(20);
      expect([wakers[0]!.onWake.mock.calls, wakers[1]!.onWake.mock.calls]).toEqual([[], [[20]]]);
    }));

  it("one that fails is reported, and keeps nobody from work", () =>
    withStorage(async (test) => {
      const { want, ring, wakers, errors } = build(test);
      const error = new Error("a fails");
      wakers[0]!.onWake.mockRejectedValueOnce(error);
      want("a", 10);
      want("b", 20);
      await ring(30);
      expect([errors, wakers[1]!.onWake.mock.calls]).toEqual([[error], [[30]]]);
    }));

  it("one whose next wake cannot be told keeps nobody from work, and is asked again", () =>
    withStorage(async (test) => {
      const { want, ring, wakers, errors, set } = build(test);
      want("a", 10);
      want("b", 20);
      wakers[0]!.nextWake.mockImplementationOnce(() => {
        throw new Error("a does not know");
      });
      await ring(30);
      expect([errors.length, wakers[1]!.onWake.mock.calls.length, set().at(-1)]).toEqual([1, 1, 1_030]);
    }));

  it("and what failed is still due, it rings again after pauses that grow", () =>
    withStorage(async (test) => {
      const { want, ring, wakers, set } = build(test);
      wakers[0]!.onWake.mockRejectedValue(new Error("always"));
      want("a", 0);
      for (let n = 0; n < 8; n++) await ring(100_000);
      expect(set().map((atMs) => atMs - 100_000)).toEqual([
        -100_000, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000
      ]);
    }));

  it("and all goes well after a failure, the pauses start anew", () =>
    withStorage(async (test) => {
      const { want, ring, wakers, set } = build(test);
      wakers[0]!.onWake.mockRejectedValueOnce(new Error("first"));
      want("a", 0);
      await ring(100_000);
      await ring(101_000);
      want("a", 0);
      wakers[0]!.onWake.mockRejectedValueOnce(new Error("second"));
      await ring(200_000);
      expect(set().at(-1)).toBe(201_000);
    }));

  it("a wake that is asked for meanwhile is set", () =>
    withStorage(async (test) => {
      const { want, ring, wakers, set } = build(test);
      wakers[0]!.onWake.mockImplementationOnce(() => want("b", 40));
      want("a", 10);
      await ring(10);
      // `a` is still due by what it says: its mock did not delete the wish.
      want("a", undefined);
      expect(set().at(-1)).toBe(40);
    }));
});

describe("[C9] a wake of an agent", () => {
  const starter = (name: string) => env.Starter.get(env.Starter.idFromName(name));
  const alarmOf = (stub: ReturnType<typeof starter>) =>
    runInDurableObject(stub, (_, { storage }) => storage.getAlarm());

  it("is kept through an eviction, and rings for real", async () => {
    const stub = starter("kept");
    const atMs = Date.now() + 3_600_000;
    await stub.ringAt(atMs);
    await evict(stub);
    expect(await alarmOf(stub)).toBe(atMs);
    await runDurableObjectAlarm(stub);
    // It rang before its time: the reason still stands.
    expect(await alarmOf(stub)).toBe(atMs);
    await stub.ringAt(undefined);
    expect(await alarmOf(stub)).toBe(null);
  });

  it("that is due rings by itself", async () => {
    const stub = starter("by-itself");
    await stub.ringAt(Date.now());
    await vi.waitFor(async () => expect(await stub.history()).toContain("rung true"));
    expect(await alarmOf(stub)).toBe(null);
  });
});

describe("[C9] a wake that is only in memory", () => {
  it("shares the alarm, is a reason, and is not stored", () =>
    withStorage((test) => {
      const { want, alarms, set, port } = build(test, ["a", "memory"]);
      want("a", 200);
      want("memory", 100);
      expect([set(), alarms.reasons()[0]]).toEqual([[200, 100], { name: "memory", atMs: 100 }]);
      expect(build(test).alarms.reasons()).toEqual([{ name: "a", atMs: 200 }]);
      want("memory", undefined);
      expect([set().at(-1), port.clear.mock.calls.length]).toEqual([200, 0]);
    }));

  it("works when it is due, and is asked again", () =>
    withStorage(async (test) => {
      const { want, ring, wakers, set } = build(test, ["memory"]);
      wakers[0]!.onWake.mockImplementationOnce(() => want("memory", 300));
      want("memory", 100);
      await ring(150);
      expect([wakers[0]!.onWake.mock.calls, set().at(-1)]).toEqual([[[150]], 300]);
    }));
});

describe("[C25] the last alarm", () => {
  it("stays, whatever anybody wants, and no more work is done", () =>
    withStorage(async (test) => {
      const { want, alarms, ring, wakers, set, port } = build(test);
      wakers[0]!.onWake.mockImplementationOnce(() => alarms.end(50));
      want("a", 10);
      want("b", 20);
      await ring(30);
      want("b", 5);
      want("a", undefined);
      want("b", undefined);
      expect(wakers[1]!.onWake).not.toHaveBeenCalled();
      expect([set(), port.clear.mock.calls.length]).toEqual([[10, 50], 0]);
    }));

  it("is set again when it rings too early for the instance to be gone", () =>
    withStorage((test) => {
      const { alarms, set } = build(test);
      alarms.end(50);
      alarms.again(60);
      expect(set()).toEqual([50, 1_060]);
    }));
});
