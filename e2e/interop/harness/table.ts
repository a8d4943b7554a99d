import type { Result } from "./run-all.ts";
import { versions } from "./versions.ts";

/** So many scenarios at least, of each direction with clients, for each release. */
const wanted = 25;

/** Prints what became of every scenario. @returns whether all is well */
export function printTable(results: Result[], isPart: boolean): boolean {
  let isWell = results.length > 0;
  for (const direction of new Set(results.map((result) => result.direction))) {
    const here = results.filter((result) => result.direction === direction);
    const names = [...new Set(here.map(({ scenario }) => scenario))];
    const width = Math.max(...names.map((name) => name.length), direction.length);
    console.log(`\n${[direction.padEnd(width), ...versions.map((version) => version.padEnd(8))].join("  ")}`);
    for (const name of names) {
      const outcomes = versions.map(
        (version) => here.find((result) => result.scenario === name && result.version === version)?.outcome ?? "missing"
      );
      console.log([name.padEnd(width), ...outcomes.map((outcome) => outcome.padEnd(8))].join("  "));
      if (outcomes.includes("missing") || outcomes.includes("failed")) isWell = false;
    }
    for (const version of versions) {
      const passed = here.filter((result) => result.version === version && result.outcome === "passed").length;
      console.log(`${version}: ${passed} passed`);
      if (!isPart && direction !== "their data, our server" && passed < wanted) {
        console.log(`There should be ${wanted}.`);
        isWell = false;
      }
    }
  }
  for (const { scenario, version, direction, reason } of results.filter(({ outcome }) => outcome === "absent")) {
    console.log(`\nNot in ${version}: ${scenario} (${direction}): ${reason}`);
  }
  return isWell;
}
