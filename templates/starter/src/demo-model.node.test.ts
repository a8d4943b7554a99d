import { convertToModelMessages, generateText, readUIMessageStream, stepCountIs, streamText, type UIMessage } from "ai";
import { describe, expect, it } from "vitest";
import { createDemoModel } from "./demo-model";
import { nameIn, readIntent } from "./demo-rules";
import { localTime, readTimeZone } from "./local-time";
import { initialState, type Reminder } from "./shared";
import { createTools, type ToolAgent } from "./tools";

const model = createDemoModel({ delayMs: 0 });
const reminders: Reminder[] = [];
const agent: ToolAgent = {
  state: initialState,
  remind: async (text, when, timeZone) => {
    const cron = typeof when === "string" ? { cron: when, timeZone } : {};
    const nextMs = when instanceof Date ? when.getTime() : typeof when === "number" ? when * 1_000 : 0;
    reminders.push({ id: String(reminders.length), text, nextMs, ...cron });
    return reminders.at(-1)!;
  },
  listReminders: () => ({ waiting: reminders, due: [] }),
  cancelReminder: async (id) =>
    reminders.splice(
      reminders.findIndex((reminder) => reminder.id === id),
      1
    ).length > 0
};
const allTools = createTools(agent, "Europe/Berlin", 0);

/** A conversation as the server of the starter holds it: UI messages in, UI messages out. */
class Conversation {
  messages: UIMessage[] = [];
  constructor(
    readonly instructions = "You are a helpful assistant.",
    readonly tools: Partial<typeof allTools> = allTools
  ) {}

  async ask(text: string): Promise<UIMessage> {
    this.messages.push({ id: `user-${this.messages.length}`, role: "user", parts: [{ type: "text", text }] });
    return this.continue();
  }

  async continue(): Promise<UIMessage> {
    const result = streamText({
      model,
      instructions: this.instructions,
      messages: await convertToModelMessages(this.messages),
      tools: this.tools as typeof allTools,
      stopWhen: stepCountIs(5)
    });
    const last = this.messages.at(-1);
    const stream = result.toUIMessageStream({ originalMessages: this.messages, onError: (error) => String(error) });
    let answer: UIMessage | undefined;
    for await (const message of readUIMessageStream({
      message: last?.role === "assistant" ? last : undefined,
      stream
    })) {
      answer = message;
    }
    if (last?.role === "assistant") this.messages.pop();
    this.messages.push(answer!);
    return answer!;
  }

  /** What the page does for Approve and Reject. */
  respond(approved: boolean, reason?: string) {
    const part = parts(this.messages.at(-1)!).find(({ state }) => state === "approval-requested")!;
    Object.assign(part, { state: "approval-responded", approval: { ...part.approval!, approved, reason } });
    return this.continue();
  }
}

type Part = { type: string; state?: string; input?: unknown; output?: unknown; errorText?: string; approval?: object };
const parts = (message: UIMessage) => message.parts as Part[];
const calls = (message: UIMessage) => parts(message).filter(({ type }) => type.startsWith("tool-"));
const text = (message: UIMessage) => message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");

describe("the demo model through streamText", () => {
  it("calls the weather tool and answers with its result", async () => {
    const answer = await new Conversation().ask("What is the weather in Tokyo?");
    expect(calls(answer)).toMatchObject([
      {
        type: "tool-getWeather",
        state: "output-available",
        input: { city: "Tokyo" },
        output: { city: "Tokyo", unit: "C" }
      }
    ]);
    const { temperature, condition } = calls(answer)[0]!.output as { temperature: number; condition: string };
    expect(text(answer)).toContain(`It is **${condition}** in **Tokyo**, at **${temperature} °C**.`);
  });

  it("calls a tool several times in one step and answers in order", async () => {
    const answer = await new Conversation().ask("Weather in Tokyo and Paris, and what is 12 + 7?");
    expect(calls(answer).map(({ type, input }) => [type, input])).toEqual([
      ["tool-getWeather", { city: "Tokyo" }],
      ["tool-getWeather", { city: "Paris" }],
      ["tool-calculate", { a: 12, b: 7, operator: "+" }]
    ]);
    expect(answer.parts.filter(({ type }) => type === "step-start")).toHaveLength(2);
    expect(text(answer)).toMatch(/Tokyo[\s\S]*Paris[\s\S]*12 \+ 7 = 19/);
  });

  it("takes one step after the other where the message says 'then'", async () => {
    const answer = await new Conversation().ask("What is the weather in Oslo, then what is 6 times 7?");
    expect(answer.parts.filter(({ type }) => type === "step-start")).toHaveLength(3);
    expect(text(answer)).toMatch(/Oslo[\s\S]*6 × 7 = 42/);
  });

  it("stops at a tool of the browser and goes on with its output", async () => {
    const chat = new Conversation();
    const asked = await chat.ask("What timezone am I in?");
    expect(calls(asked)).toMatchObject([{ type: "tool-getUserTimezone", state: "input-available" }]);
    expect(text(asked)).toBe("");
    Object.assign(calls(asked)[0]!, {
      state: "output-available",
      output: { timezone: "Asia/Tokyo", localTime: "09:30" }
    });
    expect(text(await chat.continue())).toContain("**Asia/Tokyo**, where it is now **09:30**");
  });

  it("waits for approval of large numbers, then calculates", async () => {
    const chat = new Conversation();
    const asked = await chat.ask("What is 5000 times 3?");
    expect(calls(asked)).toMatchObject([{ state: "approval-requested", input: { a: 5000, b: 3, operator: "*" } }]);
    const answer = await chat.respond(true);
    expect(calls(answer)).toMatchObject([{ state: "output-available", output: { result: 15000 } }]);
    expect(text(answer)).toBe("**5000 × 3 = 15000**");
  });

  it("says that the user declined, also in a later turn", async () => {
    const chat = new Conversation();
    await chat.ask("What is 5000 times 3?");
    const answer = await chat.respond(false, "too expensive");
    expect(text(answer)).toMatch(/^You declined, so I did not calculate \*\*5000 × 3\*\* \(“too expensive”\)\./);
    expect(text(await chat.ask("What is 2 plus 2?"))).toBe("**2 + 2 = 4**");
  });

  it("lets a new message supersede an approval that nobody answered", async () => {
    const chat = new Conversation();
    await chat.ask("What is 5000 times 3?");
    expect(text(await chat.ask("What is 2 plus 2?"))).toBe("**2 + 2 = 4**");
  });

  it("reports the error of a tool", async () => {
    const answer = await new Conversation().ask("What is 7 divided by 0?");
    expect(calls(answer)).toMatchObject([{ state: "output-error" }]);
    expect(text(answer)).toContain("`calculate` failed: Division by zero.");
  });

  it("schedules, lists and cancels reminders", async () => {
    const chat = new Conversation("It is now Saturday 2026-11-21T17:15:56+01:00.");
    const answer = await chat.ask("Please remind me tomorrow at 9 to call mom.");
    expect(calls(answer)).toMatchObject([
      {
        type: "tool-scheduleReminder",
        input: { description: "Call mom", when: { type: "scheduled", date: "2026-11-22T09:00:00+01:00" } },
        output: { text: "Call mom", next: "Sunday 2026-11-22T09:00:00+01:00" }
      }
    ]);
    expect(text(answer)).toContain("**Call mom**, Sunday 2026-11-22 at 09:00:00. It comes even if");
    await chat.ask("Remind me every weekday at 8:30 am to stretch");
    expect(reminders[1]).toMatchObject({ text: "Stretch", cron: "30 8 * * 1-5", timeZone: "Europe/Berlin" });
    expect(text(await chat.ask("What are my reminders?"))).toMatch(
      /- \*\*Call mom\*\*.*\n- \*\*Stretch\*\*.* from .* on/
    );
    expect(text(await chat.ask("Cancel the reminder to stretch"))).toBe("Cancelled:\n\n- Stretch");
    expect(text(await chat.ask("Cancel the reminder to dance"))).toBe("There is no such reminder.");
    expect(text(await chat.ask("Cancel all reminders"))).toBe("Cancelled:\n\n- Call mom");
    expect(text(await chat.ask("Show my reminders"))).toContain("There are no reminders");
    expect(text(await chat.ask("Remind me to breathe"))).toContain("When should I remind you?");
  });

  it("says so when it was not given the tool", async () => {
    const answer = await new Conversation(undefined, {}).ask("What is the weather in Tokyo?");
    expect(calls(answer)).toEqual([]);
    expect(text(answer)).toContain("a tool called `getWeather`");
  });

  it("remembers the conversation", async () => {
    const chat = new Conversation('Your name is "Robin".\n<notes>\nBuy milk\n</notes>');
    expect(text(await chat.ask("What is my name?"))).toContain("not told me your name");
    expect(text(await chat.ask("Hello, my name is Ada"))).toContain("Nice to meet you, Ada.");
    expect(text(await chat.ask("What is my name?"))).toContain("**Ada**");
    expect(text(await chat.ask("What did I say first?"))).toContain("> What is my name?");
    expect(text(await chat.ask("What did I just say?"))).toContain("> What did I say first?");
    expect(text(await chat.ask("What is your name?"))).toContain("**Robin**");
    expect(text(await chat.ask("What do the notes say?"))).toContain("> Buy milk");
  });

  it("asks for the city and understands the answer", async () => {
    const chat = new Conversation();
    expect(text(await chat.ask("How is the weather?"))).toContain("Which city");
    expect(calls(await chat.ask("reykjavik, please"))).toMatchObject([{ input: { city: "Reykjavik" } }]);
  });

  it("streams a long text in many pieces and stops at once when aborted", async () => {
    const abort = new AbortController();
    const { fullStream } = streamText({
      model: createDemoModel({ delayMs: 1 }),
      prompt: "Tell me a long story",
      abortSignal: abort.signal
    });
    let pieces = 0;
    let aborted = false;
    for await (const part of fullStream) {
      if (part.type === "text-delta" && ++pieces === 5) abort.abort();
      if (part.type === "abort") aborted = true;
    }
    expect(aborted).toBe(true);
    expect(pieces).toBeLessThan(10);
  });

  it("tells a long story with headings, a list, a table and code", async () => {
    const answer = text(await new Conversation().ask("Tell me a long story"));
    for (const feature of ["\n## ", "\n1. ", "| --- |", "```ts", "> "]) expect(answer).toContain(feature);
    expect(answer.split(/\s+/).length).toBeGreaterThan(500);
  });

  it("fails on request, and works on the second attempt", async () => {
    const run = async () => {
      const seen: string[] = [];
      for await (const part of streamText({ model, prompt: "Simulate an error 1", onError: () => {} }).fullStream) {
        if (part.type === "error") seen.push(String(part.error));
        if (part.type === "text-delta") seen.push(part.text);
      }
      return seen.join("");
    };
    expect(await run()).toContain("Error: The demo model failed on purpose.");
    expect(await run()).toContain("This time it worked.");
  });

  it("answers without streaming too, with usage and a finish reason", async () => {
    const { text, finishReason, usage } = await generateText({
      model,
      prompt: "What is 6 times 7?",
      tools: allTools,
      stopWhen: stepCountIs(5)
    });
    expect({ text, finishReason }).toEqual({ text: "**6 × 7 = 42**", finishReason: "stop" });
    expect(usage.outputTokens).toBeGreaterThan(0);
  });
});

describe("the time where the user is", () => {
  it.each([
    ["Europe/Berlin", "Saturday 2026-11-21T17:15:56+01:00"],
    ["America/St_Johns", "Saturday 2026-11-21T12:45:56-03:30"],
    ["Asia/Tokyo", "Sunday 2026-11-22T01:15:56+09:00"],
    ["UTC", "Saturday 2026-11-21T16:15:56+00:00"]
  ])("in %s is %s", (timeZone, expected) => {
    expect(localTime(Date.UTC(2026, 10, 21, 16, 15, 56), timeZone)).toBe(expected);
  });

  it("is that of UTC, if the page says nonsense", () => {
    expect(["Asia/Tokyo", "Mars/Phobos", "", 5, undefined].map(readTimeZone)).toEqual([
      "Asia/Tokyo",
      "UTC",
      "UTC",
      "UTC",
      "UTC"
    ]);
  });
});

describe("the rules", () => {
  const called = (message: string, tools: string[] = []) => {
    const intent = readIntent(message, "", tools);
    return intent.kind === "calls"
      ? intent.calls.map(({ toolName, input }) => [toolName, ...Object.values(input)])
      : intent;
  };

  it.each([
    ["what's the weather like in new york today?", [["getWeather", "New York"]]],
    [
      "Weather for São Paulo, Rio de Janeiro and London please",
      [
        ["getWeather", "São Paulo"],
        ["getWeather", "Rio de Janeiro"],
        ["getWeather", "London"]
      ]
    ],
    ["Tokyo weather", [["getWeather", "Tokyo"]]],
    [
      "What is the weather in Porto, and in Oslo?",
      [
        ["getWeather", "Porto"],
        ["getWeather", "Oslo"]
      ]
    ],
    ["What is the weather in Paris and what time is it?", [["getWeather", "Paris"], ["getUserTimezone"]]],
    ["12 + 7", [["calculate", 12, 7, "+"]]],
    ["what is 1,000,000 divided by 4", [["calculate", 1_000_000, 4, "/"]]],
    ["2.5 x -4", [["calculate", 2.5, -4, "*"]]],
    ["multiply 5 by 3", [["calculate", 5, 3, "*"]]],
    ["subtract 3 from 10", [["calculate", 10, 3, "-"]]],
    ["17 modulo 5", [["calculate", 17, 5, "%"]]],
    ['use the tool lookUp with {"id": 4}', [["lookUp", 4]]]
  ])("reads %j", (message, expected) => {
    expect(called(message, ["lookUp"])).toEqual(expected);
  });

  const now = "Saturday 2026-11-21T17:15:56+01:00";
  it.each([
    ["remind me in 10 seconds to stretch", { type: "delayed", delayInSeconds: 10 }],
    ["Remind me to stretch in an hour!", { type: "delayed", delayInSeconds: 3_600 }],
    ["Remind me every 5 minutes to stretch", { type: "cron", cron: "*/5 * * * *" }],
    ["Remind me every hour to stretch", { type: "cron", cron: "0 */1 * * *" }],
    ["Remind me every day at 9 to stretch", { type: "cron", cron: "0 9 * * *" }],
    ["Remind me daily at 5 pm to stretch", { type: "cron", cron: "0 17 * * *" }],
    ["Remind me to stretch every Monday at 7:15", { type: "cron", cron: "15 7 * * 1" }],
    ["Remind me at 17:30 to stretch", { type: "scheduled", date: "2026-11-21T17:30:00+01:00" }],
    ["Remind me at 12 am to stretch", { type: "scheduled", date: "2026-11-22T00:00:00+01:00" }],
    ["Remind me tomorrow to stretch", { type: "scheduled", date: "2026-11-22T09:00:00+01:00" }]
  ])("reads %j", (message, when) => {
    expect(readIntent(message, "", [], now)).toEqual({
      kind: "calls",
      calls: [{ toolName: "scheduleReminder", input: { description: "Stretch", when }, step: 0 }]
    });
  });

  it.each(["What happened on 2026-10-20?", "What is the weather?", "What is the meaning of life?", ""])(
    "calls nothing for %j",
    (message) => expect(called(message)).toMatchObject({ kind: "text" })
  );

  it("takes no more than two numbers at a time", () => {
    expect(called("1 + 2 + 3")).toMatchObject({ kind: "text", text: expect.stringContaining("two numbers") });
  });

  it("counts, greets, admits what it is, and repeats", () => {
    const said = (message: string) => (called(message) as { text: string }).text;
    expect(said("count to 12")).toContain("1, 2, 3, 4, 5, 6, 7, 8, 9, 10,\n11, 12.");
    expect(said("Hello!")).toContain("What is the weather in Tokyo?");
    expect(said("Are you a real AI?")).toContain("demo model");
    expect(said("Explain quantum physics")).toContain("demo model");
    expect(said("say: <b>hi</b>")).toBe("<b>hi</b>");
  });

  it("hears names", () => {
    expect(
      ["my name is Ada", "my name is ada and I like tea", "I'm Ada Lovelace", "call me Al", "I am tired"].map(nameIn)
    ).toEqual(["Ada", "Ada", "Ada", "Al", undefined]);
  });
});
