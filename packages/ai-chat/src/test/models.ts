import { ScriptedModel, type ScriptedStep } from "agents/testing";
import { MockModel } from "./mock-model";

export type { ScriptedStep as Step } from "agents/testing";

/** A model that says these steps, one each time it is asked. What it was asked is in `doStreamCalls` and `doGenerateCalls`. */
export function modelSaying(...steps: ScriptedStep[]): MockModel {
  const script = new ScriptedModel(...steps);
  return new MockModel({
    doGenerate: (options) => script.doGenerate(options),
    doStream: (options) => script.doStream(options)
  });
}

/** What a model was told each time, as JSON. */
export const toldTo = ({ doStreamCalls, doGenerateCalls }: MockModel): string[] =>
  [...doStreamCalls, ...doGenerateCalls].map(({ prompt }) => JSON.stringify(prompt));
