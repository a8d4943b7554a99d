import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { UIMessage } from "ai";
import { afterEach, describe, expect, it } from "vitest";
import { fault } from "../../../agents/src/test/fault";
import { evict, type TestConnection } from "../../../agents/src/test/kit";
import { stored, user } from "../test/chat-kit";
import { append, done, extended, snapshot, sync } from "../test/extended-kit";
import { unknownOutcomeText } from "../messages/cut-back";

afterEach(() => fault.reset());

const chatter = (name: string) => env.Chatter.get(env.Chatter.idFromName(name));

/** A turn with a tool that has an effect, and words. */
const question = append("r1", "u1", "once");

const stateOf = (message: UIMessage | undefined) => {
  const part = message?.parts.find(({ type }) => type === "tool-server");
  return part && "state" in part ? part : undefined;
};

const words = (message: UIMessage | undefined): string =>
  message?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
const allWords = Array.from({ length: 3 }, (_, n) => `r1.${n} `).join("");

/** Whoever wakes the agent first recovers it: its alarm, or a client. */
async function afterCrash(name: string, byAlarm: boolean) {
  if (byAlarm) await runDurableObjectAlarm(chatter(name));
  const [client] = await extended(chatter(name), "c");
  await chatter(name).idle();
  client.send(sync());
  const { messages, turn } = await snapshot(client);
  expect(turn).toBeUndefined();
  expect(messages).toEqual(await stored(chatter(name)));
  const [recorded, ...others] = await chatter(name).getTurns();
  return { client, messages, recorded, others, effects: await chatter(name).effects() };
}

function check(policy: string, { messages, recorded, others, effects }: Awaited<ReturnType<typeof afterCrash>>): void {
  expect(others).toEqual([]);
  // Accepted together, or not at all.
  if (!recorded) return expect([messages, effects]).toEqual([[], 0]);
  const [asked, answer, ...more] = messages;
  expect([asked, more]).toEqual([user("u1", "once"), []]);
  const tool = stateOf(answer);
  if (policy === "resume") {
    expect([recorded.outcome, words(answer)]).toEqual(["completed", allWords]);
    expect(["output-available", "output-error"]).toContain(tool!.state);
    if (tool!.state === "output-error") expect(tool).toMatchObject({ errorText: unknownOutcomeText });
    // A tool is never run again of which anybody has heard.
    if (tool!.state === "output-available") expect(effects).toBe(1);
    else expect(effects).toBeLessThanOrEqual(1);
    return;
  }
  expect(["completed", "interrupted"]).toContain(recorded.outcome);
  expect([recorded.attempts, allWords.startsWith(words(answer)), effects <= 1]).toEqual([1, true, true]);
  if (recorded.outcome === "completed") expect(words(answer)).toBe(allWords);
}

/** The next question is answered as if nothing had been. */
async function goOn(name: string, client: TestConnection, before: number): Promise<void> {
  client.send(append("r9", "u9", "say 1"));
  expect(await done(client, "r9")).toMatchObject({ outcome: "completed" });
  expect(await stored(chatter(name))).toHaveLength(before + 2);
}

const crashes = [
  ["that keeps what was written", true],
  ["that loses what was not yet confirmed", false]
] as const;

describe.each(["resume", "ask", "off"])("[R1] [R3] %s", (policy) => {
  it.each(crashes)("a turn may be cut at any await by a crash %s", { timeout: 120_000 }, async (crash, sync) => {
    const counted = `${policy} fault ${sync}`;
    const [first] = await extended(chatter(counted));
    const points = await fault.count(async () => {
      first.send(question);
      await done(first, "r1");
      await first.settled();
    });
    expect(points).toBeGreaterThan(30);
    for (let n = 1; n <= points; n++) {
      const name = `${policy} fault ${sync} ${n}`;
      const [a] = await extended(chatter(name));
      const context = await runInDurableObject(chatter(name), (_, state) => state);
      const kill = () => context.abort(fault.reason);
      fault.stopAt(n, () => (sync ? context.storage.sync().then(kill) : kill()));
      a.send(question);
      a.send({ type: "rpc", id: "barrier", method: "", args: [] });
      await a.closed;
      try {
        const after = await afterCrash(name, n % 2 === 0);
        check(policy, after);
        await goOn(name, after.client, after.messages.length);
        await evict(chatter(name));
      } catch (error) {
        throw new Error(`point ${n} of ${points}: ${fault.stoppedAt}: ${(error as Error).message}`, { cause: error });
      }
    }
    console.log(`${policy}, a crash ${crash}: ${points} points`);
  });
});
