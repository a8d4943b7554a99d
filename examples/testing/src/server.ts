// src/server.ts
import { AIChatAgent } from "@cloudflare/ai-chat";
import { Agent, callable, routeAgentRequest } from "agents";
import { convertToModelMessages, streamText, type LanguageModel } from "ai";

export class Counter extends Agent<Cloudflare.Env, { count: number }> {
  initialState = { count: 0 };

  @callable()
  increment(by = 1) {
    if (by < 1) throw new Error("A counter goes up");
    this.setState({ count: this.state.count + by });
    return this.state.count;
  }

  onRequest() {
    return Response.json(this.state);
  }
}

export class Reminders extends Agent {
  onStart() {
    this.sql`CREATE TABLE IF NOT EXISTS welcomed (address TEXT)`;
  }

  @callable()
  async remind(text: string, inSeconds: number) {
    await this.schedule(inSeconds, "ring", text);
  }

  ring(text: string) {
    this.broadcast(JSON.stringify({ type: "reminder", text }));
  }

  @callable()
  async signUp(address: string) {
    await this.queue("welcome", address);
  }

  welcome(address: string) {
    this.sql`INSERT INTO welcomed (address) VALUES (${address})`;
  }
}

export class Assistant extends AIChatAgent {
  /** Which model answers. Tests put one of theirs here. */
  static model: () => LanguageModel = () => {
    throw new Error("Name a model, for instance of Workers AI");
  };

  async onChatMessage() {
    const messages = await convertToModelMessages(this.messages);
    return streamText({ model: Assistant.model(), messages }).toUIMessageStreamResponse();
  }
}

export default {
  async fetch(request: Request, env: Cloudflare.Env) {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  },
  async email(message: ForwardableEmailMessage) {
    if (message.headers.get("subject")?.includes("WIN")) message.setReject("No advertisements");
    else await message.forward("team@example.com");
  }
};
