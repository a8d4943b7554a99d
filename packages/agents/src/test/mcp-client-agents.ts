import { Agent, callable, type Connection, type ConnectionContext } from "../index";

/** An agent that uses MCP servers. */
export class McpUser extends Agent<Cloudflare.Env> {
  /** What happened, of all instances, by their names. */
  static readonly events: { name: string; type: string; payload: Record<string, unknown> }[] = [];
  override observability = {
    emit: ({ type, name, payload }: { type: string; name: string; payload: unknown }) => {
      if (type.startsWith("mcp:")) McpUser.events.push({ name, type, payload: payload as Record<string, unknown> });
    }
  };
  override onError(): void {}

  override shouldSendProtocolMessages(_connection: Connection, { request }: ConnectionContext): boolean {
    return !request.url.includes("silent");
  }

  /** Adds a server in the context of a request, as programs do. */
  override async onRequest(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (!url.pathname.endsWith("/add")) return new Response("elsewhere", { status: 404 });
    const [name, server, options] = (await request.json()) as Parameters<Agent["addMcpServer"]>;
    return Response.json(await this.addMcpServer(name, server as unknown as string, options));
  }

  @callable()
  async add(...args: [name: string, url: string, options?: object]) {
    return this.addMcpServer(...args);
  }
}

/** Its name is a secret. */
export class McpSecretUser extends McpUser {
  static override options = { sendIdentityOnConnect: false };
}
