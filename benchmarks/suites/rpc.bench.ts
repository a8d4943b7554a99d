// Calls of a method that returns its argument.
import { performance } from "node:perf_hooks";
import { closeAll, freshName, openMany, type Client } from "../harness/client.ts";
import { latency, measure } from "../harness/metrics.ts";
import { timesFloor, type Bench, type Suite } from "../harness/suite.ts";

/** Keeps `depth` calls of every client in flight for `ms`. Returns how long each took. */
async function load(clients: Client[], depth: number, ms: number): Promise<number[]> {
  const timesMs: number[] = [];
  const end = performance.now() + ms;
  const callInTurn = async (client: Client) => {
    for (let now = performance.now(); now < end;) {
      await client.call("echo", "hello");
      const after = performance.now();
      timesMs.push(after - now);
      now = after;
    }
  };
  await Promise.all(clients.flatMap((client) => Array.from({ length: depth }, () => callInTurn(client))));
  return timesMs;
}

const bench = (id: string, title: string, connections: number, depth: number): Bench => ({
  id: `rpc.${id}`,
  title: `RPC, ${title}`,
  targets: { cpu: timesFloor(1.2) },
  async run({ server, ms }) {
    const name = freshName("rpc");
    const clients = await openMany(server, "bench-agent", () => name, connections);
    await load(clients, depth, ms / 2);
    let timesMs: number[] = [];
    const metrics = await measure(server, "call", async () => (timesMs = await load(clients, depth, ms)).length);
    await closeAll(clients);
    return { ...metrics, ...latency(timesMs) };
  }
});

export const rpc: Suite = {
  name: "rpc",
  serve: { worker: "core", className: "BenchAgent" },
  benches: [
    bench("depth1", "1 connection, one at a time", 1, 1),
    bench("depth64", "1 connection, 64 deep", 1, 64),
    bench("conns50", "50 connections, one at a time each", 50, 1)
  ]
};
