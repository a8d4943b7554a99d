import { tool } from "ai";
import { z } from "zod";
import type { ChatState } from "./shared";

/** The tools of the chat, one of each kind: runs on the server, runs in the browser, runs after approval. */
export function createTools(state: () => ChatState, weatherDelayMs = 600) {
  return {
    // Has an `execute`: runs on the server as soon as the model calls it.
    getWeather: tool({
      description: "Get the current weather for a city",
      inputSchema: z.object({ city: z.string().describe("City name") }),
      execute: async ({ city }, { abortSignal }) => {
        // As long as a real service might take, so that the page shows the tool at work.
        await pause(weatherDelayMs, abortSignal);
        return fakeWeather(city, state().unit);
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
