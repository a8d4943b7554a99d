// What a suite is: a file in suites/ with benches that share a server.
import type { Bundle } from "./build.ts";
import type { Implementation } from "./implementations.ts";
import type { Metrics } from "./metrics.ts";
import type { ServeOptions, Workerd } from "./workerd.ts";

/** A Worker of workers/, and how it is served. */
export interface WorkerOptions extends ServeOptions {
  /** workers/{name}.ts. For the floor, each is replaced by floor-{name}.ts where there is one. */
  worker: string;
}

/** What a figure should be. With `of`, it is a ratio to the floor's figure of the same round. */
export interface Target {
  atMost: number;
  of?: "floor";
}

export const atMost = (value: number): Target => ({ atMost: value });
export const timesFloor = (ratio: number): Target => ({ atMost: ratio, of: "floor" });

/** What a bench gets to work with, for one implementation in one round. */
export interface Lane {
  implementation: Implementation;
  /** The suite's server. Throws in a suite without `serve`. */
  readonly server: Workerd;
  /** How long to measure what has no end of its own. */
  ms: number;
  /** Kept from round to round, for one implementation. */
  memo: Map<string, unknown>;
  bundle(worker: string): Promise<Bundle>;
  /** A server for this bench only, which the bench stops. */
  start(options: WorkerOptions): Promise<Workerd>;
}

export interface Bench {
  id: string;
  title: string;
  /** By the name of a metric. */
  targets?: Record<string, Target>;
  /** `undefined` when there is nothing to measure for this implementation. */
  run(lane: Lane): Promise<Metrics | undefined>;
}

export interface Suite {
  name: string;
  serve?: WorkerOptions;
  /** At most so many rounds. */
  rounds?: number;
  benches: Bench[];
}
