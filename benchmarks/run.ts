// `npm run bench`: measures ours beside the floor and the peer. README.md says how to read what it prints.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { findImplementation } from "./harness/implementations.ts";
import { busyElsewhere } from "./harness/machine.ts";
import { resultsFolder } from "./harness/paths.ts";
import { installPeer } from "./harness/peer.ts";
import { profile } from "./harness/profile.ts";
import { summarize, table } from "./harness/report.ts";
import { run } from "./harness/runner.ts";
import { workerdVersion } from "./harness/workerd.ts";

const everything = { impl: "floor,ours,peer", rounds: "5", ms: "700" };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    impl: { type: "string", default: everything.impl },
    only: { type: "string" },
    rounds: { type: "string", default: everything.rounds },
    ms: { type: "string", default: everything.ms }
  }
});
const ms = Number(options.ms);

mkdirSync(resultsFolder, { recursive: true });
const [command, name = "ours", benchId = "rpc.depth64"] = positionals;
if (command === "profile") await profileOne();
else if (command === undefined) await measureAll();
else throw new Error(`There is no command "${command}": run without one, or with "profile".`);

async function measureAll(): Promise<void> {
  const ids = options.impl.split(",");
  if (ids.includes("peer")) installPeer();
  const implementations = ids.map(findImplementation);
  const columns = implementations.map(({ id }) => id);

  const date = new Date().toISOString();
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const elsewhere = busyElsewhere();
  const { benches, rounds, failures } = await run({
    implementations,
    only: options.only?.split(","),
    rounds: Number(options.rounds),
    ms,
    report: (line) => console.error(`[${seconds().toFixed(0)} s] ${line}`)
  });

  const header = [
    `Measured ${date} in ${seconds().toFixed(0)} s, ${options.rounds} rounds in turn,`,
    `workerd ${workerdVersion}, Node ${process.versions.node}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores,`,
    `of which other processes kept ${(elsewhere() / seconds()).toFixed(2)} busy meanwhile.`,
    `${implementations.map(({ id, version }) => `${id}: ${version}`).join("; ")}.`
  ].join(" ");
  const rows = summarize(benches, rounds, columns);
  const failed = failures.length > 0 ? ["", "Not measured:", "", ...failures.map((line) => `- ${line}`)] : [];
  const markdown = [header, "", table(rows, columns), ...failed].join("\n");
  console.log(markdown);

  // What is committed is a whole run.
  const whole = !options.only && Object.entries(everything).every(([key, value]) => options[key as "ms"] === value);
  const file = join(resultsFolder, whole ? "latest" : "part");
  writeFileSync(`${file}.md`, `${markdown}\n`);
  // A line for each row.
  const lines = rows.map((row) => JSON.stringify(row, rounded)).join(",\n");
  const rest = JSON.stringify({ header, options, failures }).slice(1, -1);
  writeFileSync(`${file}.json`, `{${rest},"rows":[\n${lines}\n]}\n`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

async function profileOne(): Promise<void> {
  if (name === "peer") installPeer();
  const implementation = findImplementation(name);
  const { profile: written, text } = await profile(implementation, benchId, ms);
  const file = join(resultsFolder, `${implementation.id}-${benchId}.cpuprofile`);
  writeFileSync(file, JSON.stringify(written));
  console.log(`${text}\n\nFor Chrome's developer tools: ${file}`);
}

/** More digits than the noise leaves would only make the file longer. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}
