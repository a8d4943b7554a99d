import { describe, expect, it } from "vitest";
import { cost, median, percentile, rate, timesWorse } from "./metrics.ts";
import { formatNumber, summarize, table, type Rounds } from "./report.ts";
import { atMost, timesFloor, type Bench } from "./suite.ts";

const bench = (targets: Bench["targets"]): Bench[] => [
  { id: "a.one", title: "One", targets, run: () => Promise.resolve({}) }
];

/** Rounds of CPU costs, by implementation. */
const cpu = (costs: Record<string, (number | undefined)[]>): Rounds =>
  new Map([
    [
      "a.one",
      new Map(
        Object.entries(costs).map(([id, values]) => [
          id,
          values.map((value) => (value === undefined ? undefined : { cpu: cost(value, "µs CPU") }))
        ])
      )
    ]
  ]);

describe("numbers", () => {
  it("takes the middle, and the mean of two in the middle", () => {
    expect(median([30, 1, 20])).toBe(20);
    expect(median([1, 4, 2, 100])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it("takes the value that so many percent do not exceed", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(hundred, 50)).toBe(50);
    expect(percentile(hundred, 99)).toBe(99);
    expect(percentile([7], 99)).toBe(7);
  });

  it("is twice as bad at half the rate, or at twice the cost", () => {
    expect(timesWorse(rate(50, "call/s"), rate(100, "call/s"))).toBe(2);
    expect(timesWorse(cost(100, "ms"), cost(50, "ms"))).toBe(2);
  });

  it("writes three digits, and the dash for nothing", () => {
    expect([1234.56, 12.345, 0.12345, 0.0051, 0, undefined].map(formatNumber)).toEqual([
      "1,235",
      "12.3",
      "0.123",
      "0.005",
      "0",
      "–"
    ]);
  });
});

describe("the rows", () => {
  it("compare round by round, so that a slow minute of the machine does not count", () => {
    const [row] = summarize(bench({}), cpu({ floor: [10, 100, 10], ours: [12, 130, 11] }), ["floor", "ours"]);
    expect(row!.ratios["ours / floor"]).toEqual({ median: 1.2, low: 1.1, high: 1.3, rounds: 3 });
    expect(row!.values).toEqual({ floor: 10, ours: 12 });
  });

  it("leave out a round in which one of the two has nothing", () => {
    const [row] = summarize(bench({}), cpu({ floor: [10, 10], ours: [undefined, 20] }), ["floor", "ours"]);
    expect(row!.ratios["ours / floor"]).toEqual({ median: 2, low: 2, high: 2, rounds: 1 });
  });

  it("hold ours to a ratio of the floor, and not the peer", () => {
    const rounds = cpu({ floor: [10], ours: [12], peer: [20] });
    const metWith = (ratio: number) =>
      summarize(bench({ cpu: timesFloor(ratio) }), rounds, ["floor", "ours", "peer"])[0]!.met;
    expect(metWith(1.2)).toEqual({ ours: true });
    expect(metWith(1.19)).toEqual({ ours: false });
  });

  it("hold ours to a figure of its own, also without a floor", () => {
    const metWith = (value: number) => summarize(bench({ cpu: atMost(value) }), cpu({ ours: [9] }), ["ours"])[0]!.met;
    expect(metWith(9)).toEqual({ ours: true });
    expect(metWith(8.9)).toEqual({ ours: false });
  });

  it("say nothing about a target that was not measured", () => {
    expect(summarize(bench({ cpu: timesFloor(1) }), cpu({ ours: [1] }), ["floor", "ours"])[0]!.met).toEqual({});
  });

  it("have no ratio to a floor of nothing", () => {
    const [row] = summarize(bench({ cpu: atMost(0) }), cpu({ floor: [0], ours: [0] }), ["floor", "ours"]);
    expect([row!.ratios, row!.met]).toEqual([{}, { ours: true }]);
  });
});

it("prints one table", () => {
  const ids = ["floor", "ours", "peer"];
  const rows = summarize(
    bench({ cpu: timesFloor(1.2) }),
    cpu({ floor: [10, 10], ours: [13, 14], peer: [20, 20] }),
    ids
  );
  expect(table(rows, ids).split("\n")).toEqual([
    "| bench | measure | floor | ours | peer | ours / floor | peer / floor | ours / peer | target |  |",
    "| --- | --- | --: | --: | --: | --: | --: | --: | --- | --- |",
    "| One | µs CPU | 10 | 13.5 | 20 | 1.35× (1.3–1.4) | 2× | 0.675× (0.65–0.7) | ≤ 1.2× floor | **missed** |"
  ]);
});
