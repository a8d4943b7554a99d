import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage
} from "@ai-sdk/provider";
import { answerTo, type DemoTurn } from "./demo-answers";

export type DemoModelOptions = {
  /** Pause between two words. */
  delayMs?: number;
  generateId?: () => string;
};

/**
 * A language model that answers by rules: it streams and calls tools like a real one, needs no network, and says the same
 * thing every time. It lets this project run before you have chosen a model, and it makes tests repeatable.
 * Delete the `demo-*` files once `model.ts` returns a model of yours.
 */
export function createDemoModel({
  delayMs = 25,
  generateId = () => `call_${crypto.randomUUID()}`
}: DemoModelOptions = {}): LanguageModelV4 {
  return {
    specificationVersion: "v4",
    provider: "demo",
    modelId: "demo-rules",
    supportedUrls: {},

    async doStream(options) {
      const turn = answerTo(options.prompt, toolNames(options));
      return { stream: toStream(parts(turn, options, delayMs, generateId)) };
    },

    async doGenerate(options) {
      options.abortSignal?.throwIfAborted();
      const turn = answerTo(options.prompt, toolNames(options));
      if (turn.failure !== undefined) throw new Error(turn.failure);
      const content: LanguageModelV4Content[] = [];
      if (turn.text !== "") content.push({ type: "text", text: turn.text });
      for (const { toolName, input } of turn.calls) {
        content.push({ type: "tool-call", toolCallId: generateId(), toolName, input: JSON.stringify(input) });
      }
      return { content, finishReason: finishReason(turn), usage: usage(options.prompt, turn), warnings: [] };
    }
  };
}

async function* parts(
  turn: DemoTurn,
  { prompt, abortSignal }: LanguageModelV4CallOptions,
  delayMs: number,
  generateId: () => string
): AsyncGenerator<LanguageModelV4StreamPart> {
  yield { type: "stream-start", warnings: [] };
  // A real model thinks before its first word; the page should have something to show for that.
  await pause(delayMs * 8, abortSignal);

  if (turn.text !== "") {
    const id = generateId();
    yield { type: "text-start", id };
    for (const delta of words(turn.text)) {
      yield { type: "text-delta", id, delta };
      await pause(delayMs, abortSignal);
    }
    yield { type: "text-end", id };
  }
  if (turn.failure !== undefined) {
    yield { type: "error", error: new Error(turn.failure) };
    yield { type: "finish", finishReason: { unified: "error", raw: "simulated" }, usage: usage(prompt, turn) };
    return;
  }
  for (const { toolName, input } of turn.calls) {
    const id = generateId();
    const json = JSON.stringify(input);
    yield { type: "tool-input-start", id, toolName };
    for (let at = 0; at < json.length; at += 12) {
      yield { type: "tool-input-delta", id, delta: json.slice(at, at + 12) };
      await pause(delayMs, abortSignal);
    }
    yield { type: "tool-input-end", id };
    yield { type: "tool-call", toolCallId: id, toolName, input: json };
  }
  yield { type: "finish", finishReason: finishReason(turn), usage: usage(prompt, turn) };
}

const toolNames = ({ tools, toolChoice }: LanguageModelV4CallOptions): string[] =>
  toolChoice?.type === "none" ? [] : (tools ?? []).map((tool) => tool.name);

const words = (text: string): string[] => text.match(/\S+\s*|\s+/g) ?? [];

const finishReason = (turn: DemoTurn): LanguageModelV4FinishReason =>
  turn.calls.length > 0 ? { unified: "tool-calls", raw: "tool-calls" } : { unified: "stop", raw: "stop" };

/** Counts words, which is what this model has instead of tokens. */
function usage(prompt: LanguageModelV4Prompt, turn: DemoTurn): LanguageModelV4Usage {
  const input = words(JSON.stringify(prompt)).length;
  const output = words(turn.text).length + turn.calls.length;
  return {
    inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: output, text: output, reasoning: 0 }
  };
}

/** Waits, or throws the reason of the abort as soon as there is one. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    if (ms <= 0) return resolve();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** `ReadableStream.from`, which not every runtime has. */
function toStream<T>(iterator: AsyncGenerator<T>): ReadableStream<T> {
  return new ReadableStream<T>({
    async pull(controller) {
      const next = await iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await iterator.return(undefined);
    }
  });
}
