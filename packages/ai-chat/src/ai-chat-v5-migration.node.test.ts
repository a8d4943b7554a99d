import { convertToModelMessages, validateUIMessages, type UIMessage } from "ai";
import { expect, it } from "vitest";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../../agents/src/test/random";
import {
  analyzeCorruption,
  autoTransformMessage,
  autoTransformMessages,
  isUIMessage,
  migrateMessagesToUIFormat,
  migrateToUIMessage,
  needsMigration
} from "./ai-chat-v5-migration";

const call = { toolCallId: "c1", toolName: "weather", args: { city: "Porto" } };
const text = (value: string) => ({ type: "text", text: value });

const formats: [name: string, message: object, parts: object[], rest?: object][] = [
  ["a text", { role: "user", content: "hi" }, [text("hi")]],
  ["an empty text", { role: "assistant", content: "" }, [text("")]],
  [
    "fields beside the text",
    { role: "user", content: "hi", createdAt: "2025-01-01", annotations: [1], data: { a: 1 } },
    [text("hi")],
    { metadata: { createdAt: "2025-01-01", annotations: [1], data: { a: 1 } } }
  ],
  [
    "an empty answer with a date",
    { role: "assistant", content: "", createdAt: "d" },
    [text("")],
    { metadata: { createdAt: "d" } }
  ],
  [
    "reasoning",
    { role: "assistant", content: "so", reasoning: "hm" },
    [{ type: "reasoning", text: "hm", state: "done" }, text("so")]
  ],
  [
    "calls of two steps, out of order",
    {
      role: "assistant",
      content: "warm",
      toolInvocations: [
        { state: "result", step: 1, ...call, toolCallId: "c2", result: "ok" },
        { state: "result", step: 0, ...call, result: { degrees: 21 } }
      ]
    },
    [
      { type: "step-start" },
      { type: "tool-weather", toolCallId: "c1", state: "output-available", input: call.args, output: { degrees: 21 } },
      { type: "step-start" },
      { type: "tool-weather", toolCallId: "c2", state: "output-available", input: call.args, output: "ok" },
      { type: "step-start" },
      text("warm")
    ]
  ],
  [
    "calls without results",
    {
      role: "assistant",
      content: "",
      toolInvocations: [
        { state: "call", ...call },
        { state: "partial-call", ...call, toolCallId: "c2" }
      ]
    },
    [
      { type: "step-start" },
      { type: "tool-weather", toolCallId: "c1", state: "input-available", input: call.args },
      { type: "tool-weather", toolCallId: "c2", state: "input-streaming", input: call.args }
    ]
  ],
  [
    "attachments",
    {
      role: "user",
      content: "see",
      parts: [text("see")],
      experimental_attachments: [
        { name: "a.png", contentType: "image/png", url: "https://example.com/a.png" },
        { url: "data:text/plain;base64,aGk=" },
        "nonsense"
      ]
    },
    [
      text("see"),
      { type: "file", mediaType: "image/png", url: "https://example.com/a.png", filename: "a.png" },
      { type: "file", mediaType: "text/plain", url: "data:text/plain;base64,aGk=" },
      text("nonsense")
    ]
  ],
  [
    "parts of release 4",
    {
      role: "assistant",
      content: "said",
      reasoning: "thought",
      toolInvocations: [{ state: "result", ...call, result: 1 }],
      parts: [
        { type: "step-start" },
        {
          type: "reasoning",
          reasoning: "thought",
          details: [
            { type: "text", text: "thought", signature: "s" },
            { type: "redacted", data: "x" }
          ]
        },
        { type: "tool-invocation", toolInvocation: { state: "result", step: 0, ...call, result: 1 } },
        { type: "source", source: { sourceType: "url", id: "s1", url: "https://example.com", title: "Example" } },
        { type: "file", mimeType: "image/png", data: "AAAA" },
        text("said")
      ]
    },
    [
      { type: "step-start" },
      { type: "reasoning", text: "thought", state: "done", providerMetadata: { anthropic: { signature: "s" } } },
      { type: "reasoning", text: "", state: "done", providerMetadata: { anthropic: { redactedData: "x" } } },
      { type: "tool-weather", toolCallId: "c1", state: "output-available", input: call.args, output: 1 },
      { type: "source-url", sourceId: "s1", url: "https://example.com", title: "Example" },
      { type: "file", mediaType: "image/png", url: "data:image/png;base64,AAAA" },
      text("said")
    ]
  ],
  [
    "the content of a model message",
    {
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm", signature: "s" },
        { type: "tool-call", ...call },
        { type: "tool-result", toolCallId: "c2", toolName: "t", result: "no", isError: true },
        { type: "image", image: "AAAA", mimeType: "image/webp" },
        { type: "weird", value: 1 }
      ]
    },
    [
      { type: "reasoning", text: "hm", state: "done", providerMetadata: { anthropic: { signature: "s" } } },
      { type: "tool-weather", toolCallId: "c1", state: "input-available", input: call.args },
      { type: "tool-t", toolCallId: "c2", state: "output-error", input: {}, errorText: "no" },
      { type: "file", mediaType: "image/webp", url: "data:image/webp;base64,AAAA" },
      text('{"type":"weird","value":1}')
    ]
  ],
  [
    "an array for a content",
    { role: "user", content: [text("one"), "two", ["three"]] },
    ["one", "two", "three"].map(text)
  ],
  [
    "an array for a text",
    { role: "user", parts: [{ type: "text", text: [text("one"), "two"] }] },
    ["one", "two"].map(text)
  ],
  [
    "a content that the parts have not",
    { role: "user", content: "more", parts: [text(""), { type: "file", data: "AA" }] },
    [
      text(""),
      { type: "file", mediaType: "application/octet-stream", url: "data:application/octet-stream;base64,AA" },
      text("more")
    ]
  ],
  [
    "a content that differs from the parts",
    { role: "user", content: "other", parts: [{ type: "text", text: ["this"] }] },
    [text("this")],
    { metadata: { content: "other" } }
  ],
  [
    "metadata of its own",
    { role: "user", content: "hi", createdAt: "d", metadata: { mine: 1 } },
    [text("hi")],
    { metadata: { createdAt: "d", mine: 1 } }
  ],
  [
    "a message for the page",
    { role: "data", content: "", data: 1 },
    [text("")],
    { role: "assistant", metadata: { role: "data", data: 1 } }
  ],
  [
    "a text for the page",
    { role: "data", content: "progress" },
    [{ type: "data-content", data: "progress" }],
    { role: "assistant", metadata: { role: "data" } }
  ]
];

it.each(formats)("migrates %s", async (_, fields, parts, rest = {}) => {
  const before = structuredClone(fields);
  const message = autoTransformMessage({ id: "m1", ...fields });
  expect(message).toEqual({ id: "m1", role: "role" in fields ? fields.role : "user", parts, ...rest });
  expect(fields).toEqual(before);
  expect(isUIMessage({ id: "m1", ...fields })).toBe(false);
  expect(isUIMessage(message)).toBe(true);
  expect(autoTransformMessage(message)).toBe(message);
  await validateUIMessages({ messages: [message] });
  await convertToModelMessages([message]);
});

const current: object[] = [
  { type: "text", text: "a", state: "streaming", providerMetadata: { openai: { itemId: "i" } } },
  { type: "reasoning", text: "a", id: "r", providerMetadata: { anthropic: { signature: "s" } } },
  // Tools may have such names.
  { type: "tool-call", toolCallId: "c", state: "input-available", input: {} },
  { type: "tool-result", toolCallId: "c", state: "output-available", input: {}, output: 1 },
  { type: "tool-invocation", toolCallId: "c", state: "output-error", input: {}, errorText: "e" },
  { type: "dynamic-tool", toolName: "t", toolCallId: "c", state: "input-streaming" },
  { type: "file", mediaType: "image/png", url: "https://example.com" },
  { type: "source-url", sourceId: "s", url: "https://example.com" },
  { type: "source-document", sourceId: "s", mediaType: "application/pdf", title: "t" },
  { type: "data-chart", data: [1] },
  { type: "step-start" },
  { type: "of-a-later-release", value: 1 }
];

it.each(current.map((part) => [(part as { type: string }).type, part]))("leaves a part %s as it is", (_, part) => {
  const message = { id: "m", role: "assistant", parts: [part], content: "what an application adds", custom: 1 };
  const parts = [...message.parts, text("x")];
  expect(autoTransformMessage({ ...message, parts }).parts).toEqual(parts);
  const { content: __, ...bare } = message;
  expect(isUIMessage(bare)).toBe(true);
  expect(autoTransformMessage(bare)).toBe(bare);
});

it("keeps what it does not know as text, and never throws", () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error("no");
      },
      ownKeys: () => {
        throw new Error("no");
      }
    }
  );
  const deep = JSON.parse("[".repeat(20_000) + "]".repeat(20_000)) as unknown;
  const values = [
    undefined,
    null,
    5,
    "hello",
    [1],
    {},
    { note: "kept" },
    () => 1,
    5n,
    Symbol("s"),
    cyclic,
    hostile,
    deep
  ];
  for (const value of [...values, ...values.map((content) => ({ role: "user", content }))]) {
    const message = autoTransformMessage(value);
    expect(isUIMessage(message)).toBe(true);
    expect(autoTransformMessage(message)).toBe(message);
    expect(analyzeCorruption([value])).toMatchObject({ total: 1, clean: 0 });
  }
  expect(autoTransformMessage("hello")).toMatchObject({ role: "user", parts: [text("hello")] });
  expect(autoTransformMessage({ note: "kept" })).toMatchObject({ role: "user", parts: [text('{"note":"kept"}')] });
});

it("gives messages without an id the same one each time, and different ones in a list", () => {
  const message = { role: "user", content: "ok" };
  expect(autoTransformMessage(message)).toEqual(autoTransformMessage({ ...message }));
  const ids = autoTransformMessages([message, message, { ...message, id: "m" }, { ...message, id: 7 }]).map(
    ({ id }) => id
  );
  expect(new Set(ids).size).toBe(4);
  expect(ids.slice(2)).toEqual(["m", "7"]);
});

it("counts what there is of each kind, with an example", () => {
  const stored = [
    { id: "1", role: "user", parts: [text("hi")] },
    { id: "2", role: "user", content: "hi" },
    { id: "3", role: "user", content: "ho" },
    { id: "4", role: "user", content: [text("hi")] },
    { id: "5", role: "user", parts: [{ type: "text", text: ["hi"] }] },
    17
  ];
  expect(analyzeCorruption(stored)).toEqual({
    total: 6,
    clean: 1,
    legacyString: 2,
    corruptArray: 2,
    unknown: 1,
    examples: { legacyString: stored[1], corruptArray: stored[3], unknown: 17 }
  });
});

it("has the deprecated names", () => {
  const message = { id: "m", role: "user", content: "hi" } as const;
  expect(needsMigration(message)).toBe(true);
  expect(needsMigration([autoTransformMessage(message), message])).toBe(true);
  expect(needsMigration([autoTransformMessage(message)])).toBe(false);
  expect(migrateToUIMessage(message)).toEqual(autoTransformMessage(message));
  expect(migrateMessagesToUIFormat([message])).toEqual(autoTransformMessages([message]));
});

let unique = 0;
const word = () => `word${unique++}.`;

/** Any value, made of what messages are made of, in wrong places too. Every text in it is unique. */
function anything(random: Random, depth = 0): unknown {
  const kinds = depth > 4 ? 3 : 12;
  switch (random.below(kinds)) {
    case 0:
      return word();
    case 1:
      return random.pick([null, 0, true, "", 3.5]);
    case 2:
      return random.pick(["user", "assistant", "text", "call", "result", "tool-invocation", "data:text/plain,hi"]);
    case 3:
    case 4:
      return Array.from({ length: random.below(4) }, () => anything(random, depth + 1));
    default: {
      const names = [
        "type",
        "text",
        "content",
        "parts",
        "role",
        "state",
        "toolCallId",
        "toolInvocations",
        "data",
        "result"
      ];
      names.push(
        "toolInvocation",
        "toolName",
        "args",
        "reasoning",
        "details",
        "signature",
        "url",
        "mimeType",
        "source"
      );
      names.push("experimental_attachments", "id", "metadata", "output", "image", "step", "__proto__");
      const types = [
        "text",
        "reasoning",
        "tool-invocation",
        "tool-call",
        "tool-result",
        "source",
        "file",
        "image",
        "x"
      ];
      const entries = Array.from({ length: random.below(6) }, () => [random.pick(names), anything(random, depth + 1)]);
      if (random.chance(0.6)) entries.push(["type", random.pick(types)]);
      return Object.fromEntries(entries) as unknown;
    }
  }
}

it(`loses nothing, whatever is stored (${fuzzSeeds} seeds)`, { timeout: fuzzTimeoutMs(10_000) }, async () => {
  await eachSeed(async (random) => {
    unique = 0;
    const stored = Array.from({ length: 3 }, (): unknown => {
      const value = anything(random);
      const isLike = random.chance(0.8) && typeof value === "object" && value !== null && !Array.isArray(value);
      return isLike ? { ...value, id: "m", role: random.pick(["user", "assistant", "system", "data"]) } : value;
    });
    const before = JSON.stringify(stored);
    const messages: UIMessage[] = autoTransformMessages(stored);
    expect(JSON.stringify(stored)).toBe(before);
    expect(messages.every(isUIMessage)).toBe(true);
    expect(autoTransformMessages(messages)).toEqual(messages);
    const after = JSON.stringify(messages);
    for (const [said] of before.matchAll(/word\d+\./g)) expect(after).toContain(said);
    await convertToModelMessages(messages);
  });
});
