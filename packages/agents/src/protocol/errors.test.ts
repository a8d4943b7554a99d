import { describe, expect, it } from "vitest";
import { AgentError, messageOf } from "./errors";

describe("[P3] an AgentError", () => {
  it("is known by its fields, so that a copy that lost its class is one, too", () => {
    const error = new AgentError("STATE_TOO_LARGE", "too large");
    const copy = Object.assign(new Error(error.message), { name: "AgentError", code: "STATE_TOO_LARGE" });
    for (const each of [error, copy]) {
      expect([
        AgentError.isInstance(each),
        AgentError.isInstance(each, "STATE_TOO_LARGE"),
        AgentError.isInstance(each, "SQL_FAILED")
      ]).toEqual([true, true, false]);
    }
  });

  it.each([
    ["a system error with a code", Object.assign(new Error("x"), { code: "ENOENT" })],
    ["an object", { name: "AgentError", code: "SQL_FAILED", message: "x" }],
    ["a plain error", new Error("x")],
    ["nothing", undefined]
  ])("is not %s", (_name, value) => expect(AgentError.isInstance(value)).toBe(false));

  it("keeps its cause", () => {
    const cause = new Error("below");
    expect(new AgentError("SQL_FAILED", "above", { cause })).toMatchObject({ cause, message: "above" });
  });
});

it("[P3] what is thrown and is no error has a fixed text", () => {
  expect([new Error("own"), "text", undefined, { message: "object" }].map(messageOf)).toEqual([
    "own",
    ...Array(3).fill("Unknown error occurred")
  ]);
});
