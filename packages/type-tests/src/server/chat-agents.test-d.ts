// The snippets for the server of the page "Chat agents".
import {
  AIChatAgent,
  createToolsFromClientSchemas,
  type OnChatMessageOptions,
  type OnFinish
} from "@cloudflare/ai-chat";
import type { IncomingMessage, MessageType, OutgoingMessage } from "@cloudflare/ai-chat/types";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import type { Agent, Connection, ConnectionContext } from "agents";
import {
  convertToModelMessages,
  createUIMessageStream,
  createUIMessageStreamResponse,
  defaultSettingsMiddleware,
  extractReasoningMiddleware,
  generateObject,
  pruneMessages,
  simulateStreamingMiddleware,
  stepCountIs,
  streamText,
  tool,
  ToolLoopAgent,
  wrapLanguageModel,
  type LanguageModelMiddleware,
  type UIMessage
} from "ai";
import { expectTypeOf } from "vitest";
import { createWorkersAI } from "workers-ai-provider";
import { z } from "zod";

type Model = Parameters<typeof wrapLanguageModel>[0]["model"];
declare const [cheapModel, expensiveModel, baseModel, myModel, researchModel, orchestratorModel]: Model[];
declare function fetchWeather(city: string): Promise<{ temp: number; condition: string }>;
declare function charge(amount: number, recipient: string): Promise<string>;

const inputSchema = z.object({ query: z.string() });
const [searchTool, analyzeTool, summarizeTool, webSearchTool] = ["", "", "", ""].map((answer) =>
  tool({ inputSchema, execute: async ({ query }) => query + answer })
) as [ReturnType<typeof one>, ReturnType<typeof one>, ReturnType<typeof one>, ReturnType<typeof one>];
function one() {
  return tool({ inputSchema, execute: async ({ query }) => query });
}

// proves chat-agents#quick-start-server, chat-agents#provider-workers-ai
export class ChatAgent extends AIChatAgent {
  override async onChatMessage() {
    const workersai = createWorkersAI({ binding: this.env.AI });
    const result = streamText({
      model: workersai("@cf/zai-org/glm-4.7-flash"),
      messages: await convertToModelMessages(this.messages)
    });
    return result.toUIMessageStreamResponse();
  }
}

// proves chat-agents#extends-agent, agent-class-internals#AIChatAgent-hierarchy
expectTypeOf<ChatAgent>().toExtend<Agent>();

export class Everything extends AIChatAgent {
  override maxPersistedMessages = 200;
  // proves chat-agents#onChatMessage-signature
  override async onChatMessage(onFinish?: OnFinish, options?: OnChatMessageOptions) {
    // proves chat-agents#messages-type
    expectTypeOf(this.messages).toEqualTypeOf<UIMessage[]>();
    expectTypeOf(options?.abortSignal).toEqualTypeOf<AbortSignal | undefined>();
    expectTypeOf(options?.requestId).toEqualTypeOf<string | undefined>();
    const { timezone, userId } = options?.body ?? {};
    console.log("Request ID:", options?.requestId, timezone, userId);
    return streamText({ model: baseModel!, prompt: "hi", onFinish }).toUIMessageStreamResponse();
  }
}

// proves chat-agents#plain-response-types
export class PlainText extends AIChatAgent {
  override async onChatMessage() {
    return new Response("Hello! I am a simple agent.", { headers: { "Content-Type": "text/plain" } });
  }
}

// proves chat-agents#options-types-server
export class NoAnswer extends AIChatAgent {
  override async onChatMessage(_onFinish: OnFinish, options?: OnChatMessageOptions) {
    const { timezone, userId } = options?.body ?? {};
    console.log("Request ID:", options?.requestId, timezone, userId);
  }
}

// proves chat-agents#pruneMessages-types
export class Pruning extends AIChatAgent {
  override async onChatMessage() {
    const workersai = createWorkersAI({ binding: this.env.AI });
    const result = streamText({
      model: workersai("@cf/zai-org/glm-4.7-flash"),
      messages: pruneMessages({
        messages: await convertToModelMessages(this.messages),
        reasoning: "before-last-message",
        toolCalls: "before-last-2-messages"
      })
    });
    return result.toUIMessageStreamResponse();
  }
}

// proves chat-agents#waitForMcpConnections-types
export class WaitsByDefault extends AIChatAgent {
  override waitForMcpConnections = { timeout: 10_000 };
}
export class WaitsForever extends AIChatAgent {
  override waitForMcpConnections = true;
}
export class WaitsNot extends AIChatAgent {
  override waitForMcpConnections = false;
}

export class Persisting extends AIChatAgent {
  // proves chat-agents#persist-types
  async persist(messages: UIMessage[]) {
    await this.persistMessages(messages);
    await this.saveMessages(messages);
    // @ts-expect-error not a message
    await this.saveMessages(["hi"]);
  }
}

// proves chat-agents#hooks-types
export class Hooks extends AIChatAgent {
  override async onConnect(connection: Connection, _ctx: ConnectionContext) {
    console.log("Client connected:", connection.id);
  }
  override async onClose(connection: Connection, _code: number, _reason: string, _wasClean: boolean) {
    console.log("Client disconnected:", connection.id);
  }
}

// proves chat-agents#cancel-types
export class Cancellable extends AIChatAgent {
  override async onChatMessage(_onFinish: OnFinish, options?: OnChatMessageOptions) {
    const workersai = createWorkersAI({ binding: this.env.AI });
    const result = streamText({
      model: workersai("@cf/zai-org/glm-4.7-flash"),
      messages: await convertToModelMessages(this.messages),
      abortSignal: options?.abortSignal
    });
    return result.toUIMessageStreamResponse();
  }
}

// proves chat-agents#server-tool-types
export class Tools extends AIChatAgent {
  override async onChatMessage() {
    const workersai = createWorkersAI({ binding: this.env.AI });
    const result = streamText({
      model: workersai("@cf/zai-org/glm-4.7-flash"),
      messages: await convertToModelMessages(this.messages),
      tools: {
        getWeather: tool({
          description: "Get weather for a city",
          inputSchema: z.object({ city: z.string() }),
          execute: async ({ city }) => {
            const data = await fetchWeather(city);
            return { temperature: data.temp, condition: data.condition };
          }
        }),
        getLocation: tool({
          description: "Get the user's location from the browser",
          inputSchema: z.object({})
        }),
        processPayment: tool({
          description: "Process a payment",
          inputSchema: z.object({ amount: z.number(), recipient: z.string() }),
          needsApproval: async ({ amount }) => amount > 100,
          execute: async ({ amount, recipient }) => charge(amount, recipient)
        })
      },
      stopWhen: stepCountIs(5)
    });
    return result.toUIMessageStreamResponse();
  }
}

// proves chat-agents#data-types
export class DataParts extends AIChatAgent {
  override async onChatMessage() {
    const workersai = createWorkersAI({ binding: this.env.AI });
    const stream = createUIMessageStream({
      execute: async ({ writer }) => {
        const result = streamText({
          model: workersai("@cf/zai-org/glm-4.7-flash"),
          messages: await convertToModelMessages(this.messages)
        });
        writer.merge(result.toUIMessageStream());
        writer.write({
          type: "data-sources",
          id: "src-1",
          data: { query: "agents", status: "searching", results: [] }
        });
        writer.write({
          type: "data-sources",
          id: "src-1",
          data: { query: "agents", status: "found", results: ["Agents SDK docs", "Durable Objects guide"] }
        });
        writer.write({
          transient: true,
          type: "data-thinking",
          data: { model: "glm-4.7-flash", startedAt: new Date().toISOString() }
        });
      }
    });
    return createUIMessageStreamResponse({ stream });
  }
}

// proves chat-agents#provider-openai, chat-agents#provider-anthropic
export class Providers extends AIChatAgent<Cloudflare.Env & { ANTHROPIC_API_KEY: string }> {
  override async onChatMessage() {
    const openai = createOpenAI({ apiKey: this.env.OPENAI_API_KEY });
    const anthropic = createAnthropic({ apiKey: this.env.ANTHROPIC_API_KEY });
    const messages = await convertToModelMessages(this.messages);
    return this.messages.length > 1
      ? streamText({ model: openai.chat("gpt-4o"), messages }).toUIMessageStreamResponse()
      : streamText({ model: anthropic("claude-sonnet-4-20250514"), messages }).toUIMessageStreamResponse();
  }
}

// proves chat-agents#prepareStep-types
export class Prepared extends AIChatAgent {
  override async onChatMessage() {
    const result = streamText({
      model: cheapModel!,
      messages: await convertToModelMessages(this.messages),
      tools: { search: searchTool, analyze: analyzeTool, summarize: summarizeTool },
      stopWhen: stepCountIs(10),
      prepareStep: async ({ stepNumber }) => {
        if (stepNumber <= 2) return { activeTools: ["search"], toolChoice: "required" };
        if (stepNumber <= 5) return { model: expensiveModel!, activeTools: ["analyze"] };
        return { activeTools: ["summarize"], toolChoice: { type: "tool", toolName: "summarize" } };
      }
    });
    return result.toUIMessageStreamResponse();
  }
}

// The page names the type of one release of the AI SDK, and a text that results had in another.
const guardrailMiddleware: LanguageModelMiddleware = {
  // Version 6 of the AI SDK wants it said.
  specificationVersion: "v3",
  wrapGenerate: async ({ doGenerate }) => {
    const { content, ...rest } = await doGenerate();
    const cleaned = content.map((part) =>
      part.type === "text" ? { ...part, text: part.text.replace(/\b\d{3}-\d{2}-\d{4}\b/g, "[REDACTED]") } : part
    );
    return { content: cleaned, ...rest };
  }
};

// proves chat-agents#middleware-types
export class Guarded extends AIChatAgent {
  override async onChatMessage() {
    const model = wrapLanguageModel({
      model: baseModel!,
      middleware: [
        guardrailMiddleware,
        extractReasoningMiddleware({ tagName: "think" }),
        defaultSettingsMiddleware({ settings: { temperature: 0 } }),
        simulateStreamingMiddleware()
      ]
    });
    const result = streamText({ model, messages: await convertToModelMessages(this.messages) });
    return result.toUIMessageStreamResponse();
  }
}

// proves chat-agents#generateObject-types
export class Extracting extends AIChatAgent {
  override async onChatMessage() {
    const result = streamText({
      model: myModel!,
      messages: await convertToModelMessages(this.messages),
      tools: {
        extractContactInfo: tool({
          description: "Extract structured contact information from the conversation",
          inputSchema: z.object({ text: z.string().describe("The text to extract contact info from") }),
          execute: async ({ text }) => {
            const { object } = await generateObject({
              model: myModel!,
              schema: z.object({
                name: z.string(),
                email: z.string().email(),
                phone: z.string().optional()
              }),
              prompt: `Extract contact information from: ${text}`
            });
            return object;
          }
        })
      },
      stopWhen: stepCountIs(5)
    });
    return result.toUIMessageStreamResponse();
  }
}

const researchAgent = new ToolLoopAgent({
  model: researchModel!,
  instructions: "You are a research assistant. Be thorough and cite sources.",
  tools: { webSearch: webSearchTool },
  stopWhen: stepCountIs(10)
});

// proves chat-agents#subagent-types, chat-agents#preliminary-types
export class Delegating extends AIChatAgent {
  override async onChatMessage() {
    const result = streamText({
      model: orchestratorModel!,
      messages: await convertToModelMessages(this.messages),
      tools: {
        deepResearch: tool({
          description: "Research a topic in depth",
          inputSchema: z.object({ topic: z.string().describe("The topic to research") }),
          execute: async ({ topic }) => {
            const { text } = await researchAgent.generate({ prompt: topic });
            return { summary: text };
          }
        }),
        withProgress: tool({
          description: "Research a topic in depth",
          inputSchema: z.object({ topic: z.string().describe("The topic to research") }),
          async *execute({ topic }) {
            yield { status: "searching", topic, summary: undefined };
            const { text } = await researchAgent.generate({ prompt: topic });
            yield { status: "done", topic, summary: text };
          }
        })
      },
      stopWhen: stepCountIs(5)
    });
    return result.toUIMessageStreamResponse();
  }
}

// proves chat-agents#exports
expectTypeOf(createToolsFromClientSchemas).toBeFunction();
expectTypeOf<MessageType.CF_AGENT_USE_CHAT_REQUEST>().not.toBeNever();
expectTypeOf<Extract<IncomingMessage, { type: "cf_agent_use_chat_request" }>["id"]>().toEqualTypeOf<string>();
expectTypeOf<Extract<OutgoingMessage, { type: "cf_agent_use_chat_response" }>["done"]>().toEqualTypeOf<boolean>();
