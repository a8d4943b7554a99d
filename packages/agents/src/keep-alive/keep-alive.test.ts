import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { costOf } from "../test/kit";
import { KeepAlive } from "./keep-alive";

function build() {
  const clock = { nowMs: 1_000_500 };
  const held: Promise<void>[] = [];
  const settled: number[] = [];
  const changed = vi.fn<() => void>();
  const keepAlive = new KeepAlive({
    now: () => clock.nowMs,
    hold: (promise) => {
      const index = held.push(promise) - 1;
      void promise.then(() => settled.push(index));
    },
    changed
  });
  return { keepAlive, clock, held, settled, changed };
}

describe("[K1] a heartbeat", () => {
  it("is due every 30 s until it is ended, and wants nothing but an event", () => {
    const { keepAlive, clock } = build();
    expect(keepAlive.nextWake()).toBeUndefined();
    const dispose = keepAlive.begin();
    expect(keepAlive.nextWake()).toBe(1_030_500);
    clock.nowMs = 1_031_000;
    keepAlive.onWake(clock.nowMs);
    expect(keepAlive.nextWake()).toBe(1_061_000);
    dispose();
    expect(keepAlive.nextWake()).toBeUndefined();
  });

  it("holds a promise that settles when it is ended, once", async () => {
    const { keepAlive, held, settled, changed } = build();
    const [first, second] = [keepAlive.begin(), keepAlive.begin()];
    await Promise.resolve();
    expect([held.length, settled]).toEqual([2, []]);
    second();
    second();
    await held[1];
    expect([settled, keepAlive.entries().length, changed.mock.calls.length]).toEqual([[1], 1, 3]);
    first();
    await held[0];
    expect([settled, keepAlive.entries()]).toEqual([[1, 0], []]);
  });

  it("does not move another one", () => {
    const { keepAlive, clock } = build();
    keepAlive.begin();
    clock.nowMs += 20_000;
    keepAlive.begin();
    keepAlive.onWake(1_030_500);
    expect(keepAlive.entries().map(({ time }) => time)).toEqual([1_060, 1_050]);
  });
});

describe("[K2] what is listed", () => {
  it("has the fields of an interval, in seconds, and can be ended by its id", () => {
    const { keepAlive } = build();
    keepAlive.begin();
    const [entry] = keepAlive.entries();
    expect(entry).toEqual({ id: entry!.id, callback: "keepAlive", time: 1_030, intervalSeconds: 30 });
    expect([keepAlive.end(entry!.id), keepAlive.end(entry!.id), keepAlive.entries()]).toEqual([true, false, []]);
  });
});

describe("[K3] an agent", () => {
  const mortal = (name: string) => env.Mortal.get(env.Mortal.idFromName(name));
  const alarmOf = (stub: ReturnType<typeof mortal>) => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());

  // proves agents-api#keepAlive
  it("has an alarm while it is kept alive, and can say why", async () => {
    const stub = mortal("kept");
    const { alarm, holds } = await stub.stayAwake();
    expect([alarm, holds]).toEqual([
      [{ name: "keep-alive", atMs: expect.any(Number) }],
      [{ name: "keep-alive", id: expect.any(String), sinceMs: alarm[0]!.atMs - 30_000 }]
    ]);
    expect(await alarmOf(stub)).toBe(alarm[0]!.atMs);
    expect(await stub.rest()).toEqual({ alarm: [], holds: [] });
    expect(await alarmOf(stub)).toBe(null);
  });

  it("writes no row for it", async () => {
    const stub = mortal("free");
    await stub.during(false);
    const { statements } = await costOf(stub, () => stub.during(false));
    expect(statements).toEqual(["setAlarm", "deleteAlarm"]);
  });

  it.each([
    [false, "done"],
    [true, "Error: failed inside"]
  ])("is kept alive while a function runs, also one that fails: %s", async (fails, result) => {
    const after = { alarm: [], holds: [] };
    expect(await mortal(`during ${fails}`).during(fails)).toEqual({ inside: 1, result, after });
  });
});
