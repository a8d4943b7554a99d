import { setTimeout as pause } from "node:timers/promises";

/** Asks until the answer is truthy, and returns it. For what cannot be listened to. */
export async function eventually<Value>(
  what: string,
  timeoutMs: number,
  ask: () => Value | Promise<Value>
): Promise<NonNullable<Value>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`);
    await pause(50);
  }
}
