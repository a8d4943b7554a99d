import { Agent, AgentError, callable, routeAgentRequest, type AgentMcpOAuthProvider } from "agents";
import { answerOf, partOf } from "./answer";
import type { Answer } from "./shared";

interface Env {
  Toolbox: DurableObjectNamespace<Toolbox>;
}

/**
 * Uses the MCP servers that its user adds. They are stored, with what they offer and with the tokens of those that want a sign-in; each page that
 * is open is told of changes (`onMcpUpdate`).
 */
export class Toolbox extends Agent<Env> {
  override onStart() {
    // Whether it went well or not: the page behind the pop-up shows it already.
    this.mcp.configureOAuthCallback({ customHandler: () => closeWindow(this.name) });
  }

  /** What users read on consent pages. Whatever is left out here is done as without it. */
  override createMcpOAuthProvider(callbackUrl: string): AgentMcpOAuthProvider {
    return {
      redirectUrl: callbackUrl,
      clientMetadata: {
        client_name: "Toolbox",
        redirect_uris: [callbackUrl],
        grant_types: ["authorization_code", "refresh_token"],
        token_endpoint_auth_method: "none"
      }
    };
  }

  /**
   * Adds a server, or tries one again that is there. With an `authUrl`, its user has to sign in first. One that cannot be used is there too, as
   * `failed`.
   */
  @callable()
  async addServer(name: string, url: string): Promise<{ id: string; authUrl?: string }> {
    const named = name.trim() || nameOf(url);
    const id = idOf(named);
    try {
      const { authUrl } = await this.addMcpServer(named, url.trim(), { id });
      return authUrl === undefined ? { id } : { id, authUrl };
    } catch (error) {
      if (!AgentError.isInstance(error, "MCP_CONNECTION_FAILED")) throw error;
      return { id };
    }
  }

  /** Forgets a server, and its tokens. */
  @callable()
  async removeServer(id: string): Promise<void> {
    await this.removeMcpServer(id);
  }

  @callable()
  async callTool(serverId: string, name: string, args: Record<string, unknown>): Promise<Answer> {
    return answerOf(await this.mcp.callTool({ serverId, name, arguments: args }));
  }

  @callable()
  async getPrompt(serverId: string, name: string, args: Record<string, string>): Promise<Answer> {
    const { messages } = await this.mcp.getPrompt({ serverId, name, arguments: args });
    return { failed: false, parts: messages.map(({ role, content }) => partOf(content, role)) };
  }

  @callable()
  async readResource(serverId: string, uri: string): Promise<Answer> {
    const { contents } = await this.mcp.readResource({ serverId, uri });
    return { failed: false, parts: contents.map((resource) => partOf({ type: "resource", resource })) };
  }
}

/** `example.com`, or `example.com/other/mcp`. */
function nameOf(address: string): string {
  if (!URL.canParse(address)) return address.trim() || "Server";
  const { host, pathname } = new URL(address);
  return host + pathname.replace(/^\/(mcp|sse)?\/?$/, "");
}

/** What models know its tools by: `tool_example-com_search`. It is the same for the same name. */
const idOf = (name: string) =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replaceAll(/^-|-$/g, "") || "server";

/** What a pop-up gets that comes back from a consent page. Where it was no pop-up, it cannot close itself, and goes on. */
function closeWindow(name: string): Response {
  const page = `/?agent=${encodeURIComponent(name)}`;
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Signed in</title>
<p>You can close this window, or <a href="${page}">go on</a>.</p>
<script>window.close(); location.replace("${page}");</script></html>`;
  return new Response(html, {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-store",
      // The address of this page has a code in it.
      "Referrer-Policy": "no-referrer"
    }
  });
}

export default {
  async fetch(request, env) {
    // Anyone may open any agent by its name here. Yours asks who it is: see docs/agents/authentication.md.
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;
