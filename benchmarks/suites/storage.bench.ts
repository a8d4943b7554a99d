// What operations ask of storage. Counted inside the object, so the figures are the same in every run.
import { Client, freshName } from "../harness/client.ts";
import { cost, type Metrics } from "../harness/metrics.ts";
import { scratch } from "../harness/paths.ts";
import { atMost, type Bench, type Lane, type Suite } from "../harness/suite.ts";
import type { Workerd } from "../harness/workerd.ts";
import type { Counts } from "../workers/counts.ts";

const options = { worker: "counting", className: "BenchAgent" };

/** What was counted since the last time, for one of so many operations. */
async function takeCounts(server: Workerd, operations = 1): Promise<Metrics> {
  const counts = JSON.parse(await server.text("/counts")) as Counts;
  return {
    calls: cost((counts.sql + counts.keyValue + counts.alarm) / operations, "calls of storage"),
    sql: cost(counts.sql / operations, "SQL statements"),
    rowsRead: cost(counts.rowsRead / operations, "rows read"),
    rowsWritten: cost(counts.rowsWritten / operations, "rows written")
  };
}

type Work = (server: Workerd, client: Client, name: string) => Promise<number>;

/** Counts what `work` costs with a live agent. It returns how many operations it was. */
const counted = (id: string, title: string, targets: Bench["targets"], work: Work): Bench => ({
  id: `storage.${id}`,
  title: `Storage, ${title}`,
  targets,
  async run({ start }) {
    const server = await start(options);
    const name = freshName("counted");
    const client = await Client.open(server, "bench-agent", name);
    await takeCounts(server);
    const operations = await work(server, client, name);
    const metrics = await takeCounts(server, operations);
    await client.close();
    await server.kill();
    return metrics;
  }
});

async function countWakes({ start }: Lane): Promise<Metrics> {
  const agents = 50;
  const storage = scratch("counted");
  const first = await start({ ...options, storage });
  for (let index = 0; index < agents; index++) {
    const client = await Client.open(first, "bench-agent", `sleeping-${index}`);
    await client.call("setSmall", 1);
    await client.close();
  }
  await first.stop();
  const second = await start({ ...options, storage });
  for (let index = 0; index < agents; index++) await second.text(`/agents/bench-agent/sleeping-${index}`);
  const metrics = await takeCounts(second, agents);
  await second.kill();
  return metrics;
}

export const storage: Suite = {
  name: "storage",
  rounds: 1,
  benches: [
    counted("create", "first connection of a new agent", { calls: atMost(4) }, async (server) => {
      const agents = 50;
      for (let count = 0; count < agents; count++) {
        const client = await Client.open(server, "bench-agent", freshName("created"));
        await client.close();
      }
      return agents;
    }),
    {
      id: "storage.wake",
      title: "Storage, wake of an agent",
      targets: { calls: atMost(1), rowsWritten: atMost(0) },
      run: countWakes
    },
    counted("connect", "connection to a live agent", { calls: atMost(0) }, async (server, _client, name) => {
      const client = await Client.open(server, "bench-agent", name);
      await client.close();
      return 1;
    }),
    counted("rpc", "RPC", { calls: atMost(0) }, async (_server, client) => {
      await client.call("echo", 1);
      return 1;
    }),
    counted("state", "setState", { calls: atMost(1), rowsWritten: atMost(1) }, async (_server, client) => {
      const updates = 10;
      for (let rev = 1; rev <= updates; rev++) await client.call("setSmall", rev);
      return updates;
    })
  ]
};
