import * as mocks from "ai/test";

// Version 7 of the AI SDK has a newer interface of models, version 6 has only this one. What the tests use is the same in both.
type Mock = typeof mocks.MockLanguageModelV3;
const { MockLanguageModelV4 } = mocks as { MockLanguageModelV4?: unknown };

/** A model that says what the test tells it to, in the newest interface that the AI SDK has. */
export const MockModel = (MockLanguageModelV4 ?? mocks.MockLanguageModelV3) as Mock;
export type MockModel = InstanceType<Mock>;
