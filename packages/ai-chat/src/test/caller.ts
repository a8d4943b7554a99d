import { Agent, callable, type Connection, type WSMessage } from "agents";
import { embed, generateText, streamText } from "ai";
import { MockEmbeddingModelV3 } from "ai/test";
import type { modelSaying } from "./models";

// Agents that call models, as the pages "Using AI models", "Calling LLMs" and "Human-in-the-loop patterns" write them.

/** What the models of an instance say, by its name. */
export const models = new Map<string, ReturnType<typeof modelSaying>>();

interface Ai {
  run(model: string, input: { prompt: string; stream?: boolean }, options?: object): Promise<unknown>;
}
/** Each call of the binding for models. */
export const aiCalls: unknown[][] = [];
const ai: Ai = {
  run: async (...call) => {
    aiCalls.push(call);
    return call[1].stream
      ? new Blob(['data: {"response":"one"}\n\n', "data: [DONE]\n\n"]).stream()
      : { response: "all" };
  }
};

type History = { role: string; content: string };

export class Caller extends Agent<Cloudflare.Env & { AI: Ai }, { said: string[] }> {
  override initialState = { said: [] as string[] };

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, { ...env, AI: ai });
  }

  override async onStart() {
    void this.sql`CREATE TABLE IF NOT EXISTS responses (prompt TEXT, response TEXT, timestamp INTEGER)`;
    void this.sql`CREATE TABLE IF NOT EXISTS messages (role TEXT, content TEXT, timestamp INTEGER)`;
    void this.sql`CREATE TABLE IF NOT EXISTS articles (title TEXT, body TEXT, created_at TEXT)`;
    void this.sql`CREATE TABLE IF NOT EXISTS llm_cache (prompt TEXT, response TEXT, created_at INTEGER)`;
    if (this.name.startsWith("digest")) await this.schedule("0 8 * * *", "generateDailyDigest", {});
  }

  get #model() {
    return models.get(this.name)!;
  }

  override async onRequest(request: Request) {
    switch (new URL(request.url).pathname.split("/").at(-1)) {
      case "stream": {
        const stream = await this.env.AI.run("@cf/model", { prompt: "Build", stream: true });
        return new Response(stream as ReadableStream, { headers: { "content-type": "text/event-stream" } });
      }
      case "gateway": {
        const gateway = { id: "{gateway_id}", skipCache: false, cacheTtl: 3360 };
        return Response.json(await this.env.AI.run("@cf/model", { prompt: "Build" }, { gateway }));
      }
      case "compatible":
        return this.#compatible();
      default: {
        const { text } = await generateText({ model: this.#model, prompt: "Build me an AI agent" });
        return Response.json({ modelResponse: text });
      }
    }
  }

  /** The response is there before the model has said anything. */
  #compatible(): Response {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const textEncoder = new TextEncoder();
    this.ctx.waitUntil(
      (async () => {
        for await (const part of streamText({ model: this.#model, prompt: "Write" }).textStream)
          void writer.write(textEncoder.encode(part));
        void writer.close();
      })()
    );
    return new Response(readable);
  }

  override async onMessage(connection: Connection, message: WSMessage) {
    const { prompt } = JSON.parse(message as string) as { prompt: string };
    try {
      const result = streamText({ model: this.#model, prompt, maxRetries: 0, onError: () => {} });
      for await (const part of result.fullStream) {
        if (part.type === "error") throw part.error;
        if (part.type === "text-delta") connection.send(JSON.stringify({ type: "chunk", content: part.text }));
      }
      connection.send(JSON.stringify({ type: "done" }));
      const text = await result.text;
      void this.sql`INSERT INTO responses (prompt, response, timestamp) VALUES (${prompt}, ${text}, ${Date.now()})`;
      this.setState({ said: [...this.state.said, text] });
    } catch (error) {
      connection.send(JSON.stringify({ type: "error", error: String(error) }));
    }
  }

  responses() {
    return this.sql<{ prompt: string; response: string }>`SELECT prompt, response FROM responses`;
  }

  async buildPrompt(userMessage: string) {
    const history = this.sql<History>`SELECT role, content FROM messages ORDER BY timestamp DESC LIMIT 50`;
    return [{ role: "system", content: "Be brief." }, ...history.reverse(), { role: "user", content: userMessage }];
  }
  remember(role: string, content: string, timestamp: number) {
    void this.sql`INSERT INTO messages (role, content, timestamp) VALUES (${role}, ${content}, ${timestamp})`;
  }

  write(title: string, body: string, createdAt: string) {
    void this.sql`INSERT INTO articles (title, body, created_at) VALUES (${title}, ${body}, ${createdAt})`;
  }
  async generateDailyDigest() {
    const articles = this.sql<{ title: string; body: string }>`
      SELECT title, body FROM articles
      WHERE created_at > datetime('now', '-1 day')`;
    const { text } = await generateText({
      model: this.#model,
      prompt: `Summarize these articles:\n${articles.map((a) => a.title + ": " + a.body).join("\n\n")}`
    });
    void this.sql`INSERT INTO responses (prompt, response, timestamp) VALUES ('digest', ${text}, ${Date.now()})`;
    this.broadcast(JSON.stringify({ type: "digest", summary: text }));
  }

  async triage(ticket: string) {
    const { text: category } = await generateText({ model: this.#model, prompt: `Classify: ${ticket}` });
    const embeddings = new MockEmbeddingModelV3({
      doEmbed: async ({ values }) => ({ embeddings: values.map(({ length }) => [length]), warnings: [] })
    });
    const { embedding } = await embed({ model: embeddings, value: ticket });
    const prompt = `Draft a response for this ${category} ticket, like ${JSON.stringify(embedding)}: ${ticket}`;
    const { text: response } = await generateText({ model: this.#model, prompt });
    void this.sql`INSERT INTO responses (prompt, response, timestamp) VALUES (${ticket}, ${response}, ${Date.now()})`;
    return { category, response };
  }

  async cachedGenerate(prompt: string) {
    const cached = this.sql<{ response: string }>`SELECT response FROM llm_cache WHERE prompt = ${prompt}`;
    if (cached.length > 0) return cached[0]!.response;
    const { text } = await generateText({ model: this.#model, prompt });
    void this.sql`INSERT INTO llm_cache (prompt, response, created_at) VALUES (${prompt}, ${text}, ${Date.now()})`;
    return text;
  }
}

type Approvals = {
  pendingApprovals: { workflowId: string; amount: number }[];
  pendingMultiApprovals: {
    workflowId: string;
    requiredApprovals: number;
    currentApprovals: { userId: string; approvedAt: number }[];
  }[];
};

/** Keeps what waits for a decision in its state, and what was decided in a table. */
export class Expenses extends Agent<Cloudflare.Env, Approvals> {
  override initialState: Approvals = { pendingApprovals: [], pendingMultiApprovals: [] };
  readonly #reminded: unknown[] = [];

  override async onStart() {
    void this.sql`
      CREATE TABLE IF NOT EXISTS approval_audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        workflow_id TEXT NOT NULL,
        decision TEXT NOT NULL CHECK(decision IN ('approved', 'rejected')),
        decided_by TEXT NOT NULL,
        decided_at INTEGER NOT NULL,
        reason TEXT
      )
    `;
  }
  @callable()
  async submit(workflowId: string, amount: number) {
    await this.schedule(new Date(Date.now() + 4 * 60 * 60 * 1000), "sendReminder", { workflowId });
    this.setState({ ...this.state, pendingApprovals: [...this.state.pendingApprovals, { workflowId, amount }] });
  }
  /** As the page has it. */
  @callable()
  async submitWithTimestamp() {
    await this.schedule(Date.now() + 4 * 60 * 60 * 1000, "sendReminder", {});
  }
  sendReminder(payload: { workflowId: string }) {
    this.#reminded.push(payload);
  }
  reminded() {
    return this.#reminded;
  }
  @callable()
  async approve(workflowId: string, userId: string, reason?: string): Promise<void> {
    void this.sql`
      INSERT INTO approval_audit (workflow_id, decision, decided_by, decided_at, reason)
      VALUES (${workflowId}, 'approved', ${userId}, ${Date.now()}, ${reason || null})
    `;
    this.setState({
      ...this.state,
      pendingApprovals: this.state.pendingApprovals.filter((p) => p.workflowId !== workflowId)
    });
  }
  trail() {
    return this.sql<Record<string, unknown>>`SELECT * FROM approval_audit`;
  }

  @callable()
  submitMulti(workflowId: string, requiredApprovals: number) {
    const pending = { workflowId, requiredApprovals, currentApprovals: [] };
    this.setState({ ...this.state, pendingMultiApprovals: [...this.state.pendingMultiApprovals, pending] });
  }
  @callable()
  async approveMulti(workflowId: string, userId: string): Promise<boolean> {
    const approval = this.state.pendingMultiApprovals.find((p) => p.workflowId === workflowId);
    if (!approval) throw new Error("Approval not found");
    if (approval.currentApprovals.some((a) => a.userId === userId)) throw new Error("Already approved by this user");
    approval.currentApprovals.push({ userId, approvedAt: Date.now() });
    if (approval.currentApprovals.length >= approval.requiredApprovals) return true;
    this.setState({ ...this.state });
    return false;
  }
}
