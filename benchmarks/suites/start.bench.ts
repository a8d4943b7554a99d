// Cold start: a workerd process, until a new agent of a minimal Worker has answered a request.
import { performance } from "node:perf_hooks";
import { cost, median } from "../harness/metrics.ts";
import { timesFloor, type Suite } from "../harness/suite.ts";

/** In a round. */
const starts = 5;

export const start: Suite = {
  name: "start",
  benches: [
    {
      id: "start",
      title: "Start workerd with a minimal Worker, until its first reply",
      targets: { time: timesFloor(1.5) },
      async run({ bundle, start }) {
        await bundle("minimal");
        const timesMs: number[] = [];
        const cpusMs: number[] = [];
        for (let count = 0; count < starts; count++) {
          const begin = performance.now();
          const server = await start({ worker: "minimal", className: "MyAgent" });
          await server.text("/agents/my-agent/one");
          timesMs.push(performance.now() - begin);
          cpusMs.push(server.cpuMicros() / 1000);
          await server.kill();
        }
        return { time: cost(median(timesMs), "ms"), cpu: cost(median(cpusMs), "ms CPU") };
      }
    }
  ]
};
