import { runDurableObjectAlarm } from "cloudflare:test";
import type { WhyAwake } from "../core/host";

/** The stub of an agent, as time and work are concerned. */
export type Awake = DurableObjectStub & { whyAwake(): PromiseLike<WhyAwake> };

/** Lets everything run that waits for nothing. Taken now: a test may put the timers away. */
const { setTimeout } = globalThis;
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/**
 * Runs what is in the queues of an agent, and resolves when nothing is left that may run. An item that waits for its time or for another
 * attempt stays: let a clock go on (`controlClock`), then drain again.
 *
 * @example
 * await connection.call("signUp", "ada@example.com");
 * await drainQueue(agent);
 * expect(await agent.mailsSent()).toBe(1);
 */
export async function drainQueue(agent: Awake): Promise<void> {
  for (;;) {
    // An alarm lasts as long as what it starts. There is none to run while another one goes on.
    await runDurableObjectAlarm(agent);
    if (!(await isDraining(agent))) return;
    await turn();
  }
}

/** Whether items of the queue run, or are due. */
async function isDraining(agent: Awake): Promise<boolean> {
  const { alarm, holds } = await agent.whyAwake();
  const nowMs = Date.now();
  return (
    holds.some(({ name }) => name === "queue") || alarm.some(({ name, atMs }) => name === "queue" && atMs <= nowMs)
  );
}
