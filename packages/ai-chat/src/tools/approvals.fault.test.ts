import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { fault } from "../../../agents/src/test/fault";
import { evict, type TestConnection } from "../../../agents/src/test/kit";
import { payer, stored } from "../test/chat-kit";
import { append, done, extended } from "../test/extended-kit";
import { callsIn } from "../test/payer-kit";
import { unknownOutcomeText } from "../messages/cut-back";

afterEach(() => fault.reset());

interface Operation {
  prepare(name: string, a: TestConnection): Promise<void>;
  start(name: string, a: TestConnection): Promise<void> | void;
  /** How many turns it has. */
  turns: number;
}

const question = append("r1", "u1", "pay 5");
const asked = async (_: string, a: TestConnection) => {
  a.send(question);
  await done(a, "r1");
};
const idOf = async (name: string) => (await payer(name).asked())[0]!.id;
const decide = (a: TestConnection, id: string, approved: boolean, more: object = {}) =>
  a.send({ type: "rpc", id: "d", method: "decide", args: [id, { approved, ...more }] });

const ids = new Map<string, string>();
const operations: [string, Operation][] = [
  ["the turn in which a call is made", { prepare: async () => {}, start: (_, a) => a.send(question), turns: 1 }],
  [
    "a decision of a client",
    {
      prepare: asked,
      start: (_, a) =>
        a.send({ type: "cf_agent_tool_approval", toolCallId: "c1-5", approved: true, autoContinue: true }),
      turns: 1
    }
  ],
  [
    "a decision by a call",
    {
      prepare: async (name, a) => {
        await asked(name, a);
        ids.set(name, await idOf(name));
      },
      start: (name, a) => decide(a, ids.get(name)!, false),
      turns: 1
    }
  ],
  [
    "a turn in which a granted call is made",
    {
      prepare: async (name, a) => {
        await asked(name, a);
        decide(a, await idOf(name), true, { grant: true });
        await done(a);
        a.send({ type: "cf_agent_chat_clear" });
        await payer(name).forget();
      },
      start: (_, a) => a.send(append("r2", "u2", "pay 5")),
      turns: 2
    }
  ]
];

/** Calls and rows tell the same, whatever happened. */
async function agreement(name: string) {
  const [calls, rows] = [callsIn(await stored(payer(name))), await payer(name).asked()];
  for (const { state, errorText, approval } of calls) {
    if (state === "output-error") expect(errorText).toBe(unknownOutcomeText);
    // Cut before it was known that it takes an approval.
    if (!approval) continue;
    const { status } = rows.find(({ id }) => id === approval.id)!;
    if (state === "approval-requested") expect(status).toBe("pending");
    else if (state === "output-denied") expect(status).toBe("rejected");
    else expect(status).toBe("approved");
  }
  const waiting = calls.filter(({ state }) => state === "approval-requested").map(({ approval }) => approval!.id);
  expect(rows.filter(({ status }) => status === "pending").map(({ id }) => id)).toEqual(waiting);
  expect(calls.map(({ state }) => state)).not.toContain("approval-responded");
  return { calls, waiting, paid: await payer(name).paid() };
}

const crashes = [
  ["that keeps what was written", true],
  ["that loses what was not yet confirmed", false]
] as const;

describe.each(operations)("%s", (title, { prepare, start, turns }) => {
  it.each(crashes)("may be cut at any await by a crash %s", { timeout: 120_000 }, async (crash, sync) => {
    const counted = `${title} ${sync}`;
    const [first] = await extended(payer(counted));
    await prepare(counted, first);
    const points = await fault.count(async () => {
      await start(counted, first);
      for (let n = 0; n < turns; n++) await done(first);
      await first.settled();
    });
    expect(points).toBeGreaterThan(10);
    for (let n = 1; n <= points; n++) {
      const name = `${counted} ${n}`;
      const [a] = await extended(payer(name));
      await prepare(name, a);
      const context = await runInDurableObject(payer(name), (_, state) => state);
      const kill = () => context.abort(fault.reason);
      fault.stopAt(n, () => (sync ? context.storage.sync().then(kill) : kill()));
      await start(name, a);
      a.send({ type: "rpc", id: "barrier", method: "", args: [] });
      await a.closed;
      try {
        // Whoever wakes the agent first recovers it: its alarm, or a client.
        if (n % 2 === 0) await runDurableObjectAlarm(payer(name));
        const [b] = await extended(payer(name), "b");
        await payer(name).idle();
        const { waiting, paid } = await agreement(name);
        expect(paid.length).toBeLessThanOrEqual(1);
        for (const id of waiting) await b.call("decide", id, { approved: true });
        await payer(name).idle();
        const after = await agreement(name);
        expect(after.waiting).toEqual([]);
        if (waiting.length > 0) expect(after.paid).toEqual([5]);
        await evict(payer(name));
      } catch (error) {
        throw new Error(`point ${n} of ${points}: ${fault.stoppedAt}: ${(error as Error).message}`, { cause: error });
      }
    }
    console.log(`${title}, a crash ${crash}: ${points} points`);
  });
});
