import { env, runInDurableObject } from "cloudflare:test";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { Agent } from "../index";
import type { RetryOptions } from "./retry-options";

// Without jitter there is no wait: the waits themselves are tested with a clock.
const random = vi.spyOn(Math, "random").mockReturnValue(0);
afterAll(() => random.mockRestore());

/** How often an operation that always fails is tried. `Recorder` says nothing of retries, `Mortal` says 5 attempts. */
async function attemptsOf(binding: "Recorder" | "Mortal", options?: RetryOptions): Promise<number> {
  const run = vi.fn<() => never>(() => {
    throw new Error("always");
  });
  const attempt = (agent: Agent) => agent.retry(run, options).catch(() => {});
  if (binding === "Recorder") await runInDurableObject(env.Recorder.get(env.Recorder.idFromName("retry")), attempt);
  else await runInDurableObject(env.Mortal.get(env.Mortal.idFromName("retry")), attempt);
  return run.mock.calls.length;
}

describe("[Y1] the options of this.retry", () => {
  // proves retries#three-attempts, retries#maxAttempts, retries#configurable, retries#class-options
  // proves retries#class-options-partial, retries#call-over-class
  it.each([
    ["Recorder", undefined, 3],
    ["Recorder", { maxAttempts: 1 }, 1],
    ["Mortal", undefined, 5],
    ["Mortal", { maxAttempts: 2 }, 2],
    ["Mortal", { baseDelayMs: 3_000 }, 5]
  ] as const)("of %s with %o make %i attempts", async (binding, options, attempts) => {
    expect(await attemptsOf(binding, options)).toBe(attempts);
  });

  // proves retries#eager, retries#validation-resolved
  it.each([
    ["Recorder", { maxDelayMs: 99 }],
    ["Recorder", { baseDelayMs: 3_001 }],
    ["Mortal", { maxDelayMs: 39 }],
    ["Mortal", { baseDelayMs: 3_001 }]
  ] as const)("are checked before anything runs, against those of %s: %o", async (binding, options) => {
    expect(await attemptsOf(binding, options)).toBe(0);
  });

  // proves retries#baseDelayMs, retries#maxDelayMs
  it.each([
    ["Recorder", { maxDelayMs: 100 }],
    ["Recorder", { baseDelayMs: 3_000 }],
    ["Mortal", { maxDelayMs: 40 }]
  ] as const)("may be as far as those of %s go: %o", async (binding, options) => {
    expect(await attemptsOf(binding, options)).toBeGreaterThan(0);
  });
});

describe("[Y3] this.retry", () => {
  const mortal = env.Mortal.get(env.Mortal.idFromName("retry"));

  // proves retries#any-error
  it("tries again whatever is thrown, and knows its agent each time", async () => {
    expect(await mortal.tryThrice()).toEqual([[true, true, true], "done"]);
  });

  it("refuses options with a code", async () => {
    const error = await runInDurableObject(mortal, (agent) =>
      agent.retry(() => "ran", { maxAttempts: 0 }).catch((thrown: unknown) => thrown)
    );
    expect(error).toMatchObject({ name: "AgentError", code: "RETRY_OPTIONS_INVALID" });
  });
});
