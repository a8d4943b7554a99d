// What operations ask of storage. Counted inside the object, so the figures are the same in every run.
import { Client, freshName } from "../harness/client.ts";
import { cost, type Metrics } from "../harness/metrics.ts";
import { scratch } from "../harness/paths.ts";
import { atMost, type Bench, type Lane, type Suite } from "../harness/suite.ts";
import type { Workerd } from "../harness/workerd.ts";
import type { Counts } from "../workers/counts.ts";

const options = { worker: "counting", className: "BenchAgent" };
const tasks = 1000;
const laterSeconds = 7200;

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

interface Agent {
  worker: string;
  className: string;
  /** Its name in URLs. */
  agent: string;
  state: boolean;
  /** What it does before it is counted. */
  prepare?: (client: Client) => Promise<unknown>;
}

const live: Agent = { ...options, agent: "bench-agent", state: true };
const working: Agent = {
  worker: "counting-work",
  className: "WorkAgent",
  agent: "work-agent",
  state: false,
  prepare: (client) => client.call("schedules", 1, laterSeconds)
};

/** Counts what `work` costs with a live agent. It returns how many operations it was. */
const counted = (
  id: string,
  title: string,
  targets: Bench["targets"],
  work: Work,
  { worker, className, agent, state, prepare }: Agent = live
): Bench => ({
  id: `storage.${id}`,
  title: `Storage, ${title}`,
  targets,
  async run({ start }) {
    const server = await start({ worker, className });
    const name = freshName("counted");
    const client = await Client.open(server, agent, name, { state });
    await prepare?.(client);
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
    }),
    counted(
      "schedule",
      "schedule()",
      { calls: atMost(2) },
      async (_server, client) => {
        await client.call("schedules", tasks, laterSeconds);
        return tasks;
      },
      working
    ),
    counted(
      "schedule1k",
      "schedule() with 1,000 rows before",
      { calls: atMost(2) },
      async (_server, client) => {
        await client.call("schedules", 1, laterSeconds);
        return 1;
      },
      { ...working, prepare: (client) => client.call("schedules", tasks, laterSeconds) }
    ),
    counted(
      "due",
      "a schedule that is asked for and runs",
      { calls: atMost(2 + 3) },
      async (_server, client) => {
        // The peer knows whole seconds.
        await client.call("schedulesAt", tasks, Math.ceil(Date.now() / 1000) * 1000);
        await client.call("allRan");
        return tasks;
      },
      working
    ),
    counted(
      "item",
      "an item that is queued and runs",
      { calls: atMost(1 + 3) },
      async (_server, client) => {
        await client.call("items", tasks);
        await client.call("allRan");
        return tasks;
      },
      working
    )
  ]
};
