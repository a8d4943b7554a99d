import { getCurrentAgent } from "agents";
import { convertToModelMessages, stepCountIs, streamText, tool } from "ai";
import { simulateReadableStream } from "ai/test";
import { z } from "zod";
import { AIChatAgent, type OnChatMessageOptions, type OnFinish } from "../index";
import { MockModel } from "./mock-model";

type CallOptions = Parameters<MockModel["doStream"]>[0];
type Prompt = CallOptions["prompt"];
type StreamPart =
  Awaited<ReturnType<MockModel["doStream"]>>["stream"] extends ReadableStream<infer Part> ? Part : never;

/** What the model says in one step: text, or calls of tools as `[id, tool, input]`. */
export type Step = string | [toolCallId: string, toolName: string, input?: object][];

const noTokens = {
  inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 0, text: 0, reasoning: 0 }
};

/** Answers with the real AI SDK and a model that says what the test tells it to. */
export class Assistant extends AIChatAgent {
  #steps: Step[] = [];
  readonly #prompts: Prompt[] = [];
  readonly #ran: string[] = [];
  readonly #asked: { body: object | undefined; clientTools: object[] | undefined }[] = [];

  readonly #model = new MockModel({
    doStream: async ({ prompt }) => {
      this.#prompts.push(prompt);
      const step = this.#steps.shift();
      if (step === undefined) throw new Error("The model was asked more often than the test expects");
      return {
        stream: simulateReadableStream({ chunks: chunksOf(step), initialDelayInMs: null, chunkDelayInMs: null })
      };
    }
  });

  override async onChatMessage(onFinish: OnFinish, { abortSignal, body, clientTools }: OnChatMessageOptions) {
    this.#asked.push({ body, clientTools });
    const result = streamText({
      model: this.#model,
      messages: await convertToModelMessages(this.messages),
      maxRetries: 0,
      tools: {
        weather: tool({
          inputSchema: z.object({ city: z.string() }),
          execute: ({ city }) => this.#run(`weather in ${city}`, { degrees: 21 })
        }),
        pay: tool({
          inputSchema: z.object({ amount: z.number() }),
          needsApproval: true,
          execute: ({ amount }) => this.#run(`pay ${amount}`, "paid")
        }),
        where: tool({ inputSchema: z.object({}) }),
        clock: tool({ inputSchema: z.object({}) }),
        whoami: tool({ inputSchema: z.object({}), execute: async () => this.#run("whoami", await whoAsks()) })
      },
      stopWhen: stepCountIs(5),
      abortSignal,
      onFinish,
      onError: () => {}
    });
    return result.toUIMessageStreamResponse();
  }
  /** As a program does that wants no conversation: the answer to a prompt, as a stream of text. */
  override async onRequest(request: Request): Promise<Response> {
    const { prompt } = await request.json<{ prompt: string }>();
    return streamText({ model: this.#model, prompt }).toTextStreamResponse();
  }
  #run<Output>(what: string, output: Output): Output {
    this.#ran.push(what);
    return output;
  }

  /** What the model says from now on, step by step. */
  will(...steps: Step[]) {
    this.#steps = steps;
  }
  /** Tools that ran on the server. */
  ran() {
    return this.#ran;
  }
  asked() {
    return this.#asked;
  }
  /** How often the model was asked. */
  calls() {
    return this.#prompts.length;
  }
  /** What the model was told last, one line a part. */
  told() {
    return this.#prompts.at(-1)!.flatMap(linesOf);
  }
  /** Calls without a result, and results without a call, in any prompt: no model accepts these. */
  invalid() {
    return this.#prompts.flatMap(openIn);
  }
}

/** Knows of no agent but the one that it is called by. */
async function whoAsks() {
  await null;
  const { agent, connection } = getCurrentAgent<Assistant>();
  return { agent: agent?.name, messages: agent?.messages.length, connection: connection?.id };
}

function chunksOf(step: Step): StreamPart[] {
  const finish = (unified: "stop" | "tool-calls"): StreamPart => ({
    type: "finish",
    finishReason: { unified, raw: undefined },
    usage: noTokens
  });
  if (typeof step === "string") {
    return [
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: step },
      { type: "text-end", id: "t" },
      finish("stop")
    ];
  }
  const calls = step.map(([toolCallId, toolName, input = {}]): StreamPart => {
    return { type: "tool-call", toolCallId, toolName, input: JSON.stringify(input) };
  });
  return [...calls, finish("tool-calls")];
}

function linesOf({ role, content }: Prompt[number]): string[] {
  if (typeof content === "string") return [`${role}: ${content}`];
  return content.map((part) => {
    switch (part.type) {
      case "text":
        return `${role}: ${part.text}`;
      case "tool-call":
        return `${role}: calls ${part.toolName} ${part.toolCallId}`;
      case "tool-result":
        return `${role}: ${part.toolCallId} ${"value" in part.output ? JSON.stringify(part.output.value) : part.output.type}`;
      default:
        return `${role}: ${part.type}`;
    }
  });
}

function openIn(prompt: Prompt): string[] {
  const open = new Set<string>();
  const problems: string[] = [];
  for (const { role, content } of prompt) {
    if (role === "user" || role === "system")
      problems.push(...[...open].map((id) => `${id} is open before a ${role} message`));
    if (typeof content === "string") continue;
    for (const part of content) {
      if (part.type === "tool-call") open.add(part.toolCallId);
      else if (part.type === "tool-result" && !open.delete(part.toolCallId))
        problems.push(`${part.toolCallId} has no call`);
    }
  }
  return [...problems, ...[...open].map((id) => `${id} has no result`)];
}
