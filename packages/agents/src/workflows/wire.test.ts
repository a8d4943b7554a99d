import { describe, expect, it } from "vitest";
import { durationMs } from "./wire";

describe("[F7] a duration", () => {
  it.each<[duration: unknown, ms: number | undefined]>([
    ["1 second", 1_000],
    ["30 minutes", 1_800_000],
    ["1.5 hours", 5_400_000],
    ["7 days", 604_800_000],
    ["2 weeks", 1_209_600_000],
    ["365 days", 31_536_000_000],
    [250, 250],
    ["0 days", undefined],
    ["soon", undefined],
    ["7 moons", undefined],
    [0, undefined],
    [Number.NaN, undefined],
    [undefined, undefined]
  ])("of %j is %j ms", (duration, ms) => {
    expect(durationMs(duration)).toBe(ms);
  });
});
