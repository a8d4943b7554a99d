import { expect, it } from "vitest";
import { delayMs, Wait } from "./backoff";
import { FakeClock } from "./fake-clock.node";

// proves client-sdk#backoff
it("waits 1 to 5 s at random, then 1.3 times as long each time, and at most 10 s", () => {
  const delays = (random: number) => [0, 1, 2, 3, 20].map((attempt) => delayMs(attempt, {}, () => random));
  expect(delays(0).map(Math.round)).toEqual([0, 1000, 1300, 1690, 10_000]);
  expect(delays(0.999_999).map(Math.round)).toEqual([0, 5000, 6500, 8450, 10_000]);
});

it("does as the options say", () => {
  const options = { minReconnectionDelay: 100, maxReconnectionDelay: 350, reconnectionDelayGrowFactor: 2 };
  expect([1, 2, 3].map((attempt) => delayMs(attempt, options))).toEqual([100, 200, 350]);
});

it("can be cut short, and leaves no timer", async () => {
  const clock = new FakeClock();
  const wait = new Wait(clock);
  wait.skip();
  const waited = wait.start(10_000);
  expect(clock.timers).toBe(1);
  wait.skip();
  await waited;
  expect(clock.timers).toBe(0);
});
