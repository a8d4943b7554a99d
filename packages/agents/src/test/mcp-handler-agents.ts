import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import { Agent } from "../index";
import { createMcpHandler } from "../mcp/handler/create-mcp-handler";
import type { TransportState } from "../mcp/handler/session";
import { SqlEventStore } from "../mcp/handler/sql-event-store";
import { WorkerTransport } from "../mcp/handler/worker-transport";

/** A stateful server, as the documentation makes one: a transport that lasts, in an agent. */
export class McpDesk extends Agent<Cloudflare.Env, { count: number }> {
  override initialState = { count: 0 };
  readonly heard: string[] = [];
  readonly server = new McpServer({ name: "desk", version: "1.0.0" }, { capabilities: { logging: {} } });
  readonly transport = new WorkerTransport({
    sessionIdGenerator: () => this.name,
    enableJsonResponse: this.name.startsWith("json"),
    retryInterval: 1,
    onsessioninitialized: (id) => void this.heard.push(`began ${id}`),
    onsessionclosed: (id) => void this.heard.push(`closed ${id}`),
    storage: {
      get: () => this.ctx.storage.get<TransportState>("mcp"),
      set: (state) => this.ctx.storage.put("mcp", state)
    },
    ...(this.name.startsWith("durable") && { eventStore: new SqlEventStore(this) })
  });
  #waiting: (() => void)[] = [];

  override onStart() {
    const { server } = this;
    server.registerTool("count", { inputSchema: { by: z.number() } }, ({ by }) => {
      this.setState({ count: this.state.count + by });
      return text(String(this.state.count));
    });
    server.registerTool("bad answer", {}, () => ({ content: [], structuredContent: { n: 1n } }));
    server.registerResource("nothing", "desk://nothing", {}, () => undefined as never);
    server.registerTool("ask", {}, async (extra) => {
      const requestedSchema = { type: "object" as const, properties: { by: { type: "number" as const } } };
      const { action, content } = await server.server.elicitInput(
        { message: "By how much?", requestedSchema },
        { relatedRequestId: extra.requestId }
      );
      return text(`${action} ${String(content?.by)}`);
    });
    server.registerTool("wait", {}, async ({ signal, sendNotification }) => {
      await sendNotification({ method: "notifications/message", params: { level: "info", data: "waiting" } });
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => {
          this.heard.push("aborted");
          resolve();
        });
      });
      return text("released");
    });
    server.registerTool("leave", {}, async ({ closeSSEStream }) => {
      closeSSEStream?.();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return text("came back");
    });
  }

  override onRequest(request: Request) {
    const authContext = { props: { userId: request.headers.get("X-User") } };
    return createMcpHandler(this.server, { transport: this.transport, authContext })(request, this.env, this.ctx);
  }

  /** How many calls wait. */
  waiting(): number {
    return this.#waiting.length;
  }
  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
  async tell(data: string): Promise<void> {
    await this.server.sendLoggingMessage({ level: "info", data });
  }
  events(): string[] {
    return this.heard;
  }
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
