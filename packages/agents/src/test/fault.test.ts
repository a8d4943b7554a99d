import { abortAllDurableObjects, env, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, it } from "vitest";
import { getAgentByName } from "../index";
import { fault } from "./fault";

afterEach(() => fault.reset());

const ask = async (name: string) => {
  const agent = await getAgentByName(env.Recorder, name);
  return (await agent.fetch("http://agent/")).json();
};

it("finds the awaits of our source in an agent's requests", async () => {
  expect(await fault.count(() => ask("counted"))).toBeGreaterThan(0);
});

it("kills an agent at each of them, and the next request finds it well", async () => {
  const points = await fault.count(() => ask("alive"));
  for (let n = 1; n <= points; n++) {
    const name = `killed at ${n}`;
    expect(await fault.killAt(n, () => ask(name), abortAllDurableObjects)).toMatch(/^packages\/agents\/src\/.+: /);
    expect(await ask(name)).toMatchObject({ name, n: 0 });
  }
});

it("says when the program ended before the point", async () => {
  const killed = await fault.killAt(1000, () => ask("short"), abortAllDurableObjects);
  expect(killed).toBeUndefined();
  expect(await ask("short")).toMatchObject({ n: 0 });
});

it("can end an object from inside, with what it has not written yet", async () => {
  const agent = await getAgentByName(env.Recorder, "ended from inside");
  await ask("ended from inside");
  const context = await runInDurableObject(agent, (_, context) => context);
  fault.stopAt(1, () => context.abort(fault.reason));
  await expect(agent.fetch("http://agent/")).rejects.toThrow(fault.reason);
  expect(await ask("ended from inside")).toMatchObject({ n: 0 });
});
