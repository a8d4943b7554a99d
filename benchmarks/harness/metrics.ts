// Numbers: what a bench returns, and the arithmetic on it.
import { performance } from "node:perf_hooks";

/** One measured figure. */
export interface Metric {
  value: number;
  unit: string;
  better: "higher" | "lower";
}

/** The figures of one round of a bench, by a name that its targets refer to. */
export type Metrics = Record<string, Metric>;

export const rate = (value: number, unit: string): Metric => ({ value, unit, better: "higher" });
export const cost = (value: number, unit: string): Metric => ({ value, unit, better: "lower" });

/** p50 and p99 of times in milliseconds. */
export const latency = (timesMs: readonly number[]): Metrics => ({
  p50: cost(percentile(timesMs, 50), "ms p50"),
  p99: cost(percentile(timesMs, 99), "ms p99")
});

/** Runs `work`, which returns how many operations it did: operations a second, and CPU an operation. */
export async function measure(
  server: { cpuMicros(): number },
  operation: string,
  work: () => Promise<number>
): Promise<Metrics> {
  const cpuBefore = server.cpuMicros();
  const start = performance.now();
  const operations = await work();
  const seconds = (performance.now() - start) / 1000;
  return {
    rate: rate(operations / seconds, `${operation}/s`),
    cpu: cost((server.cpuMicros() - cpuBefore) / operations, `µs CPU/${operation}`)
  };
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest value that at least `percent` of all do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)]!;
}

/** How many times worse `metric` is than `base`: 2 is half the rate, or twice the cost. */
export const timesWorse = (metric: Metric, base: Metric): number =>
  metric.better === "higher" ? base.value / metric.value : metric.value / base.value;
