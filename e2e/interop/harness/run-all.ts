import type { Pair } from "./pair.ts";
import type { Scenario } from "./scenario.ts";
import type { Direction, Version } from "./versions.ts";

const scenarioMs = 60_000;

export interface Result {
  scenario: string;
  direction: Direction;
  version: Version;
  outcome: "passed" | "failed" | "absent";
  /** Why it failed, or why there is nothing to try. */
  reason?: string;
}

const marks = { passed: "✔", failed: "✖", absent: "–" };

/** Runs scenarios one after another with one pair. */
export async function runAll(pair: Pair, scenarios: Scenario[], filter = ""): Promise<Result[]> {
  const results: Result[] = [];
  const { direction, version } = pair;
  for (const scenario of scenarios.filter(({ name }) => name.includes(filter))) {
    const absence = scenario.absent?.find((one) => one.version === version && one.direction === direction);
    const start = performance.now();
    const reason = absence?.reason ?? (await failureOf(pair, scenario));
    const outcome = absence ? "absent" : reason === undefined ? "passed" : "failed";
    results.push({ scenario: scenario.name, direction, version, outcome, ...(reason !== undefined && { reason }) });
    const title = `${version}, ${direction}: ${scenario.name}`;
    console.log(
      `${marks[outcome]} ${title} (${Math.round(performance.now() - start)} ms)${reason ? `\n${reason}` : ""}`
    );
  }
  await pair.close();
  return results;
}

async function failureOf(pair: Pair, { run }: Scenario): Promise<string | undefined> {
  const tooLong = Promise.withResolvers<never>();
  const timer = setTimeout(() => tooLong.reject(new Error(`It took more than ${scenarioMs} ms`)), scenarioMs);
  try {
    await Promise.race([run(pair), tooLong.promise]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    clearTimeout(timer);
    await pair.endScenario();
  }
}
