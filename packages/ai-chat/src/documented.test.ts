import {
  convertToModelMessages,
  createUIMessageStream,
  createUIMessageStreamResponse,
  extractReasoningMiddleware,
  defaultSettingsMiddleware,
  generateObject,
  pruneMessages,
  simulateStreamingMiddleware,
  stepCountIs,
  streamText,
  tool,
  ToolLoopAgent,
  wrapLanguageModel,
  type ModelMessage,
  type UIMessage
} from "ai";
import { runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { z } from "zod";
import { connect, type TestConnection } from "../../agents/src/test/kit";
import { ask, chunksOf, doneOf, framesUntil, isDone, rows, stored, talker, user, type Frame } from "./test/chat-kit";
import { modelSaying, toldTo } from "./test/models";
import { answers, textAnswer } from "./test/script";

// What the page "Chat agents" says that the AI SDK can do in `onChatMessage`, as its snippets have it.

type Model = ReturnType<typeof modelSaying>;
type StreamOptions = Parameters<typeof streamText>[0];

/** Has questions of this text answered by `streamText` over the conversation. */
const answerBy = (question: string, options: () => Omit<StreamOptions, "messages" | "prompt">) =>
  answers.set(question, async ({ messages }) =>
    streamText({
      onError: () => {},
      ...options(),
      messages: await convertToModelMessages(messages)
    } as StreamOptions).toUIMessageStreamResponse()
  );

/** Asks, and waits for the end of the answer. */
async function asked(question: string): Promise<{ answer: UIMessage; frames: Frame[]; a: TestConnection }> {
  const stub = talker(`documented ${question}`);
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", [user("u1", question)]));
  const frames = await framesUntil(a, isDone());
  return { answer: (await stored(stub)).at(-1)!, frames, a };
}

const textOf = ({ parts }: UIMessage) => parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
const toolsOf = ({ parts }: UIMessage) => parts.filter(({ type }) => type.startsWith("tool-"));

// proves chat-agents#flow-persist, agents-api#AIChatAgent-onChatMessage
it("stores what was asked before it asks onChatMessage, which has it in this.messages", async () => {
  answers.set("is it stored?", (agent) => {
    const rows = agent.sql<{ id: string }>`SELECT id FROM cf_ai_chat_agent_messages`;
    return textAnswer(JSON.stringify([rows, agent.messages]));
  });
  const { answer } = await asked("is it stored?");
  expect(JSON.parse(textOf(answer))).toEqual([[{ id: "u1" }], [user("u1", "is it stored?")]]);
});

// proves chat-agents#pruneMessages, chat-agents#maxPersistedMessages-storage, chat-agents#control-model
it("stores all, and tells the model what pruneMessages leaves of it", async () => {
  const model = modelSaying("fine");
  answers.set("prune", async ({ messages }) =>
    streamText({
      model,
      messages: pruneMessages({
        messages: await convertToModelMessages(messages),
        reasoning: "before-last-message",
        toolCalls: "before-last-2-messages"
      })
    }).toUIMessageStreamResponse()
  );
  const stub = talker("documented prune");
  const before = [
    user("u0", "first"),
    {
      id: "a0",
      role: "assistant",
      parts: [
        { type: "reasoning", text: "long thought" },
        { type: "tool-read", toolCallId: "c0", state: "output-available", input: {}, output: "old output" },
        { type: "text", text: "an answer" }
      ]
    },
    user("u1", "second"),
    { id: "a1", role: "assistant", parts: [{ type: "text", text: "another" }] }
  ];
  await stub.persist(before);
  await stub.save([user("u2", "prune")]);
  const [told] = toldTo(model);
  expect(told).toContain("an answer");
  expect(told).not.toMatch(/long thought|old output/);
  expect(await stored(stub)).toMatchObject([...before, user("u2", "prune"), { role: "assistant" }]);
  expect(textOf((await stored(stub)).at(-1)!)).toBe("fine");
});

// proves chat-agents#waitForMcpConnections
it("asks onChatMessage when the connections to MCP servers have settled, and not before", async () => {
  const stub = talker("documented mcp");
  const order: string[] = [];
  answers.set("tools?", () => {
    order.push("asked");
    return textAnswer("none");
  });
  await runInDurableObject(stub, async (agent) => {
    const settled = Promise.withResolvers<void>();
    Object.assign(agent, { mcp: { waitForConnections: () => settled.promise } });
    const saved = agent.save([user("u1", "tools?")]);
    await agent.persist([]);
    order.push("settled");
    settled.resolve();
    await saved;
  });
  expect(order).toEqual(["settled", "asked"]);
});

// proves chat-agents#onConnect, chat-agents#onClose, chat-agents#hooks-automatic
it("runs hooks of the application, and takes care of streams and messages all the same", async () => {
  const stub = talker("documented hooks");
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say({ type: "start" }, { type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "one" });
  await a.next((frame) => String(frame.body).includes("one"));
  const b = await connect(stub, "_pk=b");
  expect(await b.nextFrame()).toEqual({ type: "cf_agent_stream_resuming", id: "r1" });
  b.send({ type: "cf_agent_stream_resume_ack", id: "r1" });
  await b.next<Frame>(({ replayComplete }) => replayComplete === true);
  a.close();
  await a.closed;
  await stub.sayEnd();
  await doneOf(b);
  expect(await b.next("cf_agent_chat_messages")).toMatchObject({ messages: await stored(stub) });
  expect(await stub.visits()).toEqual(["a came", "b came", "a left"]);
});

// proves chat-agents#destroy-cancels, chat-agents#destroy-cleans
it("[U8] destroy() stops what is being said, and leaves nothing of it", async () => {
  const stub = talker("documented destroy");
  let isAborted = false;
  answers.set("endless", (_, { abortSignal }) => {
    abortSignal.addEventListener("abort", () => (isAborted = true));
    const line = `data: ${JSON.stringify({ type: "start" })}\n\n`;
    const start = (controller: ReadableStreamDefaultController) => controller.enqueue(new TextEncoder().encode(line));
    return new Response(new ReadableStream({ start }), { headers: { "Content-Type": "text/event-stream" } });
  });
  const a = await connect(stub);
  a.send(ask("r1", [user("u1", "endless")]));
  await a.next("cf_agent_use_chat_response");
  await stub.destroy();
  expect(isAborted).toBe(true);
  await a.closed;
  // The one that was destroyed answers until it is out of memory.
  await vi.waitFor(async () => expect(await stored(talker("documented destroy"))).toEqual([]));
  expect(
    await rows(talker("documented destroy"), "SELECT name FROM sqlite_master WHERE name LIKE 'cf_ai_chat%'")
  ).toEqual([]);
});

// proves chat-agents#data-parts, chat-agents#data-writer, chat-agents#data-reconcile, chat-agents#data-append
// proves chat-agents#data-transient, chat-agents#data-transient-live
it("keeps data parts: the same one in its place, others behind it, and transient ones not at all", async () => {
  const model = modelSaying("found it");
  answers.set("data", async (agent) => {
    const stream = createUIMessageStream({
      execute: async ({ writer }) => {
        writer.write({ type: "data-sources", id: "src-1", data: { status: "searching", results: [] } });
        writer.write({ type: "data-log", data: "one" });
        writer.write({ type: "data-log", data: "two" });
        writer.write({ type: "data-sources", id: "src-2", data: { status: "searching" } });
        writer.write({ transient: true, type: "data-thinking", data: { model: "m" } });
        writer.write({ type: "data-sources", id: "src-1", data: { status: "found", results: ["a guide"] } });
        const result = streamText({ model, messages: await convertToModelMessages(agent.messages) });
        writer.merge(result.toUIMessageStream());
      }
    });
    return createUIMessageStreamResponse({ stream });
  });
  const stub = talker("documented data");
  const [a, b] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b")];
  a.send(ask("r1", [user("u1", "data")]));
  const thinking = { type: "data-thinking", data: { model: "m" }, transient: true };
  for (const client of [a, b]) expect(chunksOf(await framesUntil(client, isDone()))).toContainEqual(thinking);
  const [, answer] = await stored(stub);
  expect(answer!.parts.filter(({ type }) => type.startsWith("data-"))).toEqual([
    { type: "data-sources", id: "src-1", data: { status: "found", results: ["a guide"] } },
    { type: "data-log", data: "one" },
    { type: "data-log", data: "two" },
    { type: "data-sources", id: "src-2", data: { status: "searching" } }
  ]);
  expect(textOf(answer!)).toBe("found it");
});

// proves chat-agents#needsApproval-function, guide-human-in-the-loop#practice-criteria
it("asks for approval where the tool's function says so, and runs the call at once where not", async () => {
  const paid: number[] = [];
  const models: Model[] = [
    modelSaying({ call: "processPayment", input: { amount: 100 } }, "paid"),
    modelSaying({ call: "processPayment", id: "large", input: { amount: 101 } })
  ];
  answerBy("pay", () => ({
    model: models.shift()!,
    tools: {
      processPayment: tool({
        inputSchema: z.object({ amount: z.number() }),
        needsApproval: async ({ amount }) => amount > 100,
        execute: async ({ amount }) => `paid ${paid.push(amount)}`
      })
    },
    stopWhen: stepCountIs(5)
  }));
  const { answer, a } = await asked("pay");
  expect(toolsOf(answer)).toMatchObject([{ state: "output-available", output: "paid 1" }]);
  a.send(ask("r2", [user("u1", "pay"), answer, user("u2", "pay")]));
  await doneOf(a, "r2");
  const [part] = toolsOf((await stored(talker("documented pay"))).at(-1)!);
  expect(part).toMatchObject({ state: "approval-requested", input: { amount: 101 } });
  expect(paid).toEqual([100]);
});

// proves chat-agents#prepareStep, chat-agents#prepareStep-overrides, chat-agents#prepareStep-tool
it("prepareStep chooses model, tools and their use for each step", async () => {
  const cheap = modelSaying({ call: "search", id: "s", input: { query: "q" } }, "summary");
  const expensive = modelSaying({ call: "analyze", id: "a", input: { query: "q" } });
  const lookUp = tool({ inputSchema: z.object({ query: z.string() }), execute: async ({ query }) => `${query}!` });
  answerBy("steps", () => ({
    model: cheap,
    tools: { search: lookUp, analyze: lookUp, summarize: lookUp },
    stopWhen: stepCountIs(10),
    prepareStep: async ({ stepNumber }: { stepNumber: number }) => {
      if (stepNumber === 0) return { activeTools: ["search"], toolChoice: "required" };
      if (stepNumber === 1)
        return { model: expensive, activeTools: ["analyze"], toolChoice: { type: "tool", toolName: "analyze" } };
      const messages: ModelMessage[] = [{ role: "user", content: "What did you find?" }];
      return { activeTools: ["summarize"], system: "Sum up.", messages };
    }
  }));
  const { answer } = await asked("steps");
  const askedFor = [cheap.doStreamCalls[0]!, expensive.doStreamCalls[0]!, cheap.doStreamCalls[1]!];
  expect(askedFor.map(({ tools, toolChoice }) => [tools?.map(({ name }) => name), toolChoice])).toEqual([
    [["search"], { type: "required" }],
    [["analyze"], { type: "tool", toolName: "analyze" }],
    [["summarize"], { type: "auto" }]
  ]);
  const shown = JSON.stringify(cheap.doStreamCalls[1]!.prompt);
  expect([/Sum up\./.test(shown), /What did you find/.test(shown), /q!/.test(shown)]).toEqual([true, true, false]);
  expect(toolsOf(answer)).toMatchObject([
    { type: "tool-search", output: "q!" },
    { type: "tool-analyze", output: "q!" }
  ]);
  expect(textOf(answer)).toBe("summary");
});

// proves chat-agents#options-abortSignal, chat-agents#cancel-signal
it("aborts the call of the model when the client cancels the request", async () => {
  const model = modelSaying();
  let isAborted = false;
  model.doStream = async ({ abortSignal }) => {
    abortSignal?.addEventListener("abort", () => (isAborted = true));
    const start = (controller: ReadableStreamDefaultController) => {
      controller.enqueue({ type: "text-start", id: "t" });
      controller.enqueue({ type: "text-delta", id: "t", delta: "half" });
    };
    return { stream: new ReadableStream({ start }) };
  };
  answers.set("stop", async ({ messages }, { abortSignal }) =>
    streamText({ model, messages: await convertToModelMessages(messages), abortSignal }).toUIMessageStreamResponse()
  );
  const a = await connect(talker("documented stop"));
  a.send(ask("r1", [user("u1", "stop")]));
  await a.next<Frame>(({ body }) => String(body).includes("half"));
  expect(isAborted).toBe(false);
  a.send({ type: "cf_agent_chat_request_cancel", id: "r1" });
  await doneOf(a);
  expect(isAborted).toBe(true);
});

// proves chat-agents#parallel-calls
it("calls of one step run at the same time", async () => {
  const waiting: ((output: string) => void)[] = [];
  answerBy("both", () => ({
    model: modelSaying(
      [
        { call: "research", id: "one" },
        { call: "research", id: "two" }
      ],
      "done"
    ),
    tools: {
      research: tool({
        inputSchema: z.object({}),
        execute: () =>
          new Promise((resolve) => {
            if (waiting.push(resolve) < 2) return;
            for (const finish of waiting) finish("each has waited for the other");
          })
      })
    },
    stopWhen: stepCountIs(5)
  }));
  const { answer } = await asked("both");
  expect(toolsOf(answer)).toMatchObject([
    { toolCallId: "one", output: "each has waited for the other" },
    { toolCallId: "two", output: "each has waited for the other" }
  ]);
});

// proves chat-agents#middleware, chat-agents#middleware-reasoning, chat-agents#middleware-defaults
// proves chat-agents#middleware-streaming, chat-agents#middleware-order
it("a model may be wrapped: its middleware sees and changes what is said, the first one outermost", async () => {
  const model = modelSaying("<think>who asks</think>your number is 123-45-6789");
  const bracket = (name: string): Parameters<typeof wrapLanguageModel>[0]["middleware"] => ({
    specificationVersion: "v3",
    wrapGenerate: async ({ doGenerate }) => {
      const { content, ...rest } = await doGenerate();
      const changed = content.map((part) =>
        part.type === "text"
          ? { ...part, text: `${name}(${part.text.replace(/\b\d{3}-\d{2}-\d{4}\b/g, "[REDACTED]")})` }
          : part
      );
      return { content: changed, ...rest };
    }
  });
  answerBy("wrapped", () => ({
    model: wrapLanguageModel({
      model: model as never,
      middleware: [
        simulateStreamingMiddleware(),
        bracket("first") as never,
        bracket("second") as never,
        extractReasoningMiddleware({ tagName: "think" }),
        defaultSettingsMiddleware({ settings: { temperature: 0.5 } })
      ]
    })
  }));
  const { answer } = await asked("wrapped");
  expect(answer.parts).toMatchObject([
    { type: "step-start" },
    { type: "reasoning", text: "who asks" },
    { type: "text", text: "first(second(your number is [REDACTED]))" }
  ]);
  expect(model.doGenerateCalls[0]).toMatchObject({ temperature: 0.5 });
});

// proves chat-agents#generateObject
it("a tool may ask a model for an object", async () => {
  const extractor = modelSaying(JSON.stringify({ name: "Ada", email: "ada@example.com" }));
  answerBy("extract", () => ({
    model: modelSaying({ call: "extractContactInfo", input: { text: "Ada, ada@example.com" } }, "done"),
    tools: {
      extractContactInfo: tool({
        inputSchema: z.object({ text: z.string() }),
        execute: async ({ text }) => {
          const schema = z.object({ name: z.string(), email: z.string().email(), phone: z.string().optional() });
          const prompt = `Extract contact information from: ${text}`;
          return (await generateObject({ model: extractor, schema, prompt })).object;
        }
      })
    },
    stopWhen: stepCountIs(5)
  }));
  const { answer } = await asked("extract");
  expect(toolsOf(answer)).toMatchObject([{ output: { name: "Ada", email: "ada@example.com" } }]);
  expect(toldTo(extractor)).toEqual([expect.stringContaining("Extract contact information from: Ada")]);
});

/** An agent of its own, with a tool of its own. */
function researcher() {
  const model = modelSaying({ call: "webSearch", input: { query: "q" } }, "in short");
  const webSearch = tool({ inputSchema: z.object({ query: z.string() }), execute: async () => "a long page" });
  return { model, agent: new ToolLoopAgent({ model, tools: { webSearch }, stopWhen: stepCountIs(10) }) };
}

// proves chat-agents#subagent, chat-agents#subagent-context
it("a tool may delegate to another agent: the model that asked gets what that says in the end, no more", async () => {
  const { model, agent } = researcher();
  const orchestrator = modelSaying({ call: "deepResearch", input: { topic: "bees" } }, "bees, in short");
  answerBy("delegate", () => ({
    model: orchestrator,
    tools: {
      deepResearch: tool({
        inputSchema: z.object({ topic: z.string() }),
        execute: async ({ topic }) => ({ summary: (await agent.generate({ prompt: topic })).text })
      })
    },
    stopWhen: stepCountIs(5)
  }));
  const { answer } = await asked("delegate");
  expect(toolsOf(answer)).toMatchObject([{ output: { summary: "in short" } }]);
  expect(toldTo(model)[1]).toContain("a long page");
  expect(toldTo(orchestrator)[1]).toContain("in short");
  expect(toldTo(orchestrator).join()).not.toContain("a long page");
  expect(toldTo(model).join()).not.toContain("delegate");
});

// proves chat-agents#preliminary, chat-agents#preliminary-flag
it("a tool may tell how far it is: clients see each result, the model and the conversation have the last", async () => {
  const { agent } = researcher();
  const orchestrator = modelSaying({ call: "deepResearch", input: { topic: "bees" } }, "bees");
  answerBy("progress", () => ({
    model: orchestrator,
    tools: {
      deepResearch: tool({
        inputSchema: z.object({ topic: z.string() }),
        async *execute({ topic }) {
          yield { status: "searching", topic, summary: undefined };
          const { text } = await agent.generate({ prompt: topic });
          yield { status: "done", topic, summary: text };
        }
      })
    },
    stopWhen: stepCountIs(5)
  }));
  const { answer, frames } = await asked("progress");
  const outputs = chunksOf(frames).filter(({ type }) => type === "tool-output-available");
  expect(outputs).toMatchObject([
    { output: { status: "searching" }, preliminary: true },
    { output: { status: "done" }, preliminary: true },
    { output: { status: "done", summary: "in short" } }
  ]);
  expect(outputs[2]).not.toHaveProperty("preliminary");
  const [part] = toolsOf(answer);
  expect(part).toMatchObject({ state: "output-available", output: { status: "done", topic: "bees" } });
  expect(part).not.toHaveProperty("preliminary", true);
  expect(toldTo(orchestrator)[1]).not.toContain("searching");
});
