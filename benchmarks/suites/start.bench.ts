// Cold start: a workerd process, until a new agent of a minimal Worker has answered a request.
import { performance } from "node:perf_hooks";
import { cost } from "../harness/metrics.ts";
import { timesFloor, type Suite } from "../harness/suite.ts";

export const start: Suite = {
  name: "start",
  benches: [
    {
      id: "start",
      title: "Start workerd with a minimal Worker, until its first reply",
      targets: { time: timesFloor(1.5) },
      async run({ bundle, start }) {
        await bundle("minimal");
        const begin = performance.now();
        const server = await start({ worker: "minimal", className: "MyAgent" });
        await server.text("/agents/my-agent/one");
        const timeMs = performance.now() - begin;
        const cpuMs = server.cpuMicros() / 1000;
        await server.kill();
        return { time: cost(timeMs, "ms"), cpu: cost(cpuMs, "ms CPU") };
      }
    }
  ]
};
