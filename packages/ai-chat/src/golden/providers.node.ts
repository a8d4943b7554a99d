import { readFileSync, readdirSync } from "node:fs";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  createUIMessageStream,
  createUIMessageStreamResponse,
  jsonSchema,
  stepCountIs,
  streamText,
  tool,
  type LanguageModel,
  type ModelMessage,
  type ToolSet
} from "ai";

/** A provider of the AI SDK, over a network that we serve. */
export interface Provider {
  model(fetch: typeof globalThis.fetch): LanguageModel;
  /** Tools that the provider itself runs. */
  tools?(): ToolSet;
}

const settings = (fetch: typeof globalThis.fetch) => ({ apiKey: "unused", fetch, generateId: counter() });

function counter(): () => string {
  let count = 0;
  return () => `id-${++count}`;
}

/** A folder of `streams` has the name of its package. */
export const providers: Readonly<Record<string, Provider>> = {
  anthropic: {
    model: (fetch) => createAnthropic(settings(fetch))("claude-sonnet-4-5"),
    tools: () => ({ web_search: createAnthropic().tools.webSearch_20250305({}) as ToolSet[string] })
  },
  google: { model: (fetch) => createGoogleGenerativeAI(settings(fetch))("gemini-2.5-flash") },
  openai: { model: (fetch) => createOpenAI(settings(fetch))("gpt-5") },
  "openai-compatible": {
    model: (fetch) =>
      createOpenAICompatible({ ...settings(fetch), name: "golden", baseURL: "https://model.invalid/v1" })(
        "golden-model"
      )
  }
};

const streams = new URL("streams/", import.meta.url);

/** What the model says to each request of a conversation, as the provider sends it. */
export function storedStreams(provider: string, name: string): string[] {
  const folder = new URL(`${provider}/`, streams);
  const files = readdirSync(folder).filter((file) => file.startsWith(`${name}.`) && file.endsWith(".sse"));
  return files.toSorted().map((file) => readFileSync(new URL(file, folder), "utf8"));
}

const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"] } as const;
const why = { type: "object", properties: { why: { type: "string" } } } as const;

const ownTools: ToolSet = {
  weather: tool({
    inputSchema: jsonSchema<{ city: string }>(city, {
      validate: (value) => {
        const isCity = typeof (value as { city?: unknown }).city === "string";
        return isCity
          ? { success: true, value: value as { city: string } }
          : { success: false, error: new Error("no city") };
      }
    }),
    execute: ({ city: name }) => ({ city: name, degrees: name === "Porto" ? 21 : -4 })
  }),
  fail: tool({
    inputSchema: jsonSchema<{ why?: string }>(why),
    execute: ({ why: reason }): string => {
      throw new Error(`failed: ${reason}`);
    }
  })
};

export interface Answered {
  response: Response;
  /** The bodies of the requests to the model. */
  requests: string[];
}

/** How a body comes: in which pieces, and how it ends. */
export type Serve = (text: string, index: number) => ReadableStream<Uint8Array<ArrayBuffer>>;

/** Asks the model, as an application does. */
export function answer(
  provider: Provider,
  bodies: readonly string[],
  serve: Serve,
  messages: ModelMessage[],
  withData = false
): Answered {
  const requests: string[] = [];
  const fetch = (async (_url: unknown, init?: RequestInit) => {
    const index = requests.push(init?.body as string) - 1;
    return new Response(serve(bodies[index] ?? "", index), { headers: { "Content-Type": "text/event-stream" } });
  }) as typeof globalThis.fetch;
  const result = streamText({
    model: provider.model(fetch),
    messages,
    tools: { ...ownTools, ...provider.tools?.() },
    stopWhen: stepCountIs(bodies.length),
    maxRetries: 0,
    onError: () => undefined
  });
  const onError = (error: unknown) => `golden: ${error instanceof Error ? error.message : JSON.stringify(error)}`;
  if (!withData) return { response: result.toUIMessageStreamResponse({ sendSources: true, onError }), requests };
  const stream = createUIMessageStream({
    execute: async ({ writer }) => {
      writer.write({ type: "data-progress", id: "p", data: { done: 1 } });
      writer.write({ type: "data-log", data: "begun" });
      writer.write({ type: "data-note", data: "for the page", transient: true });
      for await (const chunk of result.toUIMessageStream({ onError })) writer.write(chunk);
      writer.write({ type: "data-progress", id: "p", data: { done: 2 } });
      writer.write({ type: "data-log", data: "ended" });
    },
    onError
  });
  return { response: createUIMessageStreamResponse({ stream }), requests };
}

/** Bytes in pieces that begin at these places. */
export function inPieces(bytes: Uint8Array<ArrayBuffer>, starts: readonly number[], failure?: Error) {
  const ends = [...starts.slice(1), bytes.length];
  let next = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const piece = next;
      next++;
      if (piece < starts.length) controller.enqueue(bytes.subarray(starts[piece], ends[piece]));
      else if (failure) controller.error(failure);
      else controller.close();
    }
  });
}

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);
export const asWhole: Serve = (text) => inPieces(bytesOf(text), [0]);
