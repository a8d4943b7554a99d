// MCP servers as the documented agents use them.
import {
  Agent,
  DurableObjectOAuthClientProvider,
  isTransportNotImplemented,
  isUnauthorized,
  type AgentMcpOAuthProvider,
  type MCPServersState
} from "agents";
import type { McpAgent } from "agents/mcp";
import { getNamespacedData, type MCPConnectionResult, type MCPDiscoverResult } from "agents/mcp/client";
import { generateText, type LanguageModel } from "ai";
import { expectTypeOf } from "vitest";

declare const model: LanguageModel;
declare abstract class MyMCP extends McpAgent<Env, { counter: number }, { userId?: string }> {}

interface Bindings extends Env {
  MyMCP: DurableObjectNamespace<MyMCP>;
  MCP_CLIENT_ID: string;
  MCP_CLIENT_SECRET: string;
}

// proves mcp-client#types, guide-oauth-mcp-client#types
export class MyAgent extends Agent<Bindings> {
  override async onStart() {
    this.mcp.configureOAuthCallback({
      successRedirect: "/dashboard",
      errorRedirect: "/auth-error",
      customHandler: () => new Response("<script>window.close();</script>")
    });
    await this.addMcpServer("my-mcp", this.env.MyMCP);
    const { id, state } = await this.addMcpServer("my-mcp", this.env.MyMCP, { props: { userId: "user-123" } });
    expectTypeOf(id).toEqualTypeOf<string>();
    expectTypeOf(state).toEqualTypeOf<"ready">();
  }

  override async onRequest(request: Request) {
    try {
      const result = await this.addMcpServer("github", "https://mcp.github.com/mcp", {
        callbackHost: "https://my-worker.workers.dev",
        callbackPath: "mcp-oauth-callback",
        agentsPrefix: "agents",
        transport: { type: "streamable-http", headers: { Authorization: "Bearer my-token" } },
        retry: { maxAttempts: 5, baseDelayMs: 1000, maxDelayMs: 10_000 },
        client: { capabilities: {} }
      });
      if (result.state === "authenticating") return Response.redirect(result.authUrl);
    } catch (error) {
      if (isUnauthorized(error)) return new Response("Authentication required", { status: 401 });
      if (isTransportNotImplemented(error)) return new Response("Transport not supported", { status: 400 });
      throw error;
    }
    const { id, authUrl } = await this.addMcpServer("other", "https://mcp.example.com/mcp");
    expectTypeOf(authUrl).toEqualTypeOf<string | undefined>();
    if (authUrl) return Response.json({ serverId: id, authUrl });

    const state = this.getMcpServers();
    expectTypeOf(state).toEqualTypeOf<MCPServersState>();
    for (const tool of state.tools) expectTypeOf(tool.serverId).toEqualTypeOf<string>();
    for (const resource of state.resources) expectTypeOf(resource.uri).toEqualTypeOf<string>();
    for (const prompt of state.prompts) expectTypeOf(prompt.name).toEqualTypeOf<string>();
    for (const server of Object.values(state.servers)) {
      expectTypeOf(server.state).toEqualTypeOf<
        "authenticating" | "connecting" | "connected" | "discovering" | "ready" | "failed"
      >();
      expectTypeOf(server.auth_url).toEqualTypeOf<string | null>();
    }
    const { text } = await generateText({
      model,
      prompt: request.url,
      tools: { ...this.mcp.getAITools() }
    });
    await this.removeMcpServer(id);
    return new Response(text);
  }

  createMcpOAuthProvider(callbackUrl: string): AgentMcpOAuthProvider {
    const env = this.env;
    return {
      get redirectUrl() {
        return callbackUrl;
      },
      get clientMetadata() {
        return { client_id: env.MCP_CLIENT_ID, client_secret: env.MCP_CLIENT_SECRET, redirect_uris: [callbackUrl] };
      },
      clientInformation() {
        return { client_id: env.MCP_CLIENT_ID, client_secret: env.MCP_CLIENT_SECRET };
      }
    };
  }

  async steps() {
    const id = await this.mcp.registerServer("my-server", {
      url: "https://mcp.example.com/mcp",
      name: "My Server",
      callbackUrl: "https://my-worker.workers.dev/agents/my-agent/default/callback",
      transport: { type: "auto" }
    });
    const connected = await this.mcp.connectToServer(id);
    expectTypeOf(connected).toEqualTypeOf<MCPConnectionResult>();
    if (connected.state === "failed") return connected.error;
    if (connected.state === "authenticating") return connected.authUrl;
    const found = await this.mcp.discoverIfConnected(id, { timeoutMs: 1_000 });
    expectTypeOf(found).toEqualTypeOf<MCPDiscoverResult | undefined>();
    const disposable = this.mcp.onServerStateChanged(() => this.broadcastMcpServers());
    disposable.dispose();
    await this.mcp.waitForConnections({ timeout: 10_000 });
    await this.mcp.closeConnection(id);
    await this.mcp.closeAllConnections();
    const { id: other } = await this.mcp.connect("https://pay.example.com/mcp");
    const { content } = await this.mcp.mcpConnections[other]!.client.callTool({ name: "pay" });
    expectTypeOf(getNamespacedData(this.mcp.mcpConnections, "tools")[0]!.serverId).toEqualTypeOf<string>();
    return content;
  }
}

declare const myCustomStorage: DurableObjectStorage;

export class Stored extends Agent {
  override createMcpOAuthProvider(callbackUrl: string): AgentMcpOAuthProvider {
    return new DurableObjectOAuthClientProvider(myCustomStorage, this.name, callbackUrl);
  }
}
