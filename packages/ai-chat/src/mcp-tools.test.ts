// Tools of MCP servers, in a conversation and by the AI SDK itself.
import { runInDurableObject } from "cloudflare:test";
import { convertToModelMessages, generateText, stepCountIs, streamText, type ToolSet } from "ai";
import { expect, it, onTestFinished, vi } from "vitest";
import { connect, evict } from "../../agents/src/test/kit";
import { ask, doneOf, said, stored, talker, user } from "./test/chat-kit";
import { MockModel } from "./test/mock-model";
import { modelSaying, toldTo } from "./test/models";
import { answers, textAnswer } from "./test/script";

const weather = {
  name: "weather",
  description: "The weather of a city",
  inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
};

/** A server with one tool, and what it was asked. It answers when `isOpen` says so. */
function server(isOpen: Promise<void> = Promise.resolve()) {
  const asked: string[] = [];
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as string, init);
    if (request.method !== "POST") return new Response(null, { status: 405 });
    type Call = { id?: number; method: string; params: { arguments: { city: string } } };
    const { id, method, params } = (await request.json()) as Call;
    asked.push(method);
    await isOpen;
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

it("a turn calls a tool of an MCP server, and the model goes on with its result", async () => {
  const asked = server();
  const model = modelSaying({ call: "tool_w_weather", id: "c1", input: { city: "Oslo" } }, "It rains in Oslo.");
  answers.set("weather?", async ({ messages, mcp }) =>
    streamText({
      model,
      messages: await convertToModelMessages(messages),
      tools: mcp.getAITools(),
      stopWhen: stepCountIs(2)
    }).toUIMessageStreamResponse()
  );
  const stub = talker("mcp turn");
  await runInDurableObject(stub, (agent) => agent.addMcpServer("Weather", url, { id: "w" }));
  const connection = await connect(stub);
  connection.send(ask("r1", [user("u1", "weather?")]));
  await doneOf(connection, "r1");
  expect(asked.filter((method) => method === "tools/call")).toHaveLength(1);
  expect(toldTo(model)[1]).toContain("rain in Oslo");
  const [, answer] = await stored(stub);
  expect(answer?.parts).toContainEqual(
    expect.objectContaining({ toolCallId: "c1", state: "output-available", input: { city: "Oslo" } })
  );
  expect(answer?.parts.at(-1)).toMatchObject({ type: "text", text: "It rains in Oslo." });
});

it("a person may have to approve a call of such a tool first", async () => {
  const asked = server();
  const model = modelSaying({ call: "tool_w_weather", id: "c1", input: { city: "Oslo" } }, "It rains in Oslo.");
  answers.set("may I?", async ({ messages, mcp }) => {
    const tools: ToolSet = {};
    for (const [name, tool] of Object.entries(mcp.getAITools())) tools[name] = { ...tool, needsApproval: true };
    return streamText({ model, messages: await convertToModelMessages(messages), tools }).toUIMessageStreamResponse();
  });
  const stub = talker("mcp approval");
  await runInDurableObject(stub, (agent) => agent.addMcpServer("Weather", url, { id: "w" }));
  const connection = await connect(stub);
  connection.send(ask("r1", [user("u1", "may I?")]));
  await doneOf(connection, "r1");
  const calls = () => asked.filter((method) => method === "tools/call").length;
  expect(calls()).toBe(0);
  connection.send({ type: "cf_agent_tool_approval", toolCallId: "c1", approved: true, autoContinue: true });
  await doneOf(connection);
  expect(calls()).toBe(1);
  expect(JSON.stringify(await stored(stub))).toContain("rain in Oslo");
});

/** An agent that wakes with a server of which nothing is known yet, and is asked for its tools. */
async function wakesAndIsAsked(name: string, change: { waitForMcpConnections?: boolean | { timeout: number } } = {}) {
  const stub = talker(name);
  await runInDurableObject(stub, (agent) => agent.mcp.registerServer("w", { url, name: "Weather", callbackUrl: "" }));
  await evict(stub);
  await runInDurableObject(stub, (agent) => Object.assign(agent, change));
  const connection = await connect(stub);
  connection.send(ask("r1", [user("u1", name)]));
  return { stub, ended: doneOf(connection, "r1") };
}

const toolNames = (agent: { mcp: { getAITools(): object } }) => textAnswer(Object.keys(agent.mcp.getAITools()).join());

// proves chat-agents#waitForMcpConnections-tools
it("the first turn after a wake has all tools, though connections are being restored meanwhile", async () => {
  const opened = Promise.withResolvers<void>();
  const asked = server(opened.promise);
  let isAsked = false;
  answers.set("restored?", (agent) => {
    isAsked = true;
    return toolNames(agent);
  });
  const { stub, ended } = await wakesAndIsAsked("restored?");
  await vi.waitFor(() => expect(asked).toContain("initialize"));
  expect(isAsked).toBe(false);
  opened.resolve();
  await ended;
  expect((await stored(stub))[1]).toMatchObject(said("tool_w_weather"));
});

it("a server that does not answer holds a turn up for as long as is allowed, and no longer", async () => {
  const opened = Promise.withResolvers<void>();
  server(opened.promise);
  answers.set("in time?", toolNames);
  const { stub, ended } = await wakesAndIsAsked("in time?", { waitForMcpConnections: { timeout: 1 } });
  await ended;
  expect((await stored(stub))[1]).toMatchObject(said(""));
  opened.resolve();
  // Nobody is left who would ask the next test's server.
  await runInDurableObject(stub, (agent) => agent.mcp.waitForConnections());
});

// proves chat-agents#waitForConnections
it("onChatMessage may wait itself, in place of that", async () => {
  const opened = Promise.withResolvers<void>();
  server(opened.promise);
  let before: string[] | undefined;
  answers.set("by hand?", async (agent) => {
    before = Object.keys(agent.mcp.getAITools());
    await agent.mcp.waitForConnections({ timeout: 10_000 });
    return toolNames(agent);
  });
  const { stub, ended } = await wakesAndIsAsked("by hand?", { waitForMcpConnections: false });
  await vi.waitFor(() => expect(before).toEqual([]));
  opened.resolve();
  await ended;
  expect((await stored(stub))[1]).toMatchObject(said("tool_w_weather"));
});
