import { classNameOf } from "./core/class-name";
import { currentContext } from "./core/context";
import type { Host } from "./core/host";
import type { Schema } from "./core/meta";
import { resolveOptions } from "./core/options";
import { wait } from "./core/wait";
import type { AgentMcpOAuthProvider } from "./mcp/client/oauth-provider";
import { kebabCase } from "./protocol/names";
import type { MCPClientManagerOptions } from "./tool-servers";
import { mcpClientSchema } from "./tool-servers-schema";

interface McpAgentMembers {
  readonly name: string;
  createMcpOAuthProvider?(callbackUrl: string): AgentMcpOAuthProvider;
}

/** An agent, as its MCP servers see it. */
export class ToolServersBridge implements MCPClientManagerOptions {
  readonly schema: Schema;
  readonly #agent: McpAgentMembers;
  readonly #host: Host;
  readonly #ctx: DurableObjectState;
  readonly #env: unknown;

  constructor(agent: McpAgentMembers, host: Host, ctx: DurableObjectState, env: unknown) {
    this.schema = host.schema("mcp", mcpClientSchema);
    this.#agent = agent;
    this.#host = host;
    this.#ctx = ctx;
    this.#env = env;
  }

  get storage() {
    return this.#ctx.storage;
  }
  get env() {
    return (this.#env ?? {}) as Record<string, unknown>;
  }
  hasServers() {
    // An older release has made its table for every agent.
    return this.schema.exists && this.schema.read("SELECT 1 FROM cf_agents_mcp_servers LIMIT 1").length > 0;
  }
  identity() {
    const { id } = this.#ctx;
    const className = classNameOf(this.#agent, id, (this.#ctx as { exports?: Record<string, unknown> }).exports);
    const isHidden = !resolveOptions(this.#agent.constructor).sendIdentityOnConnect;
    return { className, agent: kebabCase(className), name: this.#name, id: id.toString(), isHidden };
  }
  get #name(): string {
    try {
      return this.#agent.name;
    } catch {
      // It was reached by an id that is not of a name.
      return this.#ctx.id.toString();
    }
  }
  origin() {
    const { request, connection } = currentContext();
    const url = request?.url ?? connection?.uri;
    return url ? new URL(url).origin.replace(/^ws/, "http") : undefined;
  }
  now() {
    return Date.now();
  }
  wait(delayMs: number, signal?: AbortSignal) {
    return wait(delayMs, signal);
  }
  random() {
    return Math.random();
  }
  hold(work: Promise<unknown>) {
    this.#ctx.waitUntil(work.catch((error: unknown) => this.failed(error)));
  }
  emit(type: string, payload: () => Record<string, unknown>) {
    this.#host.emit(type, payload);
  }
  failed(error: unknown) {
    void this.#host.failed(error);
  }
  broadcast(frame: string) {
    this.#host.connections.broadcastFrame(frame);
  }
  createProvider(callbackUrl: string) {
    return this.#agent.createMcpOAuthProvider?.(callbackUrl);
  }
}
