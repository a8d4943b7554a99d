import { scheduleSchema } from "agents/schedule";
import { tool } from "ai";
import { z } from "zod";
import { localTime } from "./local-time";
import type { ChatState, Reminder, Reminders } from "./shared";

/** What the tools need of the agent. */
export interface ToolAgent {
  readonly state: ChatState;
  remind(text: string, when: number | Date | string, timeZone: string): Promise<Reminder>;
  listReminders(): Reminders;
  cancelReminder(id: string): Promise<boolean>;
}

/**
 * The tools of the chat, of each kind: they run on the server, in the browser, after approval, or make the agent do something
 * later.
 *
 * @param timeZone where the user is
 */
export function createTools(agent: ToolAgent, timeZone: string, weatherDelayMs = 600) {
  const describe = ({ text, nextMs, cron }: Reminder) => ({ text, next: localTime(nextMs, timeZone), cron });
  return {
    // Has an `execute`: runs on the server as soon as the model calls it.
    getWeather: tool({
      description: "Get the current weather for a city",
      inputSchema: z.object({ city: z.string().describe("City name") }),
      execute: async ({ city }, { abortSignal }) => {
        // As long as a real service might take, so that the page shows the tool at work.
        await pause(weatherDelayMs, abortSignal);
        return fakeWeather(city, agent.state.unit);
      }
    }),

    // Has no `execute`: the page runs it, see browser-tools.ts.
    getUserTimezone: tool({
      description: "Get the user's timezone and local time from their browser",
      inputSchema: z.object({})
    }),

    // Has `needsApproval`: waits for the user to approve, then runs on the server.
    calculate: tool({
      description: "Perform a calculation with two numbers. Large numbers need the user's approval.",
      inputSchema: z.object({
        a: z.number().describe("First number"),
        b: z.number().describe("Second number"),
        operator: z.enum(["+", "-", "*", "/", "%"]).describe("Arithmetic operator")
      }),
      needsApproval: async ({ a, b }) => Math.abs(a) > 1000 || Math.abs(b) > 1000,
      execute: async ({ a, b, operator }) => {
        if (b === 0 && (operator === "/" || operator === "%")) throw new Error("Division by zero");
        return { expression: `${a} ${operator} ${b}`, result: operations[operator](a, b) };
      }
    }),

    // Runs at once, and has the agent do the rest when the time has come, whether the page is open or not.
    scheduleReminder: tool({
      description: `Remind the user of something later, once or again and again. Cron expressions go by the clocks of ${timeZone}.`,
      inputSchema: scheduleSchema,
      execute: async ({ description, when }) => {
        if (when.type === "no-schedule") throw new Error("It is not clear when to remind the user: ask");
        const time =
          when.type === "delayed" ? when.delayInSeconds : when.type === "cron" ? when.cron : new Date(when.date);
        return describe(await agent.remind(description, time, timeZone));
      }
    }),

    listReminders: tool({
      description: "List the reminders that wait for their time",
      inputSchema: z.object({}),
      execute: async () => ({ reminders: agent.listReminders().waiting.map(describe) })
    }),

    cancelReminders: tool({
      description: "Cancel reminders that wait for their time",
      inputSchema: z.object({
        about: z.string().describe("Words that the reminder contains; empty for all reminders")
      }),
      execute: async ({ about }) => {
        const { waiting } = agent.listReminders();
        const meant = waiting.filter(({ text }) => text.toLowerCase().includes(about.trim().toLowerCase()));
        for (const { id } of meant) await agent.cancelReminder(id);
        return { cancelled: meant.map(({ text }) => text) };
      }
    })
  };
}

const operations = {
  "+": (a: number, b: number) => a + b,
  "-": (a: number, b: number) => a - b,
  "*": (a: number, b: number) => a * b,
  "/": (a: number, b: number) => a / b,
  "%": (a: number, b: number) => a % b
};

const conditions = ["sunny", "partly cloudy", "cloudy", "rainy", "windy", "foggy"];

/**
 * Invented weather: computed from the name of the city, so that a city always has the same. Call a weather service here
 * (`fetch` works in an agent) and pass it the `abortSignal`.
 */
function fakeWeather(city: string, unit: ChatState["unit"]) {
  let hash = 2166136261;
  for (const character of city.trim().toLowerCase()) hash = Math.imul(hash ^ character.codePointAt(0)!, 16777619) >>> 0;
  const celsius = 4 + (hash % 27);
  return {
    city,
    temperature: unit === "C" ? celsius : Math.round(celsius * 1.8 + 32),
    unit,
    condition: conditions[(hash >>> 8) % conditions.length]!,
    humidity: 35 + ((hash >>> 16) % 55),
    wind: 3 + ((hash >>> 24) % 30)
  };
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
