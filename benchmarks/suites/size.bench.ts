// What has to be downloaded, compiled and evaluated. All in kB (1,000 bytes), minified, with gzip -9.
import { gzipSync } from "node:zlib";
import type { OutputFile } from "esbuild";
import { buildWorker, shipBrowser, shipWorker } from "../harness/build.ts";
import { cost, type Metrics } from "../harness/metrics.ts";
import { atMost, type Bench, type Suite } from "../harness/suite.ts";
import { Workerd } from "../harness/workerd.ts";

const kilobytes = (files: OutputFile[], sizeOf: (file: OutputFile) => number) =>
  files.reduce((sum, file) => sum + sizeOf(file), 0) / 1000;
const minified = (files: OutputFile[]) => kilobytes(files, ({ contents }) => contents.length);
const gzipped = (files: OutputFile[]) => kilobytes(files, ({ contents }) => gzipSync(contents, { level: 9 }).length);

/** What a program that uses none of them should not have to evaluate. */
const unused = /modelcontextprotocol|\bmcp\b|\bzod\b|\bmail|\bemail|mime|postal/i;

const browser = (id: string, title: string, limit: number, code: string, external?: string[]): Bench => ({
  id: `size.${id}`,
  title: `Size, ${title}`,
  targets: { gzip: atMost(limit) },
  async run({ implementation }) {
    // The floor has nothing for browsers.
    if (implementation.floor) return undefined;
    const { all } = await shipBrowser(implementation, code, external);
    return { gzip: cost(gzipped(all), "kB min+gzip"), min: cost(minified(all), "kB min") };
  }
});

export const size: Suite = {
  name: "size",
  rounds: 1,
  benches: [
    {
      id: "size.worker",
      title: "Size, minimal Worker with Agent",
      targets: { gzip: atMost(130), loadedGzip: atMost(35) },
      async run({ implementation }): Promise<Metrics> {
        const { all, loaded } = await shipWorker(implementation, "minimal");
        return {
          gzip: cost(gzipped(all), "kB min+gzip, all"),
          loadedGzip: cost(gzipped(loaded), "kB min+gzip, static imports of the entry"),
          min: cost(minified(all), "kB min, all")
        };
      }
    },
    {
      id: "size.evaluated",
      title: "Modules that a minimal Worker evaluates until its first reply",
      targets: { unused: atMost(0) },
      async run({ implementation }) {
        const bundle = await buildWorker(implementation, "evaluated", { noting: true });
        const server = await Workerd.start(bundle, { className: "MyAgent" });
        await server.text("/agents/my-agent/one");
        const modules = JSON.parse(await server.text("/evaluated")) as string[];
        await server.kill();
        if (modules.length === 0) throw new Error("no module was seen");
        return {
          unused: cost(modules.filter((path) => unused.test(path)).length, "modules of MCP, zod or mail"),
          all: cost(modules.length, "modules")
        };
      }
    },
    browser(
      "client",
      "agents/client",
      9,
      `import { AgentClient } from "agents/client";
      globalThis.client = new AgentClient({ agent: "my-agent", name: "one", host: location.host });`
    ),
    browser(
      "react",
      "agents/react, without React",
      11,
      `import { useAgent } from "agents/react"; globalThis.useAgent = useAgent;`,
      ["react", "react-dom"]
    )
  ]
};
