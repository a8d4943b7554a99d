// A conversation, for every implementation of `@cloudflare/ai-chat`.
import { AIChatAgent } from "@cloudflare/ai-chat";
import { routeAgentRequest } from "agents";
import { answerTo } from "./answer.ts";

export class BenchChat extends AIChatAgent {
  static override options = { sendIdentityOnConnect: true };

  override async onChatMessage(...[, options]: Parameters<AIChatAgent["onChatMessage"]>) {
    // A question is to be answered without its conversation where `answer` says how.
    const { answer } = (options?.body ?? {}) as { answer?: string };
    return answerTo(answer ?? this.#question);
  }

  get #question(): string {
    const [part] = this.messages.at(-1)!.parts;
    return part?.type === "text" ? part.text : "";
  }
}

export default {
  async fetch(request, env) {
    return (await routeAgentRequest(request, env)) ?? new Response("not found", { status: 404 });
  }
} satisfies ExportedHandler<Cloudflare.Env>;
