import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { UIMessage } from "ai";
import { expect, it } from "vitest";
import { fault } from "../../../agents/src/test/fault";
import { cut, evict, logged } from "../../../agents/src/test/kit";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../../../agents/src/test/random";
import { payer, stored, user } from "../test/chat-kit";
import { append, extended, operation } from "../test/extended-kit";
import { callsIn, decision } from "../test/payer-kit";

/** What the row of a call may say, by the state of the call. */
const told: Record<string, readonly string[]> = {
  "approval-requested": ["pending"],
  "approval-responded": ["approved"],
  "output-available": ["approved"],
  "output-denied": ["rejected", "cancelled"],
  // Interrupted, closed before it ran, or declined.
  "output-error": ["approved", "rejected"]
};

/** A conversation in which people ask for payments and decide about them, and what happens to the agent meanwhile. */
async function simulate(random: Random) {
  const agent = () => payer(`converge ${random.seed}`);
  const [calls, asked] = [async () => callsIn(await stored(agent())), () => agent().asked()];
  let clients = [(await extended(agent(), "a"))[0], (await extended(agent(), "b"))[0]];
  let count = 0;
  const reconnect = async () => {
    clients = [(await extended(agent(), "a"))[0], (await extended(agent(), "b"))[0]];
  };
  const send = (frame: object) => random.pick(clients).send(frame);
  const idle = () => agent().idle();
  const decide = (id: string, choice: object) => send({ type: "rpc", id: "d", method: "decide", args: [id, choice] });
  const some = async () => {
    const all = await asked();
    return all.length > 0 ? random.pick(all).id : "none";
  };
  const wanted = () => `pay ${Array.from({ length: 1 + random.below(3) }, () => ++count).join(" ")}`;
  const op = (name: Parameters<typeof operation>[1], more: object = {}) =>
    send(operation(`r${random.seed}-${++count}`, name, more));
  const message = async () => {
    const all = await stored(agent());
    return all.length > 0 ? random.pick(all).id : "none";
  };
  const call = async () => {
    const all = await calls();
    return all.length > 0 ? random.pick(all).toolCallId : "none";
  };
  const acts: (() => unknown)[] = [
    () => send(append(`r${random.seed}-${++count}`, `u${count}`, wanted())),
    () => send(append(`r${random.seed}-${++count}`, `u${count}`, wanted())),
    async () => send(decision(await call(), random.chance(0.7), { autoContinue: random.chance(0.8) })),
    async () => send(decision(await call(), random.chance(0.7))),
    async () => {
      const toolCallId = await call();
      send({ type: "cf_agent_tool_result", toolCallId, toolName: "pay", state: "output-error", errorText: "no" });
    },
    async () => {
      const id = await some();
      const grant = random.chance(0.1) && { grant: { untilMs: Date.now() + 60_000 } };
      decide(id, grant ? { approved: true, ...grant } : { approved: random.chance(0.7) });
    },
    async () => {
      const [id, other] = [await some(), await some()];
      for (const each of [id, other, id]) decide(each, { approved: random.chance(0.5) });
    },
    async () => {
      const id = await some();
      if (random.chance(0.3)) send({ type: "rpc", id: "w", method: "withdraw", args: [id] });
    },
    async () => op("regenerate", random.chance(0.5) ? { messageId: await message() } : {}),
    async () => op("edit", { messageId: await message(), message: user(`e${++count}`, wanted()) as UIMessage }),
    async () => op("delete", { messageId: await message() }),
    () => op("continue"),
    () => random.chance(0.2) && op("clear"),
    () => send({ type: "cf_agent_chat_request_cancel", id: `r${random.seed}-${1 + random.below(count + 1)}` }),
    idle,
    async () => {
      await idle();
      await evict(agent());
    },
    async () => {
      await runInDurableObject(agent(), (_, state) => state.abort(fault.reason)).catch(() => {});
      await reconnect();
    }
  ];
  for (let step = 4 + random.below(7); step > 0; step--) {
    await random.pick(acts)();
    if (random.chance(0.4)) await random.pick(clients).settled();
  }
  for (const client of clients) await client.settled();
  // What a handler could not be told is told by the alarm.
  await runDurableObjectAlarm(agent());
  await idle();
  const rows = await asked();
  const [shown, paid] = [await calls(), await agent().paid()];
  const problems: string[] = [];
  for (const { state, toolCallId, approval } of shown.filter((each) => each.approval)) {
    const status = rows.find(({ id }) => id === approval.id)?.status;
    if (!told[state]?.includes(status ?? "missing")) problems.push(`${toolCallId} is ${state}, its row ${status}`);
  }
  for (const { id, status } of rows) {
    const isShown = shown.some(({ approval, state }) => approval?.id === id && state === "approval-requested");
    if (status === "pending" && !isShown) problems.push(`${id} is pending, and there is no such call`);
  }
  for (const amount of new Set(paid)) {
    const times = paid.filter((other) => other === amount).length;
    const approved = rows.filter(
      ({ args, status }) => status === "approved" && (args as { amount: number }).amount === amount
    ).length;
    if (times > approved) problems.push(`${amount} was paid ${times} times, and approved ${approved} times`);
  }
  // Thousands of agents would fill the memory.
  await cut(agent());
  return { problems, rows, paid };
}

it(
  `calls and their approvals agree, and nothing is paid that was not approved, whatever happens (${fuzzSeeds} seeds)`,
  async () => {
    const total: Record<string, number> = { pending: 0, approved: 0, rejected: 0, cancelled: 0, paid: 0 };
    await logged(() =>
      eachSeed(async (random) => {
        const { problems, rows, paid } = await simulate(random);
        expect(problems).toEqual([]);
        for (const { status } of rows) total[status]!++;
        total.paid! += paid.length;
      }, 10)
    );
    // A run in which nothing of this happened has shown nothing.
    if (fuzzSeeds >= 100) for (const n of Object.values(total)) expect(n).toBeGreaterThan(fuzzSeeds / 20);
  },
  fuzzTimeoutMs(240_000)
);
