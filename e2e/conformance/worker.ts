// The same server, in each of the ways in which programs serve one.
import { Agent, getAgentByName } from "agents";
import { createMcpHandler, McpAgent, WorkerTransport, type TransportState } from "agents/mcp";
import { everythingServer } from "./server";

interface Env {
  Handler: DurableObjectNamespace<Handler>;
  Everything: DurableObjectNamespace<Everything>;
}

/** `McpAgent`. */
export class Everything extends McpAgent<Env> {
  readonly server = everythingServer();
}

/** `createMcpHandler` in an agent: with sessions. */
export class Handler extends Agent<Env> {
  readonly #server = everythingServer();
  readonly #transport = new WorkerTransport({
    sessionIdGenerator: () => this.name,
    storage: {
      get: () => this.ctx.storage.get<TransportState>("mcp"),
      set: (state) => this.ctx.storage.put("mcp", state)
    }
  });

  override onRequest(request: Request): Promise<Response> {
    return createMcpHandler(this.#server, { route: "/handler", transport: this.#transport })(
      request,
      this.env,
      this.ctx
    );
  }
}

const agent = Everything.serve("/agent", { binding: "Everything" });
const stateless = createMcpHandler(everythingServer, { route: "/stateless" });

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/agent") return agent.fetch(request, env, ctx);
    if (pathname !== "/handler") return stateless(request, env, ctx);
    const session = request.headers.get("mcp-session-id") ?? crypto.randomUUID();
    return (await getAgentByName(env.Handler, session)).onRequest(request);
  }
};
