import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { Awake } from "./work";

/** The time of some agents. */
export interface TestClock {
  /** In ms since the epoch. */
  readonly nowMs: number;
  /**
   * Lets time pass: whatever is scheduled for it runs, in the order of the times, one after another; what that schedules too.
   *
   * @param byMs how long, in ms
   * @returns resolves when all has run, and the alarms that it asked for are set
   */
  advance(byMs: number): Promise<void>;
  /** Gives the time back to the runtime. Alarms that were set meanwhile do not ring by themselves. */
  restore(): void;
}

/** Alarms of the runtime ring when they want. As long as a clock is controlled, they are set for a time that does not come. */
const farMs = 365 * 86_400_000;
/** An agent that rings so often at one moment does not get on. */
const mostRings = 1_000;

interface AlarmStorage {
  setAlarm(atMs: number | Date, options?: object): Promise<void>;
}

/**
 * Stops the time of agents: `Date`, in the test and in the agents, and their alarms. From then on it goes when the test says so.
 * Schedules, retries, delays of the queue and expiries follow it; `setTimeout` does not.
 *
 * @param agents stubs of the agents whose alarms ring
 * @param now when it begins; now, if left out
 * @example
 * const clock = await controlClock(agent);
 * await agent.remindMe("tomorrow at nine");
 * await clock.advance(86_400_000);
 * expect(await connection.next("reminder")).toMatchObject({ text: "…" });
 * clock.restore();
 */
export async function controlClock(
  agents: Awake | readonly Awake[],
  now: Date | number = Date.now()
): Promise<TestClock> {
  const clocked = Array.isArray(agents) ? (agents as readonly Awake[]) : [agents as Awake];
  if (clocked.length === 0) throw new Error("A clock is that of at least one agent");
  const realNowMs = Date.now();
  // Tests and agents share one isolate, and so the prototype of storage.
  const prototype = await runInDurableObject(
    clocked[0]!,
    (_, { storage }) => Object.getPrototypeOf(storage) as AlarmStorage
  );
  const { setAlarm } = prototype;
  prototype.setAlarm = function (this: AlarmStorage) {
    return setAlarm.call(this, realNowMs + farMs);
  };
  vi.useFakeTimers({ toFake: ["Date"], now });
  // Alarms that were set before would ring by themselves.
  for (const agent of clocked) {
    await runInDurableObject(agent, async (_, { storage }) => {
      if ((await storage.getAlarm()) !== null) await storage.setAlarm(0);
    });
  }
  return {
    get nowMs() {
      return Date.now();
    },
    async advance(byMs) {
      const untilMs = Date.now() + byMs;
      for (let rings = 0; ; rings++) {
        const next = await nextOf(clocked, untilMs);
        if (!next) break;
        if (next.atMs > Date.now()) {
          vi.setSystemTime(next.atMs);
          rings = 0;
        }
        if (rings > mostRings) throw new Error(`"${next.name}" is due at ${next.atMs}, and does not become less so`);
        await runDurableObjectAlarm(next.agent);
      }
      vi.setSystemTime(untilMs);
    },
    restore() {
      prototype.setAlarm = setAlarm;
      vi.useRealTimers();
    }
  };
}

/** Which agent is to be woken first, if that is before this time. */
async function nextOf(agents: readonly Awake[], untilMs: number) {
  const wakes = await Promise.all(
    agents.map(async (agent) => {
      const [first] = (await agent.whyAwake()).alarm;
      return first && { agent, name: first.name, atMs: first.atMs };
    })
  );
  return wakes
    .filter((wake) => wake !== undefined && wake.atMs <= untilMs)
    .reduce((first, wake) => (!first || wake!.atMs < first.atMs ? wake : first), undefined);
}
