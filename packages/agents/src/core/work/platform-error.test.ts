import { describe, expect, it } from "vitest";
import { isPlatformError } from "./platform-error";

const nested = (depth: number, error: unknown): Error =>
  depth === 0 ? (error as Error) : new Error("wrapped", { cause: nested(depth - 1, error) });
const circle = new Error("circle");
circle.cause = circle;

describe("[W3] an error of the platform", () => {
  it.each([
    new Error("Durable Object reset because its code was updated."),
    new Error("The Durable Object's code has been updated, this version can no longer access storage."),
    new Error("Durable Object storage operation exceeded timeout which caused object to be reset."),
    new Error("Network connection lost."),
    new Error("Durable Object storage connection was lost"),
    new Error("Cannot access storage because object has moved to a different machine"),
    new Error("Internal error in Durable Object storage caused object to be reset."),
    Object.assign(new Error("whatever"), { durableObjectReset: true }),
    nested(3, new Error("Network connection lost."))
  ])("%s", (error) => {
    expect(isPlatformError(error)).toBe(true);
  });

  it.each([
    new Error("thrown"),
    new Error("fetch failed"),
    new Error("The user updated the code"),
    "Network connection lost.",
    null,
    undefined,
    { message: 7 },
    circle
  ])("is not %s", (error) => {
    expect(isPlatformError(error)).toBe(false);
  });
});
