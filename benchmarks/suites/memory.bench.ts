// Memory of live agents, each with a connection.
import { Client, closeAll, freshName, openMany } from "../harness/client.ts";
import { Inspector } from "../harness/inspector.ts";
import { cost } from "../harness/metrics.ts";
import { atMost, type Suite } from "../harness/suite.ts";

const agents = 1000;

export const memory: Suite = {
  name: "memory",
  rounds: 3,
  benches: [
    {
      id: "memory",
      title: "Memory, 1,000 live agents with a connection each",
      targets: { heap: atMost(5) },
      async run({ start }) {
        const server = await start({ worker: "core", className: "BenchAgent", keep: true, inspect: true });
        const inspector = await Inspector.open(server);
        const read = async () => ({ memoryKiB: server.memoryKiB(), heapKiB: (await inspector.heapUsed()) / 1024 });
        // The first pays for what all share.
        const first = await Client.open(server, "bench-agent", freshName("first"));
        const before = await read();
        const clients = await openMany(server, "bench-agent", () => freshName("live"), agents);
        const after = await read();
        inspector.close();
        await closeAll([first, ...clients]);
        await server.stop();
        return {
          heap: cost((after.heapKiB - before.heapKiB) / agents, "KiB JS heap/agent"),
          memory: cost((after.memoryKiB - before.memoryKiB) / agents, "KiB of the process/agent"),
          baseHeap: cost(before.heapKiB / 1024, "MiB JS heap with 1 agent"),
          base: cost(before.memoryKiB / 1024, "MiB of the process with 1 agent")
        };
      }
    }
  ]
};
