// From rounds to a table: medians, and the median of the ratios of each round.
import { median, timesWorse, type Metric, type Metrics } from "./metrics.ts";
import type { Bench, Target } from "./suite.ts";

/** Bench → implementation → one entry a round; `undefined` where nothing was measured. */
export type Rounds = ReadonlyMap<string, ReadonlyMap<string, readonly (Metrics | undefined)[]>>;

export interface Ratio {
  median: number;
  low: number;
  high: number;
  rounds: number;
}

export interface Row {
  bench: string;
  title: string;
  metric: string;
  unit: string;
  /** Implementation → median of its rounds. */
  values: Record<string, number>;
  /** Implementation → the figure of each round. */
  rounds: Record<string, (number | undefined)[]>;
  /** "{one} / {other}" → how many times worse the one is. */
  ratios: Record<string, Ratio>;
  target?: Target;
  /** Implementation → whether it is where it should be. */
  met: Record<string, boolean>;
}

/** Which are compared: everything with the floor, and ours with the peer. */
function pairsOf(ids: readonly string[]): [one: string, other: string][] {
  const pairs: [string, string][] = [];
  const subjects = subjectsOf(ids);
  if (ids.includes("floor")) for (const id of [...subjects, "peer"]) if (ids.includes(id)) pairs.push([id, "floor"]);
  if (ids.includes("peer")) for (const id of subjects) pairs.push([id, "peer"]);
  return pairs;
}

/** Those that have targets. */
const subjectsOf = (ids: readonly string[]) => ids.filter((id) => id !== "floor" && id !== "peer");

const pairName = (one: string, other: string): string => `${one} / ${other}`;

/** One row for each metric of each bench. */
export function summarize(benches: readonly Bench[], rounds: Rounds, ids: readonly string[]): Row[] {
  return benches.flatMap(({ id, title, targets = {} }) => {
    const seriesOf = (implementation: string, metric: string): (Metric | undefined)[] =>
      (rounds.get(id)?.get(implementation) ?? []).map((metrics) => metrics?.[metric]);
    const metrics = new Set(
      ids.flatMap((implementation) =>
        (rounds.get(id)?.get(implementation) ?? []).flatMap((round) => Object.keys(round ?? {}))
      )
    );
    return [...metrics].map((metric): Row => {
      const measured = ids.filter((implementation) => seriesOf(implementation, metric).some(Boolean));
      const { unit } = seriesOf(measured[0]!, metric).find((found) => found !== undefined)!;
      const valuesOf = (implementation: string) =>
        seriesOf(implementation, metric).flatMap((found) => (found ? [found.value] : []));
      const ratios = Object.fromEntries(
        pairsOf(measured).flatMap(([one, other]) => {
          const ratio = compare(seriesOf(one, metric), seriesOf(other, metric));
          return ratio ? [[pairName(one, other), ratio] as const] : [];
        })
      );
      const all = measured.map((found) => [found, seriesOf(found, metric).map((round) => round?.value)] as const);
      const values = Object.fromEntries(measured.map((found) => [found, median(valuesOf(found))]));
      const target = targets[metric];
      const met = Object.fromEntries(
        subjectsOf(measured).flatMap((subject) => {
          const reached = target && meets(target, values[subject], ratios[pairName(subject, "floor")]);
          return reached === undefined ? [] : [[subject, reached] as const];
        })
      );
      return {
        bench: id,
        title,
        metric,
        unit,
        values,
        rounds: Object.fromEntries(all),
        ratios,
        ...(target && { target }),
        met
      };
    });
  });
}

/** How many times worse the one is, by the rounds in which both were measured. */
function compare(ones: readonly (Metric | undefined)[], others: readonly (Metric | undefined)[]): Ratio | undefined {
  const ratios = ones
    .map((one, round) => (one && others[round] ? timesWorse(one, others[round]) : Number.NaN))
    .filter((ratio) => Number.isFinite(ratio));
  if (ratios.length === 0) return undefined;
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios), rounds: ratios.length };
}

function meets(target: Target, value: number | undefined, ratio: Ratio | undefined): boolean | undefined {
  const reached = target.of === "floor" ? ratio?.median : value;
  return reached === undefined ? undefined : reached <= target.atMost;
}

/** A Markdown table. */
export function table(rows: readonly Row[], ids: readonly string[]): string {
  const pairs = pairsOf(ids).map(([one, other]) => pairName(one, other));
  const subjects = subjectsOf(ids);
  const head = ["bench", "measure", ...ids, ...pairs, "target", ...subjects.map(() => "")];
  if (subjects.length > 1) head.splice(-subjects.length, subjects.length, ...subjects);
  const lines = rows.map((row, index) => [
    rows[index - 1]?.bench === row.bench ? "" : row.title,
    row.unit,
    ...ids.map((id) => formatNumber(row.values[id])),
    ...pairs.map((pair) => formatRatio(row.ratios[pair])),
    row.target ? formatTarget(row.target) : "",
    ...subjects.map((id) => (row.met[id] === undefined ? "" : row.met[id] ? "met" : "**missed**"))
  ]);
  const rule = head.map((_, column) => (column < 2 || column >= 2 + ids.length + pairs.length ? "---" : "--:"));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Three digits, more when they stand before the point. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "–";
  const digits = value === 0 ? 0 : 2 - Math.floor(Math.log10(Math.abs(value)));
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.min(Math.max(digits, 0), 3) });
}

function formatRatio(ratio: Ratio | undefined): string {
  if (!ratio) return "–";
  const range = ratio.high > ratio.low * 1.005 ? ` (${formatNumber(ratio.low)}–${formatNumber(ratio.high)})` : "";
  return `${formatNumber(ratio.median)}×${range}`;
}

const formatTarget = ({ atMost, of }: Target) => (of ? `≤ ${atMost}× ${of}` : `≤ ${atMost}`);
