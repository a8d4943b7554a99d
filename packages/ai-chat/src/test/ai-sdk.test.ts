import * as mocks from "ai/test";
import { expect, it } from "vitest";
import { aiSdk } from "./ai-sdk";

it("has the AI SDK that was asked for, in workerd", () => {
  // Each major version brings a version of the interface of models.
  expect("MockLanguageModelV4" in mocks).toBe(aiSdk === 7);
});
