// The snippets of the pages "Using AI models" and "Calling LLMs".
import { openai } from "@ai-sdk/openai";
import { Agent, type Connection, type ConnectionContext, type WSMessage } from "agents";
import { embed, generateText, streamText } from "ai";
import { createWorkersAI } from "workers-ai-provider";

// What the snippet uses of the package `openai`.
declare class OpenAI {
  constructor(options: { apiKey: string; baseURL: string });
  chat: {
    completions: {
      create(options: {
        model: string;
        messages: { role: "user"; content: string }[];
        stream: true;
      }): Promise<AsyncIterable<{ choices: { delta?: { content?: string | null } }[] }>>;
    };
  };
}

interface Env {
  AI: Ai;
  GEMINI_API_KEY: string;
  VECTOR_DB: VectorizeIndex;
}

// proves using-ai-models#websockets-types
export class Streaming extends Agent<Env> {
  override async onConnect(_connection: Connection, _ctx: ConnectionContext) {
    //
  }
  override async onMessage(connection: Connection, message: WSMessage) {
    const msg = JSON.parse(message as string) as { prompt: string };
    await this.queryReasoningModel(connection, msg.prompt);
  }
  async queryReasoningModel(connection: Connection, userPrompt: string) {
    try {
      const workersai = createWorkersAI({ binding: this.env.AI });
      const result = streamText({ model: workersai("@cf/zai-org/glm-4.7-flash"), prompt: userPrompt });
      for await (const chunk of result.textStream) {
        if (chunk) connection.send(JSON.stringify({ type: "chunk", content: chunk }));
      }
      connection.send(JSON.stringify({ type: "done" }));
    } catch (error) {
      connection.send(JSON.stringify({ type: "error", error }));
    }
  }
}

// proves using-ai-models#workers-ai-types
export class WorkersAi extends Agent<Env> {
  override async onRequest(_request: Request) {
    const stream = await this.env.AI.run("@cf/deepseek-ai/deepseek-r1-distill-qwen-32b", {
      prompt: "Build me a Cloudflare Worker that returns JSON.",
      stream: true
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  }
}

// proves using-ai-models#gateway-types
export class Gateway extends Agent<Env> {
  override async onRequest(_request: Request) {
    const response = await this.env.AI.run(
      "@cf/deepseek-ai/deepseek-r1-distill-qwen-32b",
      { prompt: "Build me a Cloudflare Worker that returns JSON." },
      { gateway: { id: "{gateway_id}", skipCache: false, cacheTtl: 3360 } }
    );
    return Response.json(response);
  }
}

// proves using-ai-models#ai-sdk-types
export class AiSdk extends Agent<Env> {
  override async onRequest(_request: Request): Promise<Response> {
    const workersai = createWorkersAI({ binding: this.env.AI });
    const { text } = await generateText({
      model: workersai("@cf/zai-org/glm-4.7-flash"),
      prompt: "Build me an AI agent on Cloudflare Workers"
    });
    return Response.json({ modelResponse: text });
  }
}

// proves using-ai-models#provider-types
export class Provider extends Agent {
  override async onRequest(_request: Request): Promise<Response> {
    const { text } = await generateText({
      model: openai("gpt-4o"),
      prompt: "Build me an AI agent on Cloudflare Workers"
    });
    return Response.json({ modelResponse: text });
  }
}

// proves using-ai-models#openai-compatible-types
export class Compatible extends Agent<Env> {
  override async onRequest(_request: Request): Promise<Response> {
    const client = new OpenAI({
      apiKey: this.env.GEMINI_API_KEY,
      baseURL: "https://generativelanguage.googleapis.com/v1beta/openai/"
    });
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const textEncoder = new TextEncoder();
    this.ctx.waitUntil(
      (async () => {
        const stream = await client.chat.completions.create({
          model: "gemini-2.0-flash",
          messages: [{ role: "user", content: "Write me a Cloudflare Worker." }],
          stream: true
        });
        for await (const part of stream) {
          void writer.write(textEncoder.encode(part.choices[0]?.delta?.content || ""));
        }
        void writer.close();
      })()
    );
    return new Response(readable);
  }
}

// proves calling-llms#context-types
export class ResearchAgent extends Agent<Env> {
  systemPrompt(preferences: { key: string; value: string }[]) {
    return preferences.map(({ key, value }) => `${key}: ${value}`).join("\n");
  }
  async buildPrompt(userMessage: string) {
    const history = this.sql<{ role: string; content: string }>`
      SELECT role, content FROM messages
      ORDER BY timestamp DESC LIMIT 50`;
    const preferences = this.sql<{ key: string; value: string }>`
      SELECT key, value FROM user_preferences`;
    return [
      { role: "system", content: this.systemPrompt(preferences) },
      ...history.reverse(),
      { role: "user", content: userMessage }
    ];
  }
}

// proves calling-llms#disconnect-types
export class Surviving extends Agent<Env> {
  override async onMessage(connection: Connection, message: WSMessage) {
    const { prompt } = JSON.parse(message as string) as { prompt: string };
    const workersai = createWorkersAI({ binding: this.env.AI });
    const result = streamText({ model: workersai("@cf/zai-org/glm-4.7-flash"), prompt });
    for await (const chunk of result.textStream) {
      connection.send(JSON.stringify({ type: "chunk", content: chunk }));
    }
    void this.sql`INSERT INTO responses (prompt, response, timestamp)
      VALUES (${prompt}, ${await result.text}, ${Date.now()})`;
  }
}

// proves calling-llms#autonomous-types
export class DigestAgent extends Agent<Env> {
  override async onStart() {
    void this.schedule("0 8 * * *", "generateDailyDigest", {});
  }
  async generateDailyDigest() {
    const articles = this.sql<{ title: string; body: string }>`
      SELECT title, body FROM articles
      WHERE created_at > datetime('now', '-1 day')`;
    const workersai = createWorkersAI({ binding: this.env.AI });
    const { text } = await generateText({
      model: workersai("@cf/zai-org/glm-4.7-flash"),
      prompt: `Summarize these articles:\n${articles.map((a) => a.title + ": " + a.body).join("\n\n")}`
    });
    void this.sql`INSERT INTO digests (summary, created_at)
      VALUES (${text}, ${Date.now()})`;
    this.broadcast(JSON.stringify({ type: "digest", summary: text }));
  }
}

// proves calling-llms#pipeline-types
export class TriageAgent extends Agent<Env> {
  async triage(ticket: string) {
    const workersai = createWorkersAI({ binding: this.env.AI });
    const { text: category } = await generateText({
      model: workersai("@cf/zai-org/glm-4.7-flash"),
      prompt: `Classify this support ticket into one of: billing, technical, account. Ticket: ${ticket}`
    });
    // The provider names what makes embeddings.
    const { embedding } = await embed({
      model: workersai.textEmbedding("@cf/baai/bge-base-en-v1.5"),
      value: ticket
    });
    const similar = await this.env.VECTOR_DB.query(embedding, { topK: 5 });
    const { text: response } = await generateText({
      model: workersai("@cf/zai-org/glm-4.7-flash"),
      prompt: `Draft a response for this ${category} ticket. Similar resolved tickets: ${JSON.stringify(similar)}. Ticket: ${ticket}`
    });
    void this.sql`INSERT INTO tickets (content, category, response, created_at)
      VALUES (${ticket}, ${category}, ${response}, ${Date.now()})`;
    return { category, response };
  }
}

// proves calling-llms#caching-types
export class CachingAgent extends Agent<Env> {
  async cachedGenerate(prompt: string) {
    const cached = this.sql<{ response: string }>`
      SELECT response FROM llm_cache WHERE prompt = ${prompt}`;
    if (cached.length > 0) {
      return cached[0]!.response;
    }
    const workersai = createWorkersAI({ binding: this.env.AI });
    const { text } = await generateText({ model: workersai("@cf/zai-org/glm-4.7-flash"), prompt });
    void this.sql`INSERT INTO llm_cache (prompt, response, created_at)
      VALUES (${prompt}, ${text}, ${Date.now()})`;
    return text;
  }
}
