import { expect, it, vi } from "vitest";
import { QueryCache } from "./query-cache";

// proves client-sdk#cacheTtl-default
it("keeps a query until its time is up, five minutes if nothing is said", async () => {
  const cache = new QueryCache();
  const load = vi.fn(async () => ({ n: load.mock.calls.length }));
  expect(await cache.get(load, 0)).toEqual({ n: 1 });
  expect(await cache.get(load, 299_999)).toEqual({ n: 1 });
  expect(await cache.get(load, 300_000, 10)).toEqual({ n: 2 });
  expect(await cache.get(load, 300_010, 10)).toEqual({ n: 3 });
});

it("asks again after clear()", async () => {
  const cache = new QueryCache();
  const load = vi.fn(() => ({ n: load.mock.calls.length }));
  await cache.get(load, 0);
  cache.clear();
  expect(await cache.get(load, 0)).toEqual({ n: 2 });
});

it("does not keep a query that failed, nor drops the one that came after it", async () => {
  const cache = new QueryCache();
  let fail = (_: Error) => {};
  const failing = cache.get(() => new Promise((_, reject) => (fail = reject)), 0);
  cache.clear();
  const load = vi.fn(() => ({ token: "t" }));
  await cache.get(load, 0);
  fail(new Error("no token"));
  await expect(failing).rejects.toThrow("no token");
  await cache.get(load, 0);
  expect(load).toHaveBeenCalledOnce();
  await expect(cache.get(() => Promise.reject(new Error("again")), 600_000)).rejects.toThrow("again");
  await cache.get(load, 600_000);
  expect(load).toHaveBeenCalledTimes(2);
});
