// Tools of MCP servers, in a conversation and by the AI SDK itself.
import { runInDurableObject } from "cloudflare:test";
import { generateText, stepCountIs, type ToolSet } from "ai";
import { expect, it, onTestFinished, vi } from "vitest";
import { connect, evict } from "../../agents/src/test/kit";
import { ask, doneOf, stored, talker, user } from "./test/chat-kit";
import { MockModel } from "./test/mock-model";
import { answers, textAnswer } from "./test/script";

const weather = {
  name: "weather",
  description: "The weather of a city",
  inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
};

/** A server with one tool, and how often it was asked. */
function server() {
  const asked: string[] = [];
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as string, init);
    if (request.method !== "POST") return new Response(null, { status: 405 });
    type Call = { id?: number; method: string; params: { arguments: { city: string } } };
    const { id, method, params } = (await request.json()) as Call;
    asked.push(method);
    if (id === undefined) return new Response(null, { status: 202 });
    const results: Record<string, unknown> = {
      initialize: {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "weather", version: "1.0.0" }
      },
      "tools/list": { tools: [weather] },
      "tools/call": { content: [{ type: "text", text: `rain in ${params.arguments?.city}` }] }
    };
    return Response.json({ jsonrpc: "2.0", id, result: results[method] });
  });
  onTestFinished(() => spy.mockRestore());
  return asked;
}

const url = "https://weather.example/mcp";
const usage = {
  inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 0, text: 0, reasoning: 0 }
};

// proves mcp-client#ai-sdk
it("a model is told of the tools of MCP servers, calls one, and gets its result", async () => {
  server();
  await runInDurableObject(talker("mcp tools"), async (agent) => {
    await agent.addMcpServer("Weather", url, { id: "w" });
    const model = new MockModel({
      doGenerate: async ({ prompt, tools }) => {
        const result = prompt.findLast(({ role }) => role === "tool");
        if (result) {
          const content = [{ type: "text" as const, text: JSON.stringify(result.content) }];
          return { content, finishReason: { unified: "stop", raw: "stop" }, usage, warnings: [] };
        }
        expect(tools).toEqual([
          {
            type: "function",
            name: "tool_w_weather",
            description: weather.description,
            inputSchema: weather.inputSchema
          }
        ]);
        const call = { toolCallId: "c1", toolName: "tool_w_weather", input: '{"city":"Oslo"}' };
        const finishReason = { unified: "tool-calls" as const, raw: "tool-calls" };
        return { content: [{ type: "tool-call", ...call }], finishReason, usage, warnings: [] };
      }
    });
    const tools: ToolSet = agent.mcp.getAITools();
    const { text } = await generateText({ model, prompt: "Oslo?", tools, stopWhen: stepCountIs(2) });
    expect(text).toContain("rain in Oslo");
  });
});

// proves chat-agents#waitForMcpConnections-tools
it("a conversation has its tools in the first turn after a sleep, without the server", async () => {
  const asked = server();
  const stub = talker("mcp wake");
  await runInDurableObject(stub, async (agent) => {
    await agent.addMcpServer("Weather", url, { id: "w" });
    await agent.mcp.closeAllConnections();
  });
  await evict(stub);
  asked.length = 0;
  answers.set("tools?", (agent) => textAnswer(Object.keys(agent.mcp.getAITools()).join()));
  const connection = await connect(stub);
  connection.send(ask("r1", [user("u1", "tools?")]));
  await doneOf(connection, "r1");
  const [, answer] = await stored(stub);
  expect(answer?.parts).toContainEqual(expect.objectContaining({ type: "text", text: "tool_w_weather" }));
  expect(asked).toEqual([]);
});
