import {
  Agent,
  callable,
  DurableObjectOAuthClientProvider,
  type AgentMcpOAuthProvider,
  type Connection,
  type ConnectionContext
} from "../index";

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

/** Signs in in a way of its own: as its name says. */
export class McpOwnUser extends Agent<Cloudflare.Env> {
  readonly kept = new Map<string, unknown>();
  override onError(): void {}

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    const { name = "" } = ctx.id;
    const settings = {
      MCP_ALLOW_LOOPBACK: "true",
      ...(name.includes("sealed") && { MCP_ENCRYPTION_KEY: "a long secret" })
    };
    super(ctx, { ...env, ...settings });
  }

  override createMcpOAuthProvider(callbackUrl: string): AgentMcpOAuthProvider {
    const credentials = { client_id: "known", client_secret: "s3cret" };
    if (this.name.startsWith("credentials")) {
      return {
        get redirectUrl() {
          return callbackUrl;
        },
        get clientMetadata() {
          return { ...credentials, redirect_uris: [callbackUrl] };
        },
        clientInformation() {
          return credentials;
        }
      };
    }
    if (this.name.startsWith("machine")) {
      return {
        redirectUrl: undefined,
        clientMetadata: { redirect_uris: [] },
        clientInformation: () => credentials,
        prepareTokenRequest: () => new URLSearchParams({ grant_type: "client_credentials" })
      };
    }
    const { kept } = this;
    const storage = {
      get: async (key: string) => kept.get(key),
      put: async (key: string, value: unknown) => void kept.set(key, value),
      delete: async (key: string) => kept.delete(key),
      list: async ({ prefix }: { prefix: string }) => new Map([...kept].filter(([key]) => key.startsWith(prefix)))
    };
    const provider = new DurableObjectOAuthClientProvider(storage, this.name, callbackUrl);
    provider.clientInformation = async () => {
      provider.clientId = credentials.client_id;
      return credentials;
    };
    return provider;
  }
}
