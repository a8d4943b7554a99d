// The rounds: every bench of a suite on every implementation, in turn.
import { suites } from "../suites/index.ts";
import { buildWorker, type Bundle } from "./build.ts";
import type { Implementation } from "./implementations.ts";
import type { Metrics } from "./metrics.ts";
import type { Bench, Lane, Suite, WorkerOptions } from "./suite.ts";
import { Workerd } from "./workerd.ts";

const benchTimeoutMs = 60_000;

export interface RunOptions {
  implementations: Implementation[];
  /** Names of suites, or ids of benches from their start on. All by default. */
  only?: string[];
  rounds: number;
  ms: number;
  /** Told what is being done. */
  report(line: string): void;
}

/** Bench → implementation → one entry a round. */
type Results = Map<string, Map<string, (Metrics | undefined)[]>>;

export interface RunResult {
  benches: Bench[];
  rounds: Results;
  failures: string[];
}

/** The suites with those of their benches that are asked for. */
export function chooseSuites(only: string[] | undefined): Suite[] {
  return suites
    .map((suite) => ({
      ...suite,
      benches: suite.benches.filter(
        ({ id }) => !only || only.some((name) => name === suite.name || id.startsWith(name))
      )
    }))
    .filter(({ benches }) => benches.length > 0);
}

export async function run({ implementations, only, rounds, ms, report }: RunOptions): Promise<RunResult> {
  const chosen = chooseSuites(only);
  const result: RunResult = { benches: chosen.flatMap(({ benches }) => benches), rounds: new Map(), failures: [] };
  for (const suite of chosen) {
    report(suite.name);
    await runSuite(
      suite,
      implementations,
      Math.min(rounds, suite.rounds ?? Infinity),
      ms,
      (what, error) => {
        report(`  ${what} failed`);
        result.failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      },
      result.rounds
    );
  }
  return result;
}

async function runSuite(
  suite: Suite,
  implementations: Implementation[],
  rounds: number,
  ms: number,
  failed: (what: string, error: unknown) => void,
  results: Results
): Promise<void> {
  const lanes: (Lane & { stop(): Promise<void> })[] = [];
  for (const implementation of implementations) {
    try {
      lanes.push(await openLane(implementation, suite, ms));
    } catch (error) {
      failed(`${implementation.id} ${suite.name}`, error);
    }
  }
  const broken = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const bench of suite.benches) {
      // A B, then B A: neither is always the first, and those to compare run next to each other.
      for (const lane of round % 2 === 0 ? lanes : lanes.toReversed()) {
        const what = `${lane.implementation.id} ${bench.id}`;
        if (broken.has(what)) continue;
        let metrics: Metrics | undefined;
        try {
          metrics = await within(benchTimeoutMs, bench.run(lane));
        } catch (error) {
          broken.add(what);
          failed(what, error);
        }
        roundsOf(results, bench.id, lane.implementation.id)[round] = metrics;
      }
    }
  }
  for (const lane of lanes) await lane.stop();
}

function roundsOf(results: Results, bench: string, implementation: string): (Metrics | undefined)[] {
  if (!results.has(bench)) results.set(bench, new Map());
  const byImplementation = results.get(bench)!;
  if (!byImplementation.has(implementation)) byImplementation.set(implementation, []);
  return byImplementation.get(implementation)!;
}

/** Bundles what a suite needs, and starts its server. */
export async function openLane(
  implementation: Implementation,
  { serve }: Suite,
  ms: number
): Promise<Lane & { stop(): Promise<void> }> {
  const bundles = new Map<string, Promise<Bundle>>();
  const bundle = (worker: string) => {
    if (!bundles.has(worker)) bundles.set(worker, buildWorker(implementation, worker));
    return bundles.get(worker)!;
  };
  const start = async (options: WorkerOptions) => Workerd.start(await bundle(options.worker), options);
  const served = serve && (await start(serve));
  return {
    implementation,
    get server() {
      if (!served) throw new Error("this suite has no server of its own");
      return served;
    },
    ms,
    memo: new Map(),
    bundle,
    start,
    stop: async () => served?.stop()
  };
}

async function within<Value>(ms: number, work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
