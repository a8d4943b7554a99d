import type { LanguageModelV4Message, LanguageModelV4Prompt, LanguageModelV4ToolResultOutput } from "@ai-sdk/provider";
import type { DemoCall, Intent } from "./demo-intent";
import { describeReminders } from "./demo-reminders";
import { nameIn, readIntent } from "./demo-rules";

/** One turn of the demo model: some text, some tool calls, or a failure after the text. */
export type DemoTurn = { text: string; calls: DemoCall[]; failure?: string };

/** Decides what to say next, from the prompt alone. */
export function answerTo(prompt: LanguageModelV4Prompt, toolNames: readonly string[]): DemoTurn {
  const lastUser = prompt.findLastIndex((message) => message.role === "user");
  const question = lastUser === -1 ? "" : textOf(prompt[lastUser]!);
  const before = lastAnswer(prompt.slice(0, Math.max(lastUser, 0)));
  const intent = readIntent(question, before, toolNames, instructionsIn(prompt));

  if (intent.kind === "text") return say(intent.text);
  if (intent.kind === "recall") return say(recall(intent, prompt, lastUser));
  if (intent.kind === "fail") return fail(question);

  const missing = intent.calls.find((call) => !toolNames.includes(call.toolName));
  if (missing) return say(`I would need a tool called \`${missing.toolName}\` for that, and I was not given one.`);

  const outcomes = outcomesIn(prompt.slice(lastUser + 1));
  const next = intent.calls[outcomes.length];
  if (next) return { text: "", calls: intent.calls.slice(outcomes.length).filter((call) => call.step === next.step) };
  return say(outcomes.map(describe).join("\n\n"));
}

const say = (text: string): DemoTurn => ({ text, calls: [] });

const failed = new Set<string>();

/** Fails the first time and works the second, so that "Retry" has something to show. */
function fail(question: string): DemoTurn {
  if (failed.delete(question)) return say("This time it worked. The first attempt failed because you asked for that.");
  failed.add(question);
  return { text: "Here comes the error that you asked for", calls: [], failure: "The demo model failed on purpose." };
}

type Outcome = {
  toolName: string;
  input: unknown;
  result:
    | { status: "ok"; value: unknown }
    | { status: "denied"; reason?: string }
    | { status: "error"; message: string };
};

/** What became of the tool calls of this turn, in the order in which they were made. */
function outcomesIn(messages: LanguageModelV4Message[]): Outcome[] {
  const outputs = new Map<string, LanguageModelV4ToolResultOutput>();
  for (const { role, content } of messages) {
    if (role !== "tool" && role !== "assistant") continue;
    for (const part of content) if (part.type === "tool-result") outputs.set(part.toolCallId, part.output);
  }
  const outcomes: Outcome[] = [];
  for (const { role, content } of messages) {
    if (role !== "assistant") continue;
    for (const part of content) {
      if (part.type !== "tool-call") continue;
      outcomes.push({ toolName: part.toolName, input: part.input, result: resultOf(outputs.get(part.toolCallId)) });
    }
  }
  return outcomes;
}

function resultOf(output: LanguageModelV4ToolResultOutput | undefined): Outcome["result"] {
  switch (output?.type) {
    case undefined:
      return { status: "error", message: "it did not finish" };
    case "json":
    case "text":
    case "content":
      return { status: "ok", value: output.value };
    case "execution-denied":
      return { status: "denied", reason: output.reason };
    case "error-text":
    case "error-json": {
      const text = typeof output.value === "string" ? output.value : JSON.stringify(output.value);
      const message = text.replace(/^Error: /, "").replace(/\.$/, "");
      // A refusal from an earlier turn comes back as the text of an error.
      return /\b(denied|declined|rejected)\b/i.test(message) ? { status: "denied" } : { status: "error", message };
    }
  }
}

function describe({ toolName, input, result }: Outcome): string {
  const asked = fields(input);
  if (result.status === "denied") {
    const what = toolName === "calculate" ? `calculate **${readable(asked)}**` : `run \`${toolName}\``;
    const why = result.reason ? ` (“${result.reason}”)` : "";
    const instead =
      toolName === "calculate" ? " Numbers up to 1000 need no approval, if you would like to try smaller ones." : "";
    return `You declined, so I did not ${what}${why}.${instead || " Is there something else I can do?"}`;
  }
  if (result.status === "error")
    return `\`${toolName}\` failed: ${result.message}. Would you like to try something else?`;

  const value = fields(result.value);
  if ("error" in value) return `\`${toolName}\` failed: ${String(value.error)}. Would you like to try something else?`;
  if (toolName === "getWeather") return describeWeather(value);
  if (toolName.endsWith("Reminder") || toolName.endsWith("Reminders")) return describeReminders(toolName, value);
  if (toolName === "getUserTimezone") {
    const time = value.localTime === undefined ? "" : `, where it is now **${String(value.localTime)}**`;
    return `Your browser says that you are in the timezone **${String(value.timezone)}**${time}.`;
  }
  if (toolName === "calculate") return `**${readable(asked)} = ${formatNumber(value.result)}**`;
  return `\`${toolName}\` returned:\n\n\`\`\`json\n${JSON.stringify(result.value, null, 2)}\n\`\`\``;
}

function describeWeather(weather: Record<string, unknown>): string {
  const { city, condition, temperature, unit, humidity, wind } = weather;
  const rows = [
    ["Temperature", `${String(temperature)} °${String(unit ?? "C")}`],
    ["Condition", String(condition)],
    ...(humidity === undefined ? [] : [["Humidity", `${String(humidity)} %`]]),
    ...(wind === undefined ? [] : [["Wind", `${String(wind)} km/h`]])
  ];
  return [
    `It is **${String(condition)}** in **${String(city)}**, at **${String(temperature)} °${String(unit ?? "C")}**.`,
    "",
    `| ${String(city)} | now |`,
    "| --- | --- |",
    ...rows.map(([name, value]) => `| ${name} | ${value} |`)
  ].join("\n");
}

function recall(
  { what }: Extract<Intent, { kind: "recall" }>,
  prompt: LanguageModelV4Prompt,
  lastUser: number
): string {
  const said = prompt
    .slice(0, Math.max(lastUser, 0))
    .filter((message) => message.role === "user")
    .map(textOf);
  const system = instructionsIn(prompt);
  switch (what) {
    case "name": {
      const name = said.map(nameIn).findLast((found) => found !== undefined);
      return name
        ? `Your name is **${name}**. You told me earlier in this conversation.`
        : "You have not told me your name yet.";
    }
    case "first":
      return said.length > 0
        ? `The first thing you said was:\n\n${quote(said[0]!)}`
        : "This is the first thing you have said.";
    case "previous":
      return said.length > 0
        ? `Just before this you said:\n\n${quote(said.at(-1)!)}`
        : "You have not said anything before this.";
    case "notes": {
      const notes = /<notes>\n?([\s\S]*?)\n?<\/notes>/.exec(system)?.[1]?.trim();
      return notes
        ? `The shared notes say:\n\n${quote(notes)}`
        : "There are no shared notes yet. You can write some in the panel.";
    }
    case "self": {
      const name = /Your name is "([^"]+)"/.exec(system)?.[1];
      return `${name ? `I am **${name}**` : "I am the assistant of this project"}, played by a demo model that answers by fixed rules.`;
    }
  }
}

const instructionsIn = (prompt: LanguageModelV4Prompt): string =>
  prompt
    .filter((message) => message.role === "system")
    .map((message) => message.content)
    .join("\n");

function lastAnswer(messages: LanguageModelV4Message[]): string {
  const message = messages.findLast(({ role }) => role === "assistant");
  return message ? textOf(message) : "";
}

function textOf(message: LanguageModelV4Message): string {
  if (typeof message.content === "string") return message.content;
  return message.content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

const quote = (text: string) =>
  text
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n");

const fields = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const signs: Record<string, string> = { "*": "×", "/": "÷", "-": "−", "%": "mod" };

const readable = ({ a, operator, b }: Record<string, unknown>) =>
  `${formatNumber(a)} ${signs[String(operator)] ?? String(operator)} ${formatNumber(b)}`;

/** Without the noise of binary fractions: 0.1 + 0.2 is 0.3. */
const formatNumber = (value: unknown) =>
  typeof value === "number" ? String(Number(value.toPrecision(12))) : String(value);
