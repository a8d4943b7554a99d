import { simulateReadableStream } from "ai/test";
import { MockModel } from "./mock-model";

// The interface that models have in every release of the AI SDK that is supported.
type StreamPart =
  Awaited<ReturnType<MockModel["doStream"]>>["stream"] extends ReadableStream<infer Part> ? Part : never;
type Content = Awaited<ReturnType<MockModel["doGenerate"]>>["content"][number];

type Call = { call: string; id?: string; input?: object };
/** What a model says in one step: text, or calls of tools. */
export type Step = string | Call | Call[];

const usage = {
  inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 0, text: 0, reasoning: 0 }
};

/** A model that says these steps, one each time it is asked. What it was asked is in `doStreamCalls` and `doGenerateCalls`. */
export function modelSaying(...steps: Step[]): MockModel {
  const left = [...steps];
  const next = () => {
    const step = left.shift();
    if (step === undefined) throw new Error("The model was asked more often than the test expects");
    const finishReason = { unified: typeof step === "string" ? "stop" : "tool-calls", raw: undefined } as const;
    return { step, finishReason };
  };
  return new MockModel({
    doGenerate: async () => {
      const { step, finishReason } = next();
      return { content: contentOf(step), finishReason, usage, warnings: [] };
    },
    doStream: async () => {
      const { step, finishReason } = next();
      const chunks = [...partsOf(step), { type: "finish", finishReason, usage } as const];
      return { stream: simulateReadableStream({ chunks, initialDelayInMs: null, chunkDelayInMs: null }) };
    }
  });
}

function contentOf(step: Step): Content[] {
  if (typeof step === "string") return [{ type: "text", text: step }];
  return [step].flat().map(({ call, id = call, input = {} }) => {
    return { type: "tool-call", toolCallId: id, toolName: call, input: JSON.stringify(input) };
  });
}

function partsOf(step: Step): StreamPart[] {
  if (typeof step !== "string") return contentOf(step) as StreamPart[];
  return [
    { type: "text-start", id: "t" },
    ...step.split(/(?<= )/).map((delta) => ({ type: "text-delta", id: "t", delta }) as const),
    { type: "text-end", id: "t" }
  ];
}

/** What a model was told each time, as JSON. */
export const toldTo = ({ doStreamCalls, doGenerateCalls }: MockModel): string[] =>
  [...doStreamCalls, ...doGenerateCalls].map(({ prompt }) => JSON.stringify(prompt));
