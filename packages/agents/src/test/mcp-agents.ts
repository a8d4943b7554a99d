import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import { McpAgent } from "../mcp-agent";

const text = (value: unknown) => ({ content: [{ type: "text" as const, text: String(value) }] });

class Gate {
  enter = () => {};
  open = () => {};
  readonly entered = new Promise<void>((resolve) => (this.enter = resolve));
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}

type Props = { userId?: string; role?: string };

/** A server with something of everything. */
export class Toolbox extends McpAgent<Cloudflare.Env, { counter: number }, Props> {
  /** How often handlers have run, in all instances and lives. */
  static readonly runs: string[] = [];
  static inits = 0;
  /** How often `init` throws at its end. */
  static failures = 0;
  override server = new McpServer(
    { name: "toolbox", version: "1.0.0" },
    { capabilities: { logging: {}, resources: { subscribe: true } }, instructions: "Use it." }
  );
  override initialState = { counter: 0 };
  readonly #aborted: string[] = [];
  /** Where calls of "block" stand, by the names that they gave. */
  readonly #gates = new Map<string, Gate>();

  override async init() {
    Toolbox.inits++;
    const { server } = this;
    server.registerTool("add", { inputSchema: { a: z.number() } }, async ({ a }) => {
      this.setState({ counter: this.state.counter + a });
      return text(this.state.counter);
    });
    server.registerTool("whoami", {}, async () => text(`${this.props?.userId ?? "anonymous"} in ${this.name}`));
    server.registerTool("client", {}, async () => text(server.server.getClientVersion()?.name));
    server.registerTool("fail", {}, async () => {
      throw new Error("broken");
    });
    server.registerTool("history", {}, async () =>
      text(this.sql<{ counter: number }>`SELECT counter FROM history`.map(({ counter }) => counter))
    );
    server.registerTool("query", {}, async () => text(this.sql`SELECT * FROM secrets`));
    server.registerTool(
      "echo",
      { description: "Says it again", inputSchema: { text: z.string().describe("What to say") } },
      async (args) => text(args.text)
    );
    server.registerTool(
      "ask",
      { inputSchema: { first: z.string(), second: z.string().optional() } },
      async (args, extra) => {
        Toolbox.runs.push(`ask ${args.first}`);
        const answers: unknown[] = [];
        for (const message of [args.first, args.second]) {
          if (message === undefined) continue;
          const { action, content } = await this.server.server.elicitInput(
            {
              message,
              requestedSchema: { type: "object", properties: { value: { type: "string" } }, required: ["value"] }
            },
            { relatedRequestId: extra.requestId }
          );
          answers.push(action === "accept" ? content?.value : action);
        }
        return text(answers.join(", "));
      }
    );
    server.registerTool("increase", {}, async (extra) => {
      const { action, content } = await this.server.server.elicitInput(
        {
          message: "By how much?",
          requestedSchema: { type: "object", properties: { amount: { type: "number" } }, required: ["amount"] }
        },
        { relatedRequestId: extra.requestId }
      );
      if (action !== "accept" || !content) return text("Cancelled.");
      this.setState({ counter: this.state.counter + Number(content.amount) });
      return text(`now at ${this.state.counter}`);
    });
    server.registerTool("big", { inputSchema: { mb: z.number() } }, ({ mb }) => text("x".repeat(mb * 1024 * 1024)));
    server.registerTool("throw text", {}, () => {
      // As some libraries do.
      // oxlint-disable-next-line no-throw-literal
      throw "no error";
    });
    server.registerTool("bad answer", {}, () => ({ content: [], structuredContent: { n: 1n } }));
    server.registerResource("nothing", "mcp://resource/nothing", {}, () => undefined as never);
    server.registerTool("hang up", {}, async ({ signal }) => {
      await this.server.close();
      return text(signal.aborted);
    });
    server.registerTool("elicit", {}, async () => {
      const { action, content } = await this.elicitInput({
        message: "Really?",
        requestedSchema: { type: "object", properties: { sure: { type: "boolean" } } }
      });
      return text(`${action} ${content?.sure}`);
    });
    server.registerTool("sample", { inputSchema: { prompt: z.string() } }, async ({ prompt }) => {
      const messages = [{ role: "user" as const, content: { type: "text" as const, text: prompt } }];
      const { content } = await this.server.server.createMessage({ messages, maxTokens: 10 });
      return text(content.type === "text" ? content.text : content.type);
    });
    server.registerTool("steps", {}, async (_extra) => {
      const token = _extra._meta?.progressToken;
      for (const progress of [1, 2, 3]) {
        if (token === undefined) continue;
        await _extra.sendNotification({
          method: "notifications/progress",
          params: { progressToken: token, progress, total: 3 }
        });
      }
      return text("done");
    });
    server.registerTool("log", {}, async () => {
      await this.server.server.sendLoggingMessage({ level: "debug", data: "details" });
      await this.server.server.sendLoggingMessage({ level: "warning", data: "careful" });
      return text("logged");
    });
    const block = async ({ gate }: { gate: string }, { signal }: { signal: AbortSignal }) => {
      Toolbox.runs.push(`block ${gate}`);
      signal.addEventListener("abort", () => void this.#aborted.push(gate));
      this.#gate(gate).enter();
      await this.#gate(gate).opened;
      return text(`${gate} is open`);
    };
    server.registerTool("block", { inputSchema: { gate: z.string() } }, block);
    server.registerTool("look", { inputSchema: { gate: z.string() }, annotations: { readOnlyHint: true } }, block);
    server.registerTool("later", {}, async ({ closeSSEStream }) => {
      closeSSEStream?.();
      await this.#gate("later").opened;
      return text("here you are");
    });
    server.registerResource("counter", "mcp://resource/counter", {}, (uri) => ({
      contents: [{ uri: uri.href, text: String(this.state.counter) }]
    }));
    server.registerPrompt("greet", { argsSchema: { name: z.string() } }, ({ name }) => ({
      messages: [{ role: "user", content: { type: "text", text: `Greet ${name}` } }]
    }));
    if (Toolbox.failures > 0) throw new Error(`not yet: ${Toolbox.failures--}`);
  }

  override onStateChanged({ counter }: { counter: number }) {
    this.sql`CREATE TABLE IF NOT EXISTS history (counter)`;
    this.sql`INSERT INTO history VALUES (${counter})`;
  }

  #gate(name: string): Gate {
    let gate = this.#gates.get(name);
    if (!gate) this.#gates.set(name, (gate = new Gate()));
    return gate;
  }
  /** A call stands at the gate. */
  async entered(name: string) {
    await this.#gate(name).entered;
  }
  open(name: string) {
    this.#gate(name).open();
  }
  aborted() {
    return this.#aborted;
  }
  /** As if a session had not been used for so long. */
  age(session: string, ms: number) {
    this.ctx.storage.sql.exec("UPDATE cf_agents_mcp_sessions SET used_ms = ? WHERE id = ?", Date.now() - ms, session);
  }
  idleMs(session: string): number {
    const used = this.ctx.storage.sql
      .exec("SELECT used_ms FROM cf_agents_mcp_sessions WHERE id = ?", session)
      .one().used_ms;
    return Date.now() - Number(used);
  }
  /** As if they had been begun so often. */
  setAttempts(attempt: number) {
    this.ctx.storage.sql.exec("UPDATE cf_agents_mcp_calls SET attempt = ?", attempt);
  }
  /** What is left of calls and streams. */
  rows() {
    const count = (table: string) => this.ctx.storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n;
    return {
      sessions: count("cf_agents_mcp_sessions"),
      calls: count("cf_agents_mcp_calls"),
      waits: count("cf_agents_mcp_waits"),
      events: count("cf_agents_mcp_events")
    };
  }

  /** Outside of any call. */
  async askSomebody() {
    const { roots } = await this.server.server.listRoots();
    return roots;
  }

  /** Outside of any call, too. */
  async hangUp() {
    await this.server.close();
  }

  /** As an alarm or another agent would. */
  async announce() {
    await this.server.server.sendResourceUpdated({ uri: "mcp://resource/counter" });
    this.server.sendToolListChanged();
  }
}

/** Its server is a promise. */
export class Promised extends McpAgent {
  override server = Promise.resolve(new McpServer({ name: "promised", version: "1.0.0" }));
  override async init() {
    (await this.server).registerTool("hello", {}, async () => text("hello"));
  }
}

/** Its server is made by a function; it is impatient. */
export class Made extends McpAgent<Cloudflare.Env, unknown, Props> {
  override server = () => {
    const server = new McpServer({ name: "made", version: "1.0.0" });
    server.registerTool("hello", {}, async () => text(`hello ${this.props?.userId}`));
    server.registerTool("never", {}, () => new Promise<never>(() => {}));
    return server;
  };
  protected override getRpcTransportOptions() {
    return { timeout: 20 };
  }
}
