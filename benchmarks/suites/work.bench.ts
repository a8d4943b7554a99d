// Schedules and the queue: asked for, listed, and run.
import { setTimeout as wait } from "node:timers/promises";
import { closeAll, freshName, openMany, type Client } from "../harness/client.ts";
import { measure, rate } from "../harness/metrics.ts";
import { timesFloor, type Bench, type Lane, type Suite } from "../harness/suite.ts";

/** For one agent. */
const tasks = 1000;
/** One after another, or for schedules that are due, at once: what one agent costs is too little to measure. */
const agents = 8;
const listed = 10_000;
/** How often they are listed. */
const lists = 5;
/** None of those schedules is due during a run that are only stored. */
const laterSeconds = 7200;

const bench = (id: string, title: string, ratio: number, run: Bench["run"]): Bench => ({
  id: `work.${id}`,
  title,
  targets: { cpu: timesFloor(ratio) },
  run
});

const openAgents = ({ server }: Lane, name: string, count: number) =>
  openMany(server, "work-agent", () => freshName(name), count, { state: false });

/** Measures what so many new agents do in turn, after the same was done once without being measured. */
async function inTurn(lane: Lane, operation: string, work: (client: Client) => Promise<void>) {
  const clients = await openAgents(lane, operation, agents + 1);
  // Their tables are made before.
  for (const client of clients) await client.call("schedules", 1, laterSeconds);
  await work(clients.pop()!);
  const metrics = await measure(lane.server, operation, async () => {
    for (const client of clients) await work(client);
    return tasks * clients.length;
  });
  await closeAll(clients);
  return metrics;
}

/** Measures what a new agent with 10,000 schedules does, after it was done once without being measured. */
async function withListed(lane: Lane, operation: string, times: number, work: (client: Client) => Promise<unknown>) {
  const clients = await openAgents(lane, operation, 1);
  const client = clients[0]!;
  await client.call("schedules", 1, laterSeconds);
  await client.call("copies", listed - 1);
  await work(client);
  const metrics = await measure(lane.server, operation, async () => {
    await work(client);
    return times;
  });
  await closeAll(clients);
  return metrics;
}

async function runDue(lane: Lane) {
  const clients = await openAgents(lane, "due", agents);
  for (;;) {
    // The peer knows whole seconds. All schedules have to be stored before they are due.
    const storedInMs = (lane.memo.get("storedInMs") as number | undefined) ?? 2000;
    const startMs = Date.now();
    const dueMs = Math.ceil((startMs + storedInMs * 1.3 + 200) / 1000) * 1000;
    for (const client of clients) await client.call("schedulesAt", tasks, dueMs);
    lane.memo.set("storedInMs", Date.now() - startMs);
    const ran = Promise.all(clients.map((client) => client.call("allRan")));
    const aheadMs = dueMs - 20 - Date.now();
    if (aheadMs < 0) {
      await ran;
      continue;
    }
    await wait(aheadMs);
    const { cpu } = await measure(lane.server, "schedule", async () => {
      await ran;
      return tasks * agents;
    });
    const seconds = (Date.now() - dueMs) / 1000;
    await closeAll(clients);
    return { rate: rate((tasks * agents) / seconds, "schedule/s"), cpu: cpu! };
  }
}

export const work: Suite = {
  name: "work",
  // An agent that is evicted between two calls would start again in what is measured.
  serve: { worker: "work", className: "WorkAgent", keep: true },
  benches: [
    bench("schedule", "schedule(), 1,000 times", 3, (lane) =>
      inTurn(lane, "schedule", async (client) => {
        await client.call("schedules", tasks, laterSeconds);
      })
    ),
    bench("schedule10k", "schedule() with 10,000 rows before", 3, (lane) =>
      withListed(lane, "schedule", tasks / 2, (client) => client.call("schedules", tasks / 2, laterSeconds))
    ),
    bench("list", "getSchedules() of 10,000 rows", 2, (lane) =>
      withListed(lane, "list", lists, async (client) => {
        for (let count = 0; count < lists; count++) {
          const found = await client.call("listed");
          if (found !== listed) throw new Error(`${String(found)} schedules, not ${listed}`);
        }
      })
    ),
    bench("due", "1,000 schedules due at once, until all have run", 4, runDue),
    bench("queue", "queue(), 1,000 times, until all items have run", 5, (lane) =>
      inTurn(lane, "item", async (client) => {
        await client.call("items", tasks);
        await client.call("allRan");
      })
    )
  ]
};
