// A setup file of the tests in workerd. The files share one workerd, which saves about a second each; what one leaves
// behind must not reach the next.
import { reset } from "cloudflare:test";
import { afterAll, vi } from "vitest";

afterAll(async () => {
  vi.useRealTimers();
  await reset();
});
