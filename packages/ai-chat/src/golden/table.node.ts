/** A conversation of `streams`, and what becomes of it. */
export interface Golden {
  provider: string;
  name: string;
  /** What is in the message's parts, steps aside. */
  parts: object[];
  /** The same with version 6 of the AI SDK, whose providers tell some things otherwise. */
  partsOn6?: object[];
  /** Values that the next request to the model has as they were received. */
  sent?: string[];
  /** The application writes parts of its own around it. */
  withData?: true;
  /** The stream tells an error. */
  fails?: true;
}

const text = (value: string, state = "done") => ({ type: "text", text: value, state });
const reasoning = (value: string, providerMetadata?: object) => ({
  type: "reasoning",
  text: value,
  state: "done",
  ...(providerMetadata && { providerMetadata })
});
const call = (toolCallId: string, toolName: string, input: object, result: object) => ({
  type: `tool-${toolName}`,
  toolCallId,
  input,
  state: "errorText" in result ? "output-error" : "output-available",
  ...result
});
const porto = (id: string) => call(id, "weather", { city: "Porto" }, { output: { city: "Porto", degrees: 21 } });
const tromsø = (id: string) => call(id, "weather", { city: "Tromsø" }, { output: { city: "Tromsø", degrees: -4 } });
const failed = (id: string, why: string) => call(id, "fail", { why }, { errorText: `golden: failed: ${why}` });
const source = { type: "source-url", url: "https://example.com/towers", title: "Towers" };
const signed = (signature: string) => ({ anthropic: { signature } });

const searched = [
  text("I'll search."),
  {
    type: "tool-web_search",
    toolCallId: "srvtoolu_01S",
    state: "output-available",
    input: { query: "tallest tower" },
    providerExecuted: true
  },
  { ...source, providerMetadata: { anthropic: { pageAge: "April 30, 2025" } } },
  {
    ...text("828 m."),
    providerMetadata: { anthropic: { citations: [{ encrypted_index: "Eo8BCioIAhgBIiQyYjQ0OWJmZi1lNm==" }] } }
  }
];
const cited = { ...source, providerMetadata: { anthropic: { encryptedIndex: "Eo8BCioIAhgBIiQyYjQ0OWJmZi1lNm==" } } };

const anthropic: Omit<Golden, "provider">[] = [
  { name: "text", parts: [text("Grüße, “quoted” \\ and\n\ndata: not an event\n日本 👩‍👩‍👧 \u2028end")] },
  {
    name: "tools",
    parts: [
      reasoning("Two cities, two calls.", signed("EqQBCgIYAhIkZ29sZGVuL+signature==")),
      text("Let me look."),
      porto("toolu_01A"),
      tromsø("toolu_01B"),
      reasoning("Porto is warm.", signed("EtgBCkgIAhABGAIiQLATERsignature/+A=")),
      failed("toolu_02A", "no reason"),
      text("Porto: 21°, Tromsø: −4°.")
    ],
    sent: [
      "EqQBCgIYAhIkZ29sZGVuL+signature==",
      "EtgBCkgIAhABGAIiQLATERsignature/+A=",
      "toolu_01B",
      "Two cities, two calls."
    ]
  },
  {
    name: "reasoning",
    parts: [
      reasoning("First,\nthen second.", signed("ErUBCkYIBRgCIkD=+/sig")),
      reasoning("", {
        anthropic: { redactedData: "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP" }
      }),
      text("So: 4.")
    ],
    sent: ["ErUBCkYIBRgCIkD=+/sig", "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP"]
  },
  {
    name: "sources",
    parts: searched,
    partsOn6: [...searched, cited],
    sent: ["Eo8BCioIAhgBIiQyYjQ0OWJmZi1lNm==", "EqgfCioIARgBIiQ3YTAwMjY1Mi1mZjM5LTQ1NGUtODgxNC1kNjNjNTk1ZWI3Y="]
  },
  {
    name: "error",
    parts: [text("Half of"), { type: "tool-weather", state: "input-available" }, text("an ans", "streaming")],
    fails: true
  },
  { name: "length", parts: [text("A story that does not")], sent: ["A story that does not"] },
  {
    name: "invalid-input",
    parts: [
      { toolCallId: "toolu_01I", state: "output-error" },
      { toolCallId: "toolu_02I", state: "output-error" },
      text("I cannot.")
    ],
    sent: ["toolu_01I", "toolu_02I"]
  }
];

const compatible: Omit<Golden, "provider">[] = [
  { name: "text", parts: [text("Grüße, “日本 👩‍👩‍👧\n\ndata: x")] },
  {
    name: "tools",
    parts: [text("Let me look."), porto("call_A"), tromsø("call_B"), failed("call_C", "x"), text("21° and −4°.")],
    sent: ["call_A", "call_B", "call_C"]
  },
  { name: "reasoning", parts: [reasoning("First,\nthen."), text("So: 4.")] },
  { name: "error", parts: [text("Half of")], fails: true },
  { name: "length", parts: [text("A story that does not")] },
  { name: "invalid-input", parts: [{ toolCallId: "call_I", state: "output-error" }, text("I cannot.")] }
];

const openai: Omit<Golden, "provider">[] = [
  { name: "text", parts: [text("Grüße, “日本 👩‍👩‍👧\n\ndata: x")] },
  {
    name: "tools",
    parts: [reasoning("Two cities."), porto("call_A"), tromsø("call_B"), failed("call_C", "x"), text("21° and −4°.")],
    sent: ["call_A", "call_B", "call_C"]
  },
  { name: "reasoning", parts: [reasoning("First,\nthen."), text("So: 4.")] },
  { name: "sources", parts: [{ type: "text" }, source] },
  { name: "error", parts: [{ type: "text", text: "Half of" }], fails: true },
  { name: "length", parts: [text("A story that does not")] }
];

const signature = "CuIBAdHtim+/golden==";
const google: Omit<Golden, "provider">[] = [
  { name: "text", parts: [text("Grüße, “日本 👩‍👩‍👧\n\ndata: x")] },
  {
    name: "tools",
    parts: [
      reasoning("Two cities."),
      { type: "tool-weather", input: { city: "Porto" }, output: { degrees: 21 } },
      { type: "tool-weather", input: { city: "Tromsø" }, output: { degrees: -4 } },
      { type: "tool-fail", state: "output-error" },
      text("21° and −4°.")
    ],
    sent: [signature]
  },
  { name: "reasoning", parts: [reasoning("First,\nthen."), text("So: 4.")], sent: [signature] },
  {
    name: "files",
    parts: [text("Here:"), { type: "file", mediaType: "image/png", url: "data:image/png;base64,iVBORw0KGgo=" }]
  },
  { name: "sources", parts: [text("828 m."), source] },
  { name: "length", parts: [text("A story that does not")] }
];

export const golden: Golden[] = Object.entries({ anthropic, "openai-compatible": compatible, openai, google }).flatMap(
  ([provider, streams]) => streams.map((stream) => ({ provider, ...stream }))
);
