import { readUIMessageStream, type UIMessage, type UIMessageChunk } from "ai";
import { expect, it } from "vitest";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../../../agents/src/test/random";
import { aiSdk } from "../test/ai-sdk";
import { MessageBuilder } from "./message-builder";

// What the AI SDK builds of the same chunks is the contract. Left out on purpose: half of a tool's input (`input` and `rawInput`
// while it is streaming), and `transient: false` of a data part. The id is the server's.

const empty = (): UIMessage => ({ id: "m", role: "assistant", parts: [] });

function ours(chunks: readonly UIMessageChunk[], base = empty()): UIMessage {
  const builder = new MessageBuilder(base);
  for (const chunk of chunks) builder.apply(chunk);
  return builder.message;
}

async function theirs(chunks: readonly UIMessageChunk[], base = empty()): Promise<UIMessage> {
  let message = structuredClone(base);
  const errors: unknown[] = [];
  // Some chunks change a message without a snapshot: the last one shows all.
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.enqueue({ type: "message-metadata", messageMetadata: {} });
      controller.close();
    }
  });
  const snapshots = readUIMessageStream({ message, stream, onError: (error) => errors.push(error) });
  for await (const snapshot of snapshots) message = snapshot;
  expect(errors.filter((error) => !String(error).includes("said by the model"))).toEqual([]);
  return message;
}

/** As JSON has it, without what we leave out. */
function comparable(message: UIMessage): unknown {
  const { metadata = {}, ...rest } = JSON.parse(JSON.stringify(message)) as UIMessage;
  const parts = rest.parts.map((part) => {
    if (!("state" in part)) return part;
    const { input, rawInput, ...known } = part as Record<string, unknown>;
    // Version 6 of the AI SDK keeps an invalid input in `rawInput`, and reads both.
    return part.state === "input-streaming" ? known : { ...known, input: input ?? rawInput };
  });
  return { ...rest, metadata, parts };
}

const provider = { test: { cached: true } };
const call = { toolCallId: "c1", toolName: "weather" };
const input = { type: "tool-input-available", ...call, input: { city: "Porto" } } as const;
const output = { type: "tool-output-available", toolCallId: "c1", output: { degrees: 21 } } as const;
const approval = { type: "tool-approval-request", toolCallId: "c1", approvalId: "a1" } as const;

const corpus: Record<string, UIMessageChunk[]> = {
  nothing: [],
  text: [
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "one " },
    { type: "text-delta", id: "t", delta: "two" },
    { type: "text-end", id: "t" }
  ],
  "text that does not end": [
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "one " }
  ],
  "texts side by side": [
    { type: "text-start", id: "a" },
    { type: "text-start", id: "b" },
    { type: "text-delta", id: "b", delta: "B" },
    { type: "text-delta", id: "a", delta: "A" },
    { type: "text-end", id: "a" },
    { type: "text-end", id: "b" }
  ],
  "a text id used again": [
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "first" },
    { type: "text-end", id: "t" },
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "second" },
    { type: "text-end", id: "t" }
  ],
  "provider metadata of text, the latest wins": [
    { type: "text-start", id: "t", providerMetadata: { test: { at: "start" } } },
    { type: "text-delta", id: "t", delta: "x", providerMetadata: { test: { at: "delta" } } },
    { type: "text-delta", id: "t", delta: "y" },
    { type: "text-end", id: "t", providerMetadata: provider }
  ],
  citations: [
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "x" },
    { type: "text-end", id: "t", citations: [{ type: "url", url: "https://example.com" } as never] }
  ],
  reasoning: [
    { type: "reasoning-start", id: "r" },
    { type: "reasoning-delta", id: "r", delta: "hm" },
    { type: "reasoning-end", id: "r", providerMetadata: { test: { signature: "s" } } }
  ],
  "a file of reasoning": [{ type: "reasoning-file", url: "data:text/plain,x", mediaType: "text/plain" }],
  "sources and files": [
    { type: "source-url", sourceId: "s1", url: "https://example.com", title: "Example" },
    {
      type: "source-document",
      sourceId: "s2",
      mediaType: "application/pdf",
      title: "Paper",
      filename: "p.pdf",
      providerMetadata: provider
    },
    { type: "file", url: "data:image/png;base64,AA==", mediaType: "image/png" }
  ],
  "custom and steering": [
    { type: "custom", kind: "test.box", providerMetadata: provider },
    { type: "steering-message", id: "s", parts: [{ type: "text", text: "shorter, please" }] }
  ],
  "data parts: replaced by id, appended without, transient ones not kept": [
    { type: "data-progress", id: "p", data: { done: 1 } },
    { type: "data-log", data: "a" },
    { type: "data-log", data: "b" },
    { type: "data-thinking", data: 1, transient: true },
    { type: "data-progress", id: "p", data: { done: 2 } },
    { type: "data-other", id: "p", data: { done: 3 } }
  ],
  "a tool": [
    { type: "tool-input-start", ...call, title: "Weather", toolMetadata: { icon: "sun" }, providerMetadata: provider },
    { type: "tool-input-delta", toolCallId: "c1", inputTextDelta: '{"city":' },
    { type: "tool-input-delta", toolCallId: "c1", inputTextDelta: '"Porto"}' },
    input,
    output
  ],
  "a tool whose input is cut": [
    { type: "tool-input-start", ...call },
    { type: "tool-input-delta", toolCallId: "c1", inputTextDelta: '{"ci' }
  ],
  "a tool with text input": [
    { type: "tool-input-start", ...call, inputEncoding: "text" },
    { type: "tool-input-delta", toolCallId: "c1", inputTextDelta: "Porto" },
    input,
    output
  ],
  "a tool whose text input is cut": [
    { type: "tool-input-start", ...call, inputEncoding: "text" },
    { type: "tool-input-delta", toolCallId: "c1", inputTextDelta: "Po" }
  ],
  "a dynamic tool": [
    { type: "tool-input-start", ...call, dynamic: true },
    { type: "tool-input-delta", toolCallId: "c1", inputTextDelta: "{}" },
    { ...input, dynamic: true },
    { ...output, dynamic: true, toolMetadata: { icon: "rain" } }
  ],
  "a tool that the provider runs": [
    { type: "tool-input-start", ...call, providerExecuted: true },
    { ...input, providerExecuted: true, providerMetadata: { test: { of: "call" } } },
    { ...output, providerExecuted: true, providerMetadata: { test: { of: "result" } } }
  ],
  "preliminary outputs": [
    input,
    { ...output, output: 1, preliminary: true },
    { ...output, output: 2, preliminary: true },
    { ...output, output: 3 }
  ],
  "a tool that fails": [
    input,
    { type: "tool-output-error", toolCallId: "c1", errorText: "no network", providerMetadata: provider }
  ],
  "a dynamic tool that fails after a preliminary output": [
    { ...input, dynamic: true },
    { ...output, output: 1, preliminary: true, dynamic: true },
    { type: "tool-output-error", toolCallId: "c1", errorText: "no network", dynamic: true }
  ],
  "a tool with bad input": [
    { type: "tool-input-start", ...call },
    { type: "tool-input-error", ...call, input: "{", errorText: "not JSON", dynamic: true }
  ],
  "a tool with bad input, from the beginning": [
    { type: "tool-input-error", ...call, input: "{", errorText: "unknown tool", dynamic: true, title: "Weather" }
  ],
  "an error, then a result": [input, { type: "tool-output-error", toolCallId: "c1", errorText: "first" }, output],
  "approval, then the tool runs": [
    input,
    {
      ...approval,
      reason: "expensive",
      isAutomatic: true,
      signature: "s",
      approvalDescriptor: { kind: "ask" },
      inputSchemaInput: { a: 1 }
    },
    { type: "tool-approval-response", approvalId: "a1", approved: true, reason: "fine" },
    output
  ],
  "approval denied": [
    input,
    approval,
    { type: "tool-approval-response", approvalId: "a1", approved: false },
    { type: "tool-output-denied", toolCallId: "c1" }
  ],
  "approval of a provider's tool": [
    { ...input, providerExecuted: true },
    approval,
    {
      type: "tool-approval-response",
      approvalId: "a1",
      approved: true,
      providerExecuted: true,
      providerMetadata: provider
    }
  ],
  "metadata is merged": [
    { type: "start", messageMetadata: { model: "m", usage: { input: 1, tags: [1, 2] } } },
    { type: "message-metadata", messageMetadata: { usage: { output: 2, tags: [3] } } },
    { type: "finish", finishReason: "stop", messageMetadata: { done: true, model: null } }
  ],
  steps: [
    { type: "start" },
    { type: "start-step" },
    input,
    output,
    { type: "finish-step" },
    { type: "start-step" },
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "21 degrees" },
    { type: "text-end", id: "t" },
    { type: "finish-step" },
    { type: "finish", finishReason: "stop" }
  ],
  "the same call id in two steps": [
    { type: "start-step" },
    input,
    output,
    { type: "start-step" },
    { ...input, input: { city: "Faro" } },
    { ...output, output: 25 }
  ],
  "a step that is said again": [
    { type: "start-step" },
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "kept" },
    { type: "text-end", id: "t" },
    { type: "start-step" },
    { type: "text-start", id: "u" },
    { type: "text-delta", id: "u", delta: "dropped" },
    input,
    { type: "reset-step" },
    { type: "text-start", id: "u" },
    { type: "text-delta", id: "u", delta: "instead" }
  ],
  "an error and an abort in the stream": [
    { type: "text-start", id: "t" },
    { type: "error", errorText: "said by the model" },
    { type: "abort" }
  ]
};

/** Version 6 of the AI SDK has no such chunks, or does not know all of their fields. */
const sinceSeven: ReadonlySet<string> = new Set([
  "citations",
  "a file of reasoning",
  "custom and steering",
  "approval, then the tool runs",
  "approval denied",
  "approval of a provider's tool",
  "a step that is said again"
]);
const names = Object.keys(corpus).filter((name) => aiSdk === 7 || !sinceSeven.has(name));

it.each(names.map((name) => [name, corpus[name]!] as const))("builds what the AI SDK builds: %s", async (_, chunks) => {
  expect(comparable(ours(chunks))).toEqual(comparable(await theirs(chunks)));
});

it("covers every type of chunk", () => {
  const types = new Set(
    Object.values(corpus).flatMap((chunks) => chunks.map(({ type }) => (type.startsWith("data-") ? "data-*" : type)))
  );
  expect(types.size).toBe(30);
});

it.each(aiSdk === 6 ? [...sinceSeven] : [])("is ahead of version 6 of the AI SDK: %s", async (name) => {
  expect(comparable(ours(corpus[name]!))).not.toEqual(comparable(await theirs(corpus[name]!)));
});

it.each(["a tool", "approval, then the tool runs", "text", "steps"].filter((name) => names.includes(name)))(
  "goes on with a message as the AI SDK does: %s",
  async (name) => {
    for (let cut = 1; cut < corpus[name]!.length; cut++) {
      const base = ours(corpus[name]!.slice(0, cut));
      const rest = corpus[name]!.slice(cut).filter(({ type }) => !/^(text-(delta|end)|tool-input-delta)$/.test(type));
      expect(comparable(ours(rest, base))).toEqual(comparable(await theirs(rest, base)));
    }
  }
);

it("ignores what it does not know and what refers to nothing", () => {
  const chunks = [
    { type: "text-delta", id: "?", delta: "x" },
    { type: "text-end", id: "?" },
    { type: "tool-output-available", toolCallId: "?", output: 1 },
    { type: "tool-approval-response", approvalId: "?", approved: true },
    { type: "from-the-future", value: 1 }
  ] as UIMessageChunk[];
  expect(ours(chunks)).toEqual(empty());
});

it("never changes a message that it has given out, nor one that it was given", () => {
  for (const chunks of Object.values(corpus)) {
    const base = deepFreeze(
      ours([{ type: "start-step" }, input, approval, { type: "start", messageMetadata: { n: { m: 1 } } }])
    );
    const builder = new MessageBuilder(base);
    const snapshots = chunks.map((chunk) => {
      builder.apply(deepFreeze(structuredClone(chunk)));
      return { message: deepFreeze(builder.message), text: JSON.stringify(builder.message) };
    });
    for (const { message, text } of snapshots) expect(JSON.stringify(message)).toBe(text);
  }
});

it("does not let metadata reach a prototype", () => {
  ours([
    { type: "start", messageMetadata: { a: 1 } },
    { type: "finish", messageMetadata: JSON.parse('{"__proto__":{"polluted":true}}') as object }
  ]);
  expect("polluted" in {}).toBe(false);
});

it(
  `builds what the AI SDK builds, whatever comes (${fuzzSeeds} seeds)`,
  async () => {
    await eachSeed(async (random) => {
      const chunks = randomChunks(random);
      expect(comparable(ours(chunks))).toEqual(comparable(await theirs(chunks)));
    });
  },
  fuzzTimeoutMs(20_000)
);

/** A valid stream: parts begin before they go on, calls have their input before their output. */
function randomChunks(random: Random): UIMessageChunk[] {
  const pick = <Value>(values: readonly Value[]): Value => random.pick(values);
  const metadata = () => (random.chance(0.3) ? { providerMetadata: { test: { n: random.below(9) } } } : {});
  const chunks: UIMessageChunk[] = [{ type: "start" }];
  let open: { kind: "text" | "reasoning"; id: string }[] = [];
  const calls = new Map<string, { name: string; dynamic: boolean; phase: "started" | "ready" | "asked" | "over" }>();
  const callsIn = (...phases: string[]) => [...calls].filter(([, { phase }]) => phases.includes(phase));
  const moves: (() => UIMessageChunk | undefined)[] = [
    () => {
      const part = { kind: pick(["text", "reasoning"] as const), id: `p${chunks.length}` };
      open.push(part);
      return { type: `${part.kind}-start`, id: part.id, ...metadata() };
    },
    () =>
      open.length > 0
        ? { type: `${pick(open).kind}-delta`, id: "", delta: pick(["a", "é", "🎈", "\n"]), ...metadata() }
        : undefined,
    () => {
      const part = open.shift();
      return part && { type: `${part.kind}-end`, id: part.id, ...metadata() };
    },
    () => {
      const toolCallId = `c${chunks.length}`;
      const known = { name: pick(["weather", "clock"]), dynamic: random.chance(0.3), phase: "started" as const };
      calls.set(toolCallId, known);
      return {
        type: "tool-input-start",
        toolCallId,
        toolName: known.name,
        ...(known.dynamic ? { dynamic: true } : {}),
        ...metadata()
      };
    },
    () => {
      const [entry] = callsIn("started");
      if (!entry) return undefined;
      const [toolCallId, known] = entry;
      known.phase = random.chance(0.8) ? "ready" : "over";
      const shared = {
        toolCallId,
        toolName: known.name,
        input: { n: chunks.length },
        ...(known.dynamic ? { dynamic: true } : {}),
        ...metadata()
      };
      return known.phase === "ready"
        ? { type: "tool-input-available", ...shared }
        : { type: "tool-input-error", ...shared, errorText: "bad" };
    },
    () => {
      const [entry] = callsIn("ready");
      if (!entry) return undefined;
      entry[1].phase = "asked";
      return { type: "tool-approval-request", toolCallId: entry[0], approvalId: `a-${entry[0]}` };
    },
    () => {
      const [entry] = callsIn("asked");
      if (!entry || aiSdk === 6) return undefined;
      entry[1].phase = random.chance(0.5) ? "ready" : "over";
      return {
        type: "tool-approval-response",
        approvalId: `a-${entry[0]}`,
        approved: entry[1].phase === "ready",
        ...(random.chance(0.5) ? { reason: "because" } : {})
      };
    },
    () => {
      const [entry] = callsIn("ready");
      if (!entry) return undefined;
      const [toolCallId, known] = entry;
      if (random.chance(0.3))
        return { type: "tool-output-available", toolCallId, output: chunks.length, preliminary: true };
      known.phase = "over";
      const last = pick(["tool-output-available", "tool-output-error", "tool-output-denied"] as const);
      if (last === "tool-output-available") return { type: last, toolCallId, output: [chunks.length], ...metadata() };
      return last === "tool-output-error"
        ? { type: last, toolCallId, errorText: "failed", ...metadata() }
        : { type: last, toolCallId };
    },
    () => ({
      type: pick(["data-a", "data-b"]),
      ...(random.chance(0.6) ? { id: pick(["1", "2"]) } : {}),
      data: { n: chunks.length },
      ...(random.chance(0.2) ? { transient: true } : {})
    }),
    () => ({
      type: "message-metadata",
      messageMetadata: { [pick(["x", "y"])]: pick([1, null, [2], { z: chunks.length }]) }
    }),
    () => ({ type: "start-step" }),
    () => {
      // For version 6 of the AI SDK a part ends with its step.
      if (aiSdk === 6) open = [];
      return { type: "finish-step" };
    },
    () => {
      if (random.chance(0.8) || aiSdk === 6) return undefined;
      // What refers to the step's parts refers to nothing now.
      open = [];
      calls.clear();
      return { type: "reset-step" };
    }
  ];
  const length = 5 + random.below(60);
  while (chunks.length < length) {
    const chunk = pick(moves)();
    if (!chunk) continue;
    if ("delta" in chunk) chunk.id = pick(open.filter(({ kind }) => chunk.type === `${kind}-delta`)).id;
    chunks.push(chunk);
  }
  return chunks;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
