import type { DemoCall, Intent } from "./demo-intent";
import { reminderIntent } from "./demo-reminders";
import { countTo, longStory } from "./demo-texts";

const askForCity = "Which city would you like the weather for?";

const abilities = [
  "- **Weather**: “What is the weather in Tokyo?” runs a tool on the server.",
  "- **Timezone**: “What timezone am I in?” runs a tool in your browser.",
  "- **Arithmetic**: “What is 5000 times 3?” asks for your approval first, because the number is large.",
  "- **Reminders**: “Remind me in 10 seconds to stretch” or “Remind me every day at 9 to write my journal” does something later.",
  "- **Long answers**: “Tell me a long story” or “Count to 100” stream for a while. Reload the page meanwhile, and it goes on."
].join("\n");

const whatIAm =
  "I am a small **demo model**: I answer by a handful of fixed rules and run inside this project, without a network or " +
  "an API key. The tools, the streaming and the memory of this conversation are real; only the intelligence is not. " +
  "See the README for the three lines that connect a real model.";

/**
 * Reads one user message. `answered` is what the assistant said just before it, for replies such as a bare city name; `now`
 * has the date and time of where the user is.
 */
export function readIntent(message: string, answered = "", toolNames: readonly string[] = [], now = ""): Intent {
  const text = message.trim();

  const say = /^(?:say|repeat|repeat after me|echo)\s*:\s*([\s\S]+)$/i.exec(text);
  if (say) return { kind: "text", text: say[1]! };
  if (/^(simulate|cause|trigger) an? (error|failure)\b/i.test(text)) return { kind: "fail" };
  if (/\b(long (story|text|answer|reply|poem)|write (me )?(a|an) (essay|article)|write a lot)\b/i.test(text)) {
    return { kind: "text", text: longStory };
  }
  const count = /\bcount (?:up )?(?:from (?:one|1) )?to (\d[\d,]*)/i.exec(text);
  if (count) return { kind: "text", text: countTo(Math.max(1, Math.min(number(count[1]!), 2000))) };

  const named = callByName(text, toolNames);
  if (named) return named;
  const reminder = reminderIntent(text, now);
  if (reminder) return reminder;

  const calls = text.split(/\bthen\b/i).flatMap((part, step) => callsIn(part, step));
  if (calls.length > 0) return { kind: "calls", calls };
  if (answered.includes(askForCity) && cities(text).length > 0) {
    return { kind: "calls", calls: cities(text).map((city) => weather(city, 0)) };
  }
  if (/\b(weather|forecast)\b/i.test(text)) return { kind: "text", text: askForCity };
  if (isLongSum(text)) {
    return {
      kind: "text",
      text: "My calculator takes two numbers at a time. Try “12 + 7”, then go on with the result."
    };
  }
  return smallTalk(text);
}

/** "my name is Ada", "call me Ada", "I'm Ada" → "Ada" */
export function nameIn(text: string): string | undefined {
  const match =
    /\b[Mm]y name(?: is|'s|’s)\s+(\p{L}[\p{L}\p{M}'’-]*(?:\s+\p{Lu}[\p{L}\p{M}'’-]*)*)/u.exec(text) ??
    /\b(?:I am|I'm|I’m|[Cc]all me)\s+(\p{Lu}[\p{L}\p{M}'’-]*)(?=[\s.,!]|$)/u.exec(text);
  return match ? properCase(match[1]!) : undefined;
}

function smallTalk(text: string): Intent {
  if (/\b(what(?:'s| is)|do you (?:know|remember)|remember) my name\b|\bwho am I\b/i.test(text)) {
    return { kind: "recall", what: "name" };
  }
  if (/\bwhat (did|was|were) .*\b(first|beginning)\b|\bmy first (message|question)\b/i.test(text)) {
    return { kind: "recall", what: "first" };
  }
  if (/\bwhat did I (just )?(say|ask|write)\b|\bmy (last|previous) (message|question)\b/i.test(text)) {
    return { kind: "recall", what: "previous" };
  }
  if (/\bnotes?\b/i.test(text) && /\b(what|show|read|tell|which)\b/i.test(text))
    return { kind: "recall", what: "notes" };
  if (/\bwho are you\b|\b(your|assistant'?s) name\b/i.test(text)) return { kind: "recall", what: "self" };
  if (/\b(are you|is this|what) .*\b(demo|real|model|ai|llm|bot)\b/i.test(text)) return { kind: "text", text: whatIAm };

  const name = nameIn(text);
  if (name) return { kind: "text", text: `Nice to meet you, ${name}. I will remember your name in this conversation.` };
  if (/^(hi|hello|hey|good (morning|afternoon|evening)|greetings|howdy)\b/i.test(text)) {
    return { kind: "text", text: `Hello! I am the demo model of this project. Here is what I can do:\n\n${abilities}` };
  }
  if (/\b(help|what can you do|what do you do)\b/i.test(text)) {
    return { kind: "text", text: `Here is what I can do:\n\n${abilities}` };
  }
  if (/^(thanks|thank you|thx|cheers)\b/i.test(text)) return { kind: "text", text: "You are welcome." };
  if (/^(bye|goodbye|see you)\b/i.test(text)) {
    return { kind: "text", text: "Goodbye. This conversation is saved: it will be here when you come back." };
  }
  return {
    kind: "text",
    text:
      "I am a demo model that answers by fixed rules, and none of them matches that. Connect a real model (see the README) " +
      `for open questions. Meanwhile, these work:\n\n${abilities}`
  };
}

/** "use the tool searchDocs with {"query":"x"}" calls any tool that is there, for instance one of an MCP server. */
function callByName(text: string, toolNames: readonly string[]): Intent | undefined {
  const match = /\b(?:use|call|run)\s+(?:the\s+)?tool\s+["“`]?([\w.:-]+)["”`]?(?:[^{]*?(\{[\s\S]*\}))?/i.exec(text);
  if (!match) return undefined;
  const toolName = toolNames.find((name) => name.toLowerCase() === match[1]!.toLowerCase()) ?? match[1]!;
  const input = parseObject(match[2]);
  if (!input) return { kind: "text", text: `The arguments for \`${toolName}\` are not a JSON object.` };
  return { kind: "calls", calls: [{ toolName, input, step: 0 }] };
}

function callsIn(text: string, step: number): DemoCall[] {
  const calls: { at: number; call: DemoCall }[] = [];
  const weatherIn = /\b(?:weather|forecast|temperature)\b[^.?!]*?\b(?:in|for|at)\s+([^?!.\n]+)/i.exec(text);
  if (weatherIn) {
    for (const city of cities(weatherIn[1]!)) calls.push({ at: weatherIn.index, call: weather(city, step) });
  } else {
    const before =
      /^([\p{L}\p{M}'’ -]{2,40}?)\s+(?:weather|forecast)(?:\s+(?:today|now|please|tomorrow))*[?.!]*$/iu.exec(
        text.trim()
      );
    const city = before && cities(before[1]!)[0];
    if (city) calls.push({ at: 0, call: weather(city, step) });
  }
  const zone = /\btime ?zone\b|\b(?:what(?:'s| is) the|my local|the local) time\b|\bwhat time is it\b/i.exec(text);
  if (zone) calls.push({ at: zone.index, call: { toolName: "getUserTimezone", input: {}, step } });
  for (const sum of sums(text)) {
    calls.push({
      at: sum.at,
      call: { toolName: "calculate", input: { a: sum.a, b: sum.b, operator: sum.operator }, step }
    });
  }
  return calls.sort((left, right) => left.at - right.at).map(({ call }) => call);
}

const weather = (city: string, step: number): DemoCall => ({ toolName: "getWeather", input: { city }, step });

const notACity =
  /\b(what|which|who|how|when|why|is|are|it|like|and|tell|me|my|your|please|time|timezone|calculate|today'?s?)\b/i;

/** "Tokyo, Paris and New York right now" → ["Tokyo", "Paris", "New York"] */
function cities(text: string): string[] {
  const found: string[] = [];
  for (const piece of text.split(/,|;|&|\band\b/i)) {
    const name = piece
      .replace(
        /\b(?:right now|now|today|tonight|tomorrow|please|at the moment|this (?:week|evening|morning)|currently|in (?:celsius|fahrenheit))\b/gi,
        " "
      )
      .replace(/[^\p{L}\p{M}'’. -]+/gu, " ")
      .trim()
      .replace(/^(?:(?:in|at|for|of)\s+)?(?:the city of\s+)?/i, "")
      .replace(/\s+/g, " ");
    if (name === "" || name.split(" ").length > 4 || notACity.test(name) || /\d/.test(piece)) continue;
    found.push(properCase(name));
  }
  return found;
}

const operators: [RegExp, string][] = [
  [/^(?:times|multiplied by|x|×|\*)$/i, "*"],
  [/^(?:plus|added to|\+)$/i, "+"],
  [/^(?:minus|-|−|–)$/i, "-"],
  [/^(?:divided by|over|÷|\/)$/i, "/"],
  [/^(?:modulo|mod|%)$/i, "%"]
];
const num = "-?\\d[\\d,]*(?:\\.\\d+)?";
const infix = "times|multiplied by|plus|added to|minus|divided by|over|modulo|mod|[x×*+\\-−–÷/%]";
const isoDate = /\b\d{4}-\d{2}-\d{2}\b/g;

type Sum = { a: number; b: number; operator: string; at: number };

function sums(message: string): Sum[] {
  const text = message.replace(isoDate, " ");
  if (isLongSum(text)) return [];
  const found: Sum[] = [];
  for (const match of text.matchAll(new RegExp(`(${num})\\s*(${infix})\\s*(${num})`, "gi"))) {
    const operator = operators.find(([pattern]) => pattern.test(match[2]!))![1];
    found.push({ a: number(match[1]!), b: number(match[3]!), operator, at: match.index });
  }
  const spoken: [string, string, boolean][] = [
    ["(?:add|sum of)", "+", false],
    ["multiply", "*", false],
    ["divide", "/", false],
    ["(?:subtract|take)", "-", true],
    ["remainder of", "%", false]
  ];
  if (found.length > 0) return found;
  for (const [verb, operator, swapped] of spoken) {
    const match = new RegExp(`\\b${verb}\\s+(${num})\\s+(?:and|by|to|from|with)\\s+(${num})`, "i").exec(text);
    if (!match) continue;
    const [first, second] = [number(match[1]!), number(match[2]!)];
    found.push({ a: swapped ? second : first, b: swapped ? first : second, operator, at: match.index });
  }
  return found;
}

const isLongSum = (text: string) =>
  new RegExp(`${num}(?:\\s*(?:${infix})\\s*${num}){2,}`, "i").test(text.replace(isoDate, " "));

const number = (digits: string) => Number(digits.replaceAll(",", ""));

/** Leaves "McMurdo" and "rio de Janeiro" alone; "tokyo" becomes "Tokyo". */
function properCase(name: string): string {
  return name === name.toLowerCase() ? name.replace(/(^|[\s-])\p{L}/gu, (start) => start.toUpperCase()) : name;
}

function parseObject(json: string | undefined): Record<string, unknown> | undefined {
  if (json === undefined) return {};
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
