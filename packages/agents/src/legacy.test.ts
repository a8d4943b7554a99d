import { expect, it, vi } from "vitest";
import { unstable_callable } from "./legacy";
import { lookUp } from "./rpc/callable";

it("unstable_callable works as callable does, and says once that it is deprecated", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  class Old {
    @unstable_callable({ description: "Adds" })
    add() {}
    @unstable_callable()
    other() {}
  }
  const log = warn.mock.calls;
  warn.mockRestore();
  expect(lookUp(new Old(), "add")).toMatchObject({ status: "callable", metadata: { description: "Adds" } });
  expect(lookUp(new Old(), "other")).toMatchObject({ status: "callable", metadata: {} });
  expect(log).toEqual([["unstable_callable() is deprecated: use callable()"]]);
});
