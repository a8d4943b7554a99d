import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AgentChat } from "@cloudflare/ai-chat/client";
import { AgentClient } from "agents/client";
import { Project } from "../harness/project.ts";

// The application of the page "Build a chat agent", with the files that it tells one to write. Only the model is another one: it
// runs here, and does what the page's three prompts are for.

const server = `
import { AIChatAgent } from "@cloudflare/ai-chat";
import { routeAgentRequest } from "agents";
import { createWorkersAI } from "workers-ai-provider";
import {
  streamText,
  convertToModelMessages,
  pruneMessages,
  tool,
  stepCountIs,
} from "ai";
import { z } from "zod";
export class ChatAgent extends AIChatAgent {
  async onChatMessage() {
    const workersai = createWorkersAI({ binding: this.env.AI });
    const result = streamText({
      model: workersai("@cf/meta/llama-4-scout-17b-16e-instruct"),
      system:
        "You are a helpful assistant. You can check the weather, " +
        "get the user's timezone, and run calculations.",
      messages: pruneMessages({
        messages: await convertToModelMessages(this.messages),
        toolCalls: "before-last-2-messages",
      }),
      tools: {
        // Server-side tool: runs automatically on the server
        getWeather: tool({
          description: "Get the current weather for a city",
          inputSchema: z.object({
            city: z.string().describe("City name"),
          }),
          execute: async ({ city }) => {
            // Replace with a real weather API in production
            const conditions = ["sunny", "cloudy", "rainy"];
            const temp = Math.floor(Math.random() * 30) + 5;
            return {
              city,
              temperature: temp,
              condition:
                conditions[Math.floor(Math.random() * conditions.length)],
            };
          },
        }),
        // Client-side tool: no execute function, the browser handles it
        getUserTimezone: tool({
          description: "Get the user's timezone from their browser",
          inputSchema: z.object({}),
        }),
        // Approval tool: requires user confirmation before executing
        calculate: tool({
          description:
            "Perform a math calculation with two numbers. " +
            "Requires user approval for large numbers.",
          inputSchema: z.object({
            a: z.number().describe("First number"),
            b: z.number().describe("Second number"),
            operator: z
              .enum(["+", "-", "*", "/", "%"])
              .describe("Arithmetic operator"),
          }),
          needsApproval: async ({ a, b }) =>
            Math.abs(a) > 1000 || Math.abs(b) > 1000,
          execute: async ({ a, b, operator }) => {
            const ops: Record<string, (x: number, y: number) => number> = {
              "+": (x, y) => x + y,
              "-": (x, y) => x - y,
              "*": (x, y) => x * y,
              "/": (x, y) => x / y,
              "%": (x, y) => x % y,
            };
            if (operator === "/" && b === 0) {
              return { error: "Division by zero" };
            }
            return {
              expression: \`\${a} \${operator} \${b}\`,
              result: ops[operator](a, b),
            };
          },
        }),
      },
      stopWhen: stepCountIs(5),
    });
    return result.toUIMessageStreamResponse();
  }
}
export default {
  async fetch(request: Request, env: Env) {
    return (
      (await routeAgentRequest(request, env)) ||
      new Response("Not found", { status: 404 })
    );
  },
} satisfies ExportedHandler<Env>;
`;

/** Calls the tool that a prompt is for, and tells what came of it. */
const model = `
const usage = { inputTokens: { total: 0 }, outputTokens: { total: 0 } };
const toolFor = (text) => {
  if (text.includes("weather")) return ["getWeather", { city: "Tokyo" }];
  if (text.includes("timezone")) return ["getUserTimezone", {}];
  const [a, b] = text.match(/[0-9]+/g).map(Number);
  return ["calculate", { a, b, operator: "*" }];
};
export const model = {
  specificationVersion: "v3",
  provider: "here",
  modelId: "here",
  supportedUrls: {},
  doGenerate: () => Promise.reject(new Error("It only streams")),
  doStream: async ({ prompt }) => {
    const last = prompt.at(-1);
    const [toolName, input] = last.role === "user" ? toolFor(last.content[0].text) : [];
    const parts = toolName
      ? [{ type: "tool-call", toolCallId: crypto.randomUUID(), toolName, input: JSON.stringify(input) }]
      : [
          { type: "text-start", id: "t" },
          { type: "text-delta", id: "t", delta: "It is " + JSON.stringify(last.content[0].output.value ?? "denied") },
          { type: "text-end", id: "t" }
        ];
    const finishReason = { unified: toolName ? "tool-calls" : "stop", raw: undefined };
    return { stream: ReadableStream.from([...parts, { type: "finish", finishReason, usage }]) };
  }
};
`;

const config = {
  name: "chat-agent",
  main: "src/server.ts",
  compatibility_date: "2026-04-03",
  compatibility_flags: ["nodejs_compat"],
  ai: { binding: "AI" },
  durable_objects: { bindings: [{ name: "ChatAgent", class_name: "ChatAgent" }] },
  migrations: [{ tag: "v1", new_sqlite_classes: ["ChatAgent"] }]
};
const toml = `
name = "chat-agent"
main = "src/server.ts"
# Set this to today's date
compatibility_date = "2026-04-03"
compatibility_flags = [ "nodejs_compat" ]
[ai]
binding = "AI"
[[durable_objects.bindings]]
name = "ChatAgent"
class_name = "ChatAgent"
[[migrations]]
tag = "v1"
new_sqlite_classes = [ "ChatAgent" ]
`;

let project: Project;
let host: string;
let stop: () => Promise<void>;
// The binding of Workers AI would call the network.
const { ai: _, ...local } = config;
const dev = () => project.dev("--config", "local.jsonc");

before(async () => {
  const here = server
    .replace(/import \{ createWorkersAI \}.*\n/, 'import { model } from "./model.js";\n')
    .replace(/const workersai = .*\n/, "")
    .replace(/workersai\(".*"\)/, "model as never");
  project = await Project.create({
    "src/server.ts": server,
    "src/local.ts": here,
    "src/model.js": model,
    "wrangler.jsonc": `// wrangler.jsonc\n${JSON.stringify(config)}`,
    "page.toml": toml,
    "local.jsonc": JSON.stringify({ ...local, main: "src/local.ts" }),
    "tsconfig.json": JSON.stringify({
      extends: "agents/tsconfig",
      compilerOptions: { types: [] },
      include: ["src/server.ts", "worker-configuration.d.ts"]
    })
  });
  ({ host, stop } = await dev());
});
after(() => project?.remove());

type OnToolCall = NonNullable<ConstructorParameters<typeof AgentChat>[1]>["onToolCall"];

/** A conversation as the page's client has it; `using` ends it. */
function open(name: string, onToolCall?: OnToolCall) {
  const client = new AgentClient({ agent: "ChatAgent", name, host });
  const chat = new AgentChat(client, { ...(onToolCall && { onToolCall }) });
  const detach = chat.attach();
  const parts = () => chat.getSnapshot().messages.at(-1)?.parts ?? [];
  const text = () => parts().flatMap((part) => (part.type === "text" ? [part.text] : []))[0] ?? "";
  const call = () => parts().find(({ type }) => type.startsWith("tool-")) as { state: string; toolCallId: string };
  /** When the conversation is in such a state. */
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise<void>((resolve) => listen(resolve));
  };
  const listen = (resolve: () => void) => {
    const end = chat.subscribe(() => {
      end();
      resolve();
    });
  };
  const end = () => {
    detach();
    client.close();
  };
  return { chat, text, call, until, [Symbol.dispose]: end };
}

// proves build-a-chat-agent#config, build-a-chat-agent#config-toml, build-a-chat-agent#ai-binding
// proves build-a-chat-agent#deploy, chat-agents#wrangler, using-ai-models#ai-binding
test("both forms of the configuration are accepted by a dry run of deployment, with the page's server", async () => {
  for (const path of ["wrangler.jsonc", "page.toml"]) {
    const output = await project.wrangler("deploy", "--dry-run", "--config", path);
    assert.doesNotMatch(output, /WARNING|ERROR/);
    for (const binding of ["env.ChatAgent (ChatAgent)", "env.AI"]) assert.ok(output.includes(binding), output);
  }
});

// proves build-a-chat-agent#types
test("`wrangler types` writes the types that the page's server needs", async () => {
  await project.wrangler("types");
  assert.equal(await project.typeErrors(), "");
});

// proves build-a-chat-agent#tool-getWeather, build-a-chat-agent#prompt-weather, build-a-chat-agent#dev
// proves build-a-chat-agent#class-binding
test("the weather tool runs on the server by itself", async () => {
  using page = open("weather");
  await page.chat.sendMessage({ text: "What is the weather in Tokyo?" });
  assert.equal(page.call().state, "output-available");
  assert.match(page.text(), /"city":"Tokyo"/);
});

// proves build-a-chat-agent#tool-getUserTimezone, build-a-chat-agent#prompt-timezone, build-a-chat-agent#onToolCall
test("the client gives the timezone, and the conversation goes on by itself", async () => {
  using page = open("zone", ({ toolCall, addToolOutput }) => {
    if (toolCall.toolName === "getUserTimezone") {
      addToolOutput({ toolCallId: toolCall.toolCallId, output: { timezone: "Asia/Tokyo" } });
    }
  });
  await page.chat.sendMessage({ text: "What timezone am I in?" });
  await page.until(() => page.text().includes("Asia/Tokyo") && page.chat.getSnapshot().status === "ready");
});

// proves build-a-chat-agent#tool-calculate, build-a-chat-agent#prompt-calculate, build-a-chat-agent#approval
test("large numbers wait for approval, small ones do not", async () => {
  using page = open("calculate");
  await page.chat.sendMessage({ text: "What is 5 times 3?" });
  assert.match(page.text(), /"result":15/);
  for (const approved of [true, false]) {
    await page.chat.sendMessage({ text: "What is 5000 times 3?" });
    assert.equal(page.call().state, "approval-requested");
    page.chat.addToolApprovalResponse({ id: page.call().toolCallId, approved });
    await page.until(() => page.text() !== "" && page.chat.getSnapshot().status === "ready");
    assert.equal(page.call().state, approved ? "output-available" : "output-denied");
    assert.equal(page.text().includes("15000"), approved);
  }
});

// proves build-a-chat-agent#persisted
test("messages are there after a restart", async () => {
  using page = open("restart");
  await page.chat.sendMessage({ text: "What is 5 times 3?" });
  // Without the fields that are there and undefined.
  const messages = ({ chat }: typeof page): unknown => JSON.parse(JSON.stringify(chat.getSnapshot().messages));
  const before = messages(page);
  await stop();
  ({ host, stop } = await dev());
  using again = open("restart");
  await again.until(() => again.chat.getSnapshot().messages.length === 2);
  assert.deepEqual(messages(again), before);
});

test("the Worker answers other paths itself", async () => {
  assert.equal((await fetch(`http://${host}/elsewhere`)).status, 404);
});
