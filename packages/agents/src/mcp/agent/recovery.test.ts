import { expect, it, vi } from "vitest";
import { mayRepeat } from "./recovery";

it("does not ask a server for ever whose list of tools has no end", async () => {
  const ask = vi.fn(async () => ({ jsonrpc: "2.0" as const, id: 1, result: { tools: [], nextCursor: "more" } }));
  const request = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "pay" } };
  expect(await mayRepeat({ request } as never, ask)).toBe(false);
  expect(ask).toHaveBeenCalledTimes(100);
});
