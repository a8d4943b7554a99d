// From the request for a connection until identity and state have come.
import { performance } from "node:perf_hooks";
import { Client, closeAll, freshName, inParallel } from "../harness/client.ts";
import { latency, measure } from "../harness/metrics.ts";
import { timesFloor, type Bench, type Suite } from "../harness/suite.ts";
import type { Workerd } from "../harness/workerd.ts";

const width = 4;

async function connect(
  server: Workerd,
  count: number,
  nameOf: () => string
): Promise<{ clients: Client[]; timesMs: number[] }> {
  const clients: Client[] = [];
  const timesMs: number[] = [];
  await inParallel(width, count, async () => {
    const start = performance.now();
    clients.push(await Client.open(server, "bench-agent", nameOf()));
    timesMs.push(performance.now() - start);
  });
  return { clients, timesMs };
}

const bench = (id: string, title: string, ratio: number, count: number, naming: () => () => string): Bench => ({
  id: `connect.${id}`,
  title: `Connect, ${title}`,
  targets: { cpu: timesFloor(ratio) },
  async run({ server }) {
    const nameOf = naming();
    const warm = await connect(server, count / 4, nameOf);
    await closeAll(warm.clients);
    let connected = warm;
    const metrics = await measure(server, "connect", async () => {
      connected = await connect(server, count, nameOf);
      return count;
    });
    await closeAll(connected.clients);
    return { ...metrics, ...latency(connected.timesMs) };
  }
});

export const connecting: Suite = {
  name: "connect",
  // To evict the agents of one bench would be work during the next.
  serve: { worker: "core", className: "BenchAgent", keep: true },
  benches: [
    bench("new", "a new agent", 1.8, 200, () => () => freshName("new")),
    bench("live", "a live agent", 1.2, 400, () => {
      const name = freshName("live");
      return () => name;
    })
  ]
};
