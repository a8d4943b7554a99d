/** A call of a tool: its name, and its input. The id is the name where none is given. */
export interface ScriptedCall {
  call: string;
  id?: string;
  input?: object;
}

/** What a model says in one step: a text, calls of tools, or an error. */
export type ScriptedStep = string | ScriptedCall | readonly ScriptedCall[] | Error;

const noUsage = {
  inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 0, text: 0, reasoning: 0 }
};

type Content =
  | { type: "text"; text: string }
  | { type: "tool-call"; toolCallId: string; toolName: string; input: string };
type Part =
  | { type: "stream-start"; warnings: [] }
  | { type: "text-start" | "text-end"; id: string }
  | { type: "text-delta"; id: string; delta: string }
  | Exclude<Content, { type: "text" }>
  | { type: "finish"; finishReason: FinishReason; usage: typeof noUsage };
type FinishReason = { unified: "stop" | "tool-calls"; raw: undefined };

/** What a model was asked: its prompt, its tools and its settings, as the AI SDK has made them. */
export interface ScriptedPrompt {
  // The messages of the AI SDK, whose types differ between its releases.
  prompt: unknown[];
  tools?: unknown[];
  [setting: string]: unknown;
}

/**
 * A language model for the AI SDK (versions 6 and 7) that says what a test tells it to, one step each time it is asked. Texts are
 * streamed word by word.
 *
 * @example
 * const model = new ScriptedModel({ call: "weather", input: { city: "Oslo" } }, "It rains in Oslo.");
 * ChatAgent.model = model;
 * // … a question …
 * expect(model.prompts).toHaveLength(2);
 */
export class ScriptedModel {
  readonly specificationVersion = "v3" as const;
  readonly provider = "scripted";
  readonly modelId: string = "scripted";
  readonly supportedUrls = {};
  /** What it was asked, in order. */
  readonly prompts: ScriptedPrompt[] = [];
  readonly #steps: ScriptedStep[];

  constructor(...steps: ScriptedStep[]) {
    this.#steps = steps;
  }

  /** Adds steps to what is left. */
  say(...steps: ScriptedStep[]): void {
    this.#steps.push(...steps);
  }

  /** How many steps are left. */
  get left(): number {
    return this.#steps.length;
  }

  // The AI SDK calls these with options of its own types; they are kept as they are.
  // oxlint-disable-next-line typescript/no-explicit-any
  async doGenerate(options: any) {
    const step = this.#next(options);
    return { content: contentOf(step), finishReason: reasonOf(step), usage: noUsage, warnings: [] };
  }

  // oxlint-disable-next-line typescript/no-explicit-any
  async doStream(options: any) {
    const step = this.#next(options);
    const parts: Part[] = [
      { type: "stream-start", warnings: [] },
      ...partsOf(step),
      { type: "finish", finishReason: reasonOf(step), usage: noUsage }
    ];
    const stream = new ReadableStream<Part>({
      pull(controller) {
        const part = parts.shift();
        if (part) controller.enqueue(part);
        else controller.close();
      }
    });
    return { stream };
  }

  #next(options: ScriptedPrompt): Exclude<ScriptedStep, Error> {
    this.prompts.push(options);
    const step = this.#steps.shift();
    if (step === undefined)
      throw new Error(`The model was asked more often than its script says: ${this.prompts.length} times`);
    if (step instanceof Error) throw step;
    return step;
  }
}

const reasonOf = (step: Exclude<ScriptedStep, Error>): FinishReason => ({
  unified: typeof step === "string" ? "stop" : "tool-calls",
  raw: undefined
});

function callsOf(step: ScriptedCall | readonly ScriptedCall[]) {
  return [step].flat().map(({ call, id = call, input = {} }) => {
    return { type: "tool-call" as const, toolCallId: id, toolName: call, input: JSON.stringify(input) };
  });
}

const contentOf = (step: Exclude<ScriptedStep, Error>): Content[] =>
  typeof step === "string" ? [{ type: "text", text: step }] : callsOf(step);

function partsOf(step: Exclude<ScriptedStep, Error>): Part[] {
  if (typeof step !== "string") return callsOf(step);
  return [
    { type: "text-start", id: "t" },
    ...step.split(/(?<= )/).map((delta) => ({ type: "text-delta", id: "t", delta }) as const),
    { type: "text-end", id: "t" }
  ];
}
