// Where the CPU goes: a profile of one bench on one implementation, by self time.
import { SourceMap, type SourceMapPayload } from "node:module";
import { basename } from "node:path";
import { buildWorker, type Bundle } from "./build.ts";
import type { Implementation } from "./implementations.ts";
import { Inspector } from "./inspector.ts";
import { openLane, chooseSuites } from "./runner.ts";

/** As V8 writes it. Lines and columns count from 0, those of ticks from 1. */
export interface CpuProfile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number };
    positionTicks?: { line: number; ticks: number }[];
  }[];
  samples: number[];
  timeDeltas: number[];
}

const samplingMicros = 200;
const rows = { modules: 15, functions: 40, lines: 25 };

/**
 * Profiles one bench.
 * @returns The profile as V8 writes it, for Chrome's developer tools, and a text with what costs most.
 */
export async function profile(
  implementation: Implementation,
  benchId: string,
  ms: number
): Promise<{ profile: CpuProfile; text: string }> {
  const suite = chooseSuites([benchId]).find(({ serve }) => serve);
  const bench = suite?.benches.find(({ id }) => id === benchId);
  if (!suite?.serve || !bench) {
    const ids = chooseSuites(undefined).flatMap(({ serve, benches }) => (serve ? benches.map(({ id }) => id) : []));
    throw new Error(`"${benchId}" cannot be profiled. These can: ${ids.join(", ")}`);
  }
  const bundle = await buildWorker(implementation, suite.serve.worker);
  const lane = await openLane(implementation, { ...suite, serve: { ...suite.serve, inspect: true } }, ms);
  const inspector = await Inspector.open(lane.server);
  await bench.run(lane);
  await inspector.send("Profiler.enable");
  await inspector.send("Profiler.setSamplingInterval", { interval: samplingMicros });
  await inspector.send("Profiler.start");
  await bench.run(lane);
  const { profile } = await inspector.send<{ profile: CpuProfile }>("Profiler.stop");
  inspector.close();
  await lane.stop();
  return { profile, text: `${implementation.id} ${bench.id}: ${describe(profile, bundle)}` };
}

function describe({ nodes, samples, timeDeltas }: CpuProfile, bundle: Bundle): string {
  const sourceMap = new SourceMap(JSON.parse(bundle.sourceMap) as SourceMapPayload);
  const sourceAt = (line: number, column: number) => {
    const entry = sourceMap.findEntry(line, column);
    if (!("originalSource" in entry)) return undefined;
    return { file: shorten(entry.originalSource), line: entry.originalLine + 1 };
  };
  const bundleLines = bundle.code.split("\n");
  const selfMicros = new Map<number, number>();
  const ticks = new Map<number, number>();
  samples.forEach((id, index) => {
    selfMicros.set(id, (selfMicros.get(id) ?? 0) + timeDeltas[index]!);
    ticks.set(id, (ticks.get(id) ?? 0) + 1);
  });

  const byModule = new Map<string, number>();
  const byFunction = new Map<string, number>();
  const byLine = new Map<string, number>();
  const add = (map: Map<string, number>, key: string, micros: number) => map.set(key, (map.get(key) ?? 0) + micros);
  let idle = 0;
  let busy = 0;
  for (const { id, callFrame, positionTicks = [] } of nodes) {
    const { functionName, url, lineNumber, columnNumber } = callFrame;
    const micros = selfMicros.get(id) ?? 0;
    if (functionName === "(idle)") {
      idle += micros;
      continue;
    }
    busy += micros;
    const ours = basename(url) === "worker.mjs";
    const source = ours ? sourceAt(lineNumber, columnNumber) : undefined;
    const module = source?.file ?? (functionName.startsWith("(") ? functionName : url || "(runtime)");
    add(byModule, module, micros);
    add(
      byFunction,
      `${functionName || "(anonymous)"}  ${source ? `${source.file}:${source.line}` : url || ""}`,
      micros
    );
    if (!ours) continue;
    const perTick = micros / (ticks.get(id) ?? Infinity);
    for (const { line, ticks: count } of positionTicks) {
      const text = bundleLines[line - 1] ?? "";
      const at = sourceAt(line - 1, text.length - text.trimStart().length);
      add(byLine, `${at ? `${at.file}:${at.line}` : `line ${line}`}  ${text.trim().slice(0, 90)}`, count * perTick);
    }
  }

  const top = (map: Map<string, number>, count: number) =>
    [...map]
      .sort(([, one], [, other]) => other - one)
      .slice(0, count)
      .map(([key, micros]) => `${((100 * micros) / busy).toFixed(1).padStart(6)} %  ${key}`)
      .join("\n");
  return [
    `busy ${(busy / 1000).toFixed(0)} ms, idle ${(idle / 1000).toFixed(0)} ms`,
    `\nSelf time by module\n${top(byModule, rows.modules)}`,
    `\nSelf time by function\n${top(byFunction, rows.functions)}`,
    `\nSelf time by line\n${top(byLine, rows.lines)}`
  ].join("\n");
}

const shorten = (path: string) => path.replace(/^.*node_modules\//, "").replace(/^(\.\.\/)+/, "");
