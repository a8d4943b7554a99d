// The agent that the official conformance suite looks at as a client: it does in each scenario what a program would do.
import { Agent, DurableObjectOAuthClientProvider, routeAgentRequest, type AgentMcpOAuthProvider } from "agents";
import { ElicitRequestSchema } from "agents/mcp";
import { ClientCredentialsProvider, PrivateKeyJwtProvider } from "@modelcontextprotocol/sdk/client/auth-extensions.js";

interface Env {
  Tester: DurableObjectNamespace<Tester>;
}

/** What a scenario says beside the address of its server. */
interface Context {
  client_id?: string;
  client_secret?: string;
  private_key_pem?: string;
  signing_algorithm?: string;
  idp_client_id?: string;
  idp_id_token?: string;
  idp_token_endpoint?: string;
}

export interface Task {
  scenario: string;
  url: string;
  context: Context;
}

/** What came of it: all is done, or the user has to go somewhere first. */
export type Outcome = { done: true } | { done?: false; authUrl: string } | { done?: false; error: string };

const id = "suite";

/** The document of the agent that authorization servers may read in place of a registration. */
class PublishedProvider extends DurableObjectOAuthClientProvider {
  readonly clientMetadataUrl = "https://conformance-test.local/client-metadata.json";
}

/** Has the company's own identity provider say who the user is, which is then a grant at the authorization server. */
async function grantOf(url: string, metadata: string, context: Context): Promise<URLSearchParams> {
  const { authorization_servers: servers } = (await (await fetch(metadata)).json()) as {
    authorization_servers: string[];
  };
  const body = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    requested_token_type: "urn:ietf:params:oauth:token-type:id-jag",
    subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
    subject_token: context.idp_id_token!,
    client_id: context.idp_client_id!,
    audience: servers[0]!,
    resource: url
  });
  const exchanged = await fetch(context.idp_token_endpoint!, { method: "POST", body });
  const { access_token: assertion } = (await exchanged.json()) as { access_token: string };
  return new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion });
}

export class Tester extends Agent<Env> {
  override createMcpOAuthProvider(callbackUrl: string): AgentMcpOAuthProvider {
    const { scenario, url, context } = this.ctx.storage.kv.get<Task>("task")!;
    const { client_id: clientId = "", client_secret: clientSecret, private_key_pem: privateKey = "" } = context;
    if (scenario === "auth/client-credentials-jwt") {
      const algorithm = context.signing_algorithm ?? "ES256";
      return new PrivateKeyJwtProvider({ clientId, privateKey, algorithm }) as AgentMcpOAuthProvider;
    }
    if (scenario === "auth/client-credentials-basic") {
      return new ClientCredentialsProvider({ clientId, clientSecret: clientSecret! }) as AgentMcpOAuthProvider;
    }
    if (scenario === "auth/cross-app-access-complete-flow") {
      const { protocol, host, pathname } = new URL(url);
      const metadata = `${protocol}//${host}/.well-known/oauth-protected-resource${pathname}`;
      const granted = new ClientCredentialsProvider({ clientId, clientSecret: clientSecret! });
      return Object.assign(granted, {
        prepareTokenRequest: () => grantOf(url, metadata, context)
      }) as AgentMcpOAuthProvider;
    }
    const provider = new PublishedProvider(this.ctx.storage, this.name, callbackUrl);
    if (scenario === "auth/pre-registration") {
      provider.clientInformation = async () => {
        provider.clientId = clientId;
        return { client_id: clientId, ...(clientSecret && { client_secret: clientSecret }) };
      };
    }
    return provider;
  }

  override async onRequest(request: Request): Promise<Response> {
    if (request.method === "POST") this.ctx.storage.kv.put("task", await request.json());
    const task = this.ctx.storage.kv.get<Task>("task")!;
    return Response.json(await this.#work(task).catch((error: unknown): Outcome => ({ error: String(error) })));
  }

  async #work({ url }: Task): Promise<Outcome> {
    const client = { capabilities: { elicitation: { form: { applyDefaults: true } } } };
    if (!this.mcp.mcpConnections[id]) {
      await this.mcp.registerServer(id, { name: "Suite", url, client });
      const accept = () => ({ action: "accept" as const, content: {} });
      this.mcp.mcpConnections[id]!.client.setRequestHandler(ElicitRequestSchema, accept);
    }
    const { authUrl, state } = await this.addMcpServer("Suite", url, { id, client });
    if (state === "authenticating") return { authUrl };
    for (const { name } of this.mcp.listTools()) {
      try {
        await this.mcp.callTool({ serverId: id, name, arguments: { a: 2, b: 3 } });
      } catch (error) {
        const asked = this.getMcpServers().servers[id]?.auth_url;
        if (asked) return { authUrl: asked };
        throw error;
      }
    }
    await this.mcp.closeConnection(id);
    return { done: true };
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
};
