// Agents that are in storage and not in memory: workerd starts anew on the same storage, then each gets one request.
import { performance } from "node:perf_hooks";
import { Client, inParallel } from "../harness/client.ts";
import { latency, measure } from "../harness/metrics.ts";
import { scratch } from "../harness/paths.ts";
import { timesFloor, type Lane, type Suite } from "../harness/suite.ts";

const warm = 50;
const measured = 200;
const options = { worker: "core", className: "BenchAgent" };

/** Storage with agents that have a state. */
async function makeAgents({ start }: Lane): Promise<string> {
  const storage = scratch("sleeping");
  const server = await start({ ...options, storage });
  await inParallel(8, warm + measured, async (index) => {
    const client = await Client.open(server, "bench-agent", `sleeping-${index}`);
    await client.call("setSmall", index + 1);
    await client.close();
  });
  await server.stop();
  return storage;
}

export const wake: Suite = {
  name: "wake",
  benches: [
    {
      id: "wake",
      title: "Wake an agent that is in storage only",
      targets: { cpu: timesFloor(1.5) },
      async run(lane) {
        if (!lane.memo.has("storage")) lane.memo.set("storage", await makeAgents(lane));
        const server = await lane.start({ ...options, storage: lane.memo.get("storage") as string });
        const timesMs: number[] = [];
        const touch = async (index: number) => {
          const start = performance.now();
          await server.text(`/agents/bench-agent/sleeping-${index}`);
          timesMs.push(performance.now() - start);
        };
        for (let index = 0; index < warm; index++) await touch(index);
        timesMs.length = 0;
        const metrics = await measure(server, "wake", async () => {
          for (let index = 0; index < measured; index++) await touch(warm + index);
          return measured;
        });
        await server.stop();
        return { ...metrics, ...latency(timesMs) };
      }
    }
  ]
};
