// The snippets of the page "getCurrentAgent()".
import { Agent, getCurrentAgent, type Connection } from "agents";
import { AIChatAgent } from "agents/ai-chat-agent";
import { generateText, tool, type LanguageModel } from "ai";
import { expectTypeOf } from "vitest";

declare const openai: (model: string) => LanguageModel;

async function processWithAI(prompt: string) {
  const { agent } = getCurrentAgent();
  return await generateText({
    model: openai("gpt-4"),
    prompt: `Agent ${agent?.name}: ${prompt}`
  });
}

async function saveToDatabase(data: unknown) {
  const { agent } = getCurrentAgent();
  console.log(`Saving data for agent: ${agent?.name}`, data);
}

function logRequestInfo() {
  const { agent, connection, request, email } = getCurrentAgent();
  if (request) {
    console.log("Request URL:", request.url);
    console.log("Request method:", request.method);
  }
  if (connection) {
    console.log("Connection ID:", connection.id);
  }
  if (agent) {
    console.log(agent.name, email);
  }
}

export class MyAgent extends AIChatAgent {
  async customMethod(message: string) {
    console.log("Agent name:", this.name);
    console.log("Agent state:", this.state);
    const result = await processWithAI(message);
    return result.text;
  }
  async anotherMethod() {
    const { agent } = getCurrentAgent();
    return agent?.state;
  }
  async typed() {
    const { agent, connection, request } = getCurrentAgent<MyAgent>();
    // proves get-current-agent#typed
    expectTypeOf(agent).toEqualTypeOf<MyAgent | undefined>();
    expectTypeOf(connection).toEqualTypeOf<Connection | undefined>();
    expectTypeOf(request).toEqualTypeOf<Request | undefined>();
    return agent?.customMethod("x");
  }
  async generateResponse(prompt: string) {
    const response = await generateText({
      model: openai("gpt-4"),
      prompt,
      tools: {
        who: tool({
          description: "Who am I?",
          inputSchema: undefined as never,
          execute: async () => getCurrentAgent<MyAgent>().agent?.name
        })
      }
    });
    return response.text;
  }
  async processData(data: unknown) {
    await saveToDatabase(data);
    logRequestInfo();
  }
}

// With a state and private members of its own.
export class StatefulAgent extends Agent<Env, { count: number }, { userId: string }> {
  #secret = "secret";
  private note = "note";
  initialState = { count: 0 };
  read() {
    return this.#secret + this.note + getCurrentAgent<StatefulAgent>().agent?.state.count;
  }
}

// @ts-expect-error not an agent
getCurrentAgent<Date>();
