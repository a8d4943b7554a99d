import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";

const worker = (name: string) => env.Worker.get(env.Worker.idFromName(name));

it("queue", async () => {
  const stub = worker("q");
  await stub.queueAll(5);
  await vi.waitFor(async () => expect((await stub.ran()).map(({ value }) => value)).toEqual([0, 1, 2, 3, 4]));
});
it("schedule", async () => {
  const stub = worker("s");
  console.log(await runInDurableObject(stub, (_, { storage }) => storage.sql.databaseSize));
  await stub.schedule(0, "note", "a");
  await vi.waitFor(async () => expect((await stub.ran()).map(({ value }) => value)).toEqual(["a"]));
  console.log(await stub.lastTask());
  await runInDurableObject(stub, async (_, { storage }) =>
    console.log(await storage.getAlarm(), storage.kv.get("cf_agents_meta"), storage.sql.databaseSize)
  );
});
