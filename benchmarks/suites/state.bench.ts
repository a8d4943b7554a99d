// setState by a method: stored, and sent to every client.
import { performance } from "node:perf_hooks";
import { closeAll, freshName, openMany, type Client } from "../harness/client.ts";
import { cost, latency, measure } from "../harness/metrics.ts";
import { timesFloor, type Bench, type Suite } from "../harness/suite.ts";

/** Updates that not every client has seen yet. */
const inFlight = 4;

/** Updates for `ms`. Returns how long each took until the last client had it, and the last `rev`. */
async function load(
  clients: Client[],
  method: string,
  ms: number,
  rev: number
): Promise<{ timesMs: number[]; rev: number }> {
  const timesMs: number[] = [];
  const startedAt = new Map<number, number>();
  const finished = Promise.withResolvers<void>();
  const end = performance.now() + ms;
  let sent = rev;
  let seen = rev;
  const update = () => {
    startedAt.set(++sent, performance.now());
    clients[0]!.call(method, sent).catch(finished.reject);
  };
  const onState = (client: Client) => {
    if (client.rev <= seen) return;
    const seenByAll = clients.reduce((lowest, { rev }) => Math.min(lowest, rev), Infinity);
    const now = performance.now();
    while (seen < seenByAll) {
      timesMs.push(now - startedAt.get(++seen)!);
      startedAt.delete(seen);
      if (now < end) update();
    }
    if (seen === sent) finished.resolve();
  };
  for (const client of clients) client.onState = onState;
  for (let count = 0; count < inFlight; count++) update();
  await finished.promise;
  return { timesMs, rev: sent };
}

interface Options {
  method: "setSmall" | "setEntry" | "setLarge";
  clients: number;
  extended?: boolean;
  targets?: Bench["targets"];
}

const bench = (id: string, title: string, { method, clients: count, extended, targets }: Options): Bench => ({
  id: `state.${id}`,
  title: `setState, ${title}`,
  targets,
  async run({ server, ms }) {
    const name = freshName("state");
    const clients = await openMany(server, "bench-agent", () => name, count, { extended });
    const { rev } = await load(clients, method, ms / 2, 0);
    const received = () => clients.reduce((sum, { bytesIn }) => sum + bytesIn, 0);
    const before = received();
    let timesMs: number[] = [];
    const metrics = await measure(server, "update", async () => {
      ({ timesMs } = await load(clients, method, ms, rev));
      return timesMs.length;
    });
    const bytes = (received() - before) / timesMs.length / count;
    await closeAll(clients);
    return { ...metrics, ...latency(timesMs), bytes: cost(bytes, "B/update/client") };
  }
});

const small = { cpu: timesFloor(1.3) };
// Neither the floor nor the peer knows the extension: they send the whole state to the same client.
const ofOurs: Partial<Options> = { extended: true, targets: { bytes: timesFloor(0.02), cpu: timesFloor(1) } };

export const state: Suite = {
  name: "state",
  serve: { worker: "core", className: "BenchAgent" },
  benches: [
    bench("small1", "100 B, 1 client", { method: "setSmall", clients: 1, targets: small }),
    bench("small50", "100 B, 50 clients", { method: "setSmall", clients: 50, targets: small }),
    bench("entry1", "1 of 1,000 entries, 100 KB, 1 of our clients", { method: "setEntry", clients: 1, ...ofOurs }),
    bench("entry50", "1 of 1,000 entries, 100 KB, 50 of our clients", { method: "setEntry", clients: 50, ...ofOurs }),
    bench("two1", "1 of 1,000 entries and a number, 100 KB, 1 of our clients", {
      method: "setLarge",
      clients: 1,
      ...ofOurs
    }),
    bench("two50", "1 of 1,000 entries and a number, 100 KB, 50 of our clients", {
      method: "setLarge",
      clients: 50,
      ...ofOurs
    }),
    bench("large1", "the same, 1 documented client", { method: "setLarge", clients: 1 }),
    bench("large50", "the same, 50 documented clients", { method: "setLarge", clients: 50 })
  ]
};
