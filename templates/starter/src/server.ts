import { AIChatAgent, type OnChatMessageOptions } from "@cloudflare/ai-chat";
import { callable, routeAgentRequest } from "agents";
import { convertToModelMessages, pruneMessages, stepCountIs, streamText } from "ai";
import { chooseModel } from "./model";
import { assertChatState, initialState, type ChatState, type ModelInfo } from "./shared";
import { createTools } from "./tools";

/** One instance for every chat, each with its own database: messages and state are there after any restart. */
export class ChatAgent extends AIChatAgent<Env, ChatState> {
  initialState = initialState;
  maxPersistedMessages = 500;

  /** Runs for every user message, and again when a tool result or an approval comes in. */
  async onChatMessage(_onFinish: unknown, options?: OnChatMessageOptions) {
    if (this.messages.at(-1)?.role === "user") this.setState({ ...this.state, turns: this.state.turns + 1 });

    const messages = await convertToModelMessages(this.messages, {
      // A call that was cut off (by Stop, or by a tab that closed) has no result, which models reject.
      ignoreIncompleteToolCalls: true
    });
    const result = streamText({
      model: chooseModel(this.env).model,
      instructions: instructions(this.state),
      // Tool calls of long ago cost tokens and rarely matter. What is stored stays complete.
      messages: pruneMessages({ messages, toolCalls: "before-last-20-messages" }),
      tools: createTools(() => this.state),
      stopWhen: stepCountIs(5),
      abortSignal: options?.abortSignal
    });
    return result.toUIMessageStreamResponse({
      // Shown in the page. Replace it with a fixed text if your provider's errors say more than users should read.
      onError: (error) => (error instanceof Error ? error.message : String(error))
    });
  }

  /** Runs before a state is stored. What it throws rejects the change. */
  validateStateChange(next: ChatState, source: unknown) {
    assertChatState(next);
    if (source !== "server" && next.turns !== this.state.turns) throw new Error("turns is counted by the server");
  }

  /** Called by the page: `agent.stub.resetPreferences()`. */
  @callable()
  resetPreferences(): ChatState {
    this.setState({ ...initialState, turns: this.state.turns });
    return this.state;
  }

  /** Called by the page when it connects, to show which model answers. */
  @callable()
  describeModel(): ModelInfo {
    return chooseModel(this.env).info;
  }
}

function instructions({ assistantName, unit, notes }: ChatState): string {
  return [
    `You are a helpful assistant. Your name is "${assistantName}".`,
    "You can check the weather, find out the user's timezone, and run calculations. Answer in Markdown.",
    `The user prefers temperatures in ${unit === "C" ? "Celsius" : "Fahrenheit"}.`,
    notes.trim() === "" ? "" : `The user keeps these notes for you:\n<notes>\n${notes.trim()}\n</notes>`
  ]
    .filter(Boolean)
    .join("\n");
}

export default {
  async fetch(request, env) {
    // /agents/chat-agent/<name> reaches the chat of that name. Everything else is the page, which is served as static assets.
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;
