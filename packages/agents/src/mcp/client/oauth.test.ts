import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, errorOf } from "../../test/kit";
import { inside, internet, reborn, scripted, tool, user, type Site } from "../../test/mcp-internet";
import type { McpUser } from "../../test/mcp-client-agents";
import { textOf } from "../../test/mcp-kit";

const url = "https://tools.example/mcp";
const app = "https://app.example";

/** A server that wants its users to sign in, and the authorization server that it trusts. */
function guarded() {
  const codes = new Map<string, { challenge: string; redirect: string }>();
  const tokens = new Set<string>();
  const registered: Record<string, unknown>[] = [];
  let count = 0;
  const exchanged: string[] = [];
  const server = scripted({
    "tools/list": () => ({ tools: [tool("secret")] }),
    "tools/call": () => ({ content: [{ type: "text", text: "42" }] })
  });
  const grant = (refresh: boolean) => {
    const token = `token-${++count}`;
    tokens.add(token);
    return Response.json({
      access_token: token,
      token_type: "bearer",
      ...(refresh && { refresh_token: `refresh-${count}` })
    });
  };
  const hosts: Record<string, Site> = {
    "tools.example": (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/.well-known/oauth-protected-resource")) {
        return Response.json({ resource: url, authorization_servers: ["https://auth.example"] });
      }
      const token = request.headers.get("Authorization")?.replace("Bearer ", "") ?? "";
      if (tokens.has(token)) return server(request);
      return new Response("Unauthorized", { status: 401, headers: { "WWW-Authenticate": "Bearer" } });
    },
    "auth.example": async (request) => {
      const { pathname } = new URL(request.url);
      switch (pathname) {
        case "/.well-known/oauth-authorization-server":
          return Response.json({
            issuer: "https://auth.example",
            authorization_endpoint: "https://auth.example/authorize",
            token_endpoint: "https://auth.example/token",
            registration_endpoint: "https://auth.example/register",
            response_types_supported: ["code"],
            code_challenge_methods_supported: ["S256"]
          });
        case "/register": {
          const metadata = (await request.json()) as Record<string, unknown>;
          registered.push(metadata);
          return Response.json({ ...metadata, client_id: `client-${registered.length}` }, { status: 201 });
        }
        case "/token": {
          const form = new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer()));
          exchanged.push(form.get("grant_type")!);
          if (form.get("grant_type") === "refresh_token") {
            return form.get("refresh_token") === "revoked"
              ? Response.json({ error: "invalid_grant" }, { status: 400 })
              : grant(true);
          }
          const code = codes.get(form.get("code") ?? "");
          codes.delete(form.get("code") ?? "");
          const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(form.get("code_verifier") ?? ""));
          const challenge = btoa(String.fromCharCode(...new Uint8Array(hash)))
            .replaceAll("+", "-")
            .replaceAll("/", "_")
            .replaceAll("=", "");
          if (code?.challenge !== challenge || code.redirect !== form.get("redirect_uri")) {
            return Response.json({ error: "invalid_grant", error_description: "wrong code" }, { status: 400 });
          }
          return grant(true);
        }
        default:
          return new Response("not found", { status: 404 });
      }
    }
  };
  /** The user says yes on the consent page. */
  const consent = (authUrl: string): string => {
    const { searchParams } = new URL(authUrl);
    const code = `code-${++count}`;
    const redirect = searchParams.get("redirect_uri")!;
    codes.set(code, { challenge: searchParams.get("code_challenge")!, redirect });
    const back = new URL(redirect);
    back.searchParams.set("code", code);
    back.searchParams.set("state", searchParams.get("state")!);
    return back.href;
  };
  return { asked: internet(hosts), hosts, consent, tokens, registered, exchanged };
}

/** Asks the agent, as a browser does at the application's host, to add the server. */
async function add(stub: DurableObjectStub<McpUser>, options: object = {}) {
  const body = JSON.stringify(["Guarded", url, { id: "guarded", ...options }]);
  const response = await stub.fetch(`${app}/agents/mcp-user/${stub.name}/add`, { method: "POST", body });
  return (await response.json()) as { id: string; state: string; authUrl: string };
}

async function visit(stub: DurableObjectStub<McpUser>, address: string) {
  const response = await stub.fetch(address, { redirect: "manual" });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
const stateOf = (stub: DurableObjectStub<McpUser>) =>
  inside(stub, async (agent) => {
    await agent.mcp.waitForConnections();
    return agent.getMcpServers().servers.guarded;
  });

describe("a server that wants somebody to sign in", () => {
  // proves mcp-client#onMcpUpdate-ready, guide-oauth-mcp-client#completes, guide-oauth-mcp-client#onMcpUpdate
  // proves guide-connect-to-an-mcp-server#authUrl, guide-oauth-mcp-client#states
  it("says where, and has its tools when they have been there", async () => {
    const { consent, registered } = guarded();
    const stub = user();
    const client = await connect(stub);
    const { state, authUrl } = await add(stub);
    expect(state).toBe("authenticating");
    const sent = new URL(authUrl);
    expect(sent.origin + sent.pathname).toBe("https://auth.example/authorize");
    expect(Object.fromEntries(sent.searchParams)).toEqual({
      response_type: "code",
      client_id: "client-1",
      code_challenge: expect.any(String),
      code_challenge_method: "S256",
      redirect_uri: `${app}/agents/mcp-user/${stub.name}/callback`,
      state: expect.stringMatching(/^guarded:[0-9a-f]{48}$/),
      resource: url
    });
    expect(registered).toEqual([
      expect.objectContaining({ client_name: "app.example", redirect_uris: [sent.searchParams.get("redirect_uri")] })
    ]);
    expect(await stateOf(stub)).toMatchObject({ state: "authenticating", auth_url: authUrl, error: null });

    const back = await visit(stub, consent(authUrl));
    expect([back.status, back.headers.get("Location")]).toEqual([302, `${app}/`]);
    expect(await stateOf(stub)).toMatchObject({ state: "ready", auth_url: null });
    type Frame = { type: string; mcp?: { servers: { guarded?: { state: string } }; tools: { name: string }[] } };
    const told = await client.next<Frame>((frame) => frame.mcp?.servers.guarded?.state === "ready");
    expect(told.mcp?.tools.map(({ name }) => name)).toEqual(["secret"]);
    await inside(stub, async (agent) => {
      const result = await agent.mcp.callTool({ serverId: "guarded", name: "secret" });
      expect(textOf(result)).toBe("42");
    });
  });

  it("has its tokens in the next life, also when that begins in the middle of the sign-in", async () => {
    const { consent } = guarded();
    const first = user();
    const { authUrl } = await add(first);
    const second = await reborn(first);
    expect(await stateOf(second)).toMatchObject({ state: "authenticating", auth_url: authUrl });
    expect((await visit(second, consent(authUrl))).status).toBe(302);
    await stateOf(second);
    const third = await reborn(second);
    await inside(third, async (agent) => {
      expect(textOf(await agent.mcp.callTool({ serverId: "guarded", name: "secret" }))).toBe("42");
    });
  });

  it("gives the same address as long as somebody may come back from it", async () => {
    guarded();
    const stub = user();
    const { authUrl } = await add(stub);
    expect((await add(stub)).authUrl).toBe(authUrl);
  });

  it.each(["javascript:alert(1)//", "data:text/html,<script>alert(1)</script>"])(
    "sends nobody to an address that a browser would run: %s",
    async (endpoint) => {
      const { hosts } = guarded();
      const site = hosts["auth.example"]!;
      hosts["auth.example"] = async (request) => {
        const response = await site(request);
        if (!new URL(request.url).pathname.startsWith("/.well-known/")) return response;
        return Response.json({ ...(await response.json<object>()), authorization_endpoint: endpoint });
      };
      const stub = user();
      const options = { id: "guarded", callbackHost: app };
      const error = await inside(stub, (agent) => errorOf(() => agent.addMcpServer("Guarded", url, options)));
      expect(error.code).toBe("MCP_CONNECTION_FAILED");
      expect(await stateOf(stub)).toMatchObject({ state: "failed", auth_url: null });
    }
  );

  it("cannot be used where nobody could come back to", async () => {
    guarded();
    const error = await inside(user(), (agent) => errorOf(() => agent.addMcpServer("Guarded", url)));
    expect(error.code).toBe("MCP_CONNECTION_FAILED");
    const { isUnauthorized } = await import("../../index");
    expect(isUnauthorized(error)).toBe(true);
  });

  it("has a new token by itself when the old one has expired", async () => {
    const { consent, tokens, exchanged } = guarded();
    const stub = user();
    await visit(stub, consent((await add(stub)).authUrl));
    await stateOf(stub);
    tokens.clear();
    await inside(stub, async (agent) => {
      expect(textOf(await agent.mcp.callTool({ serverId: "guarded", name: "secret" }))).toBe("42");
    });
    expect(exchanged).toEqual(["authorization_code", "refresh_token"]);
  });

  it("asks for a sign-in again when there is no new token", async () => {
    const { consent, tokens, hosts } = guarded();
    const stub = user();
    const first = (await add(stub)).authUrl;
    await visit(stub, consent(first));
    await stateOf(stub);
    tokens.clear();
    const { "auth.example": auth } = hosts;
    hosts["auth.example"] = (request) => {
      if (new URL(request.url).pathname !== "/token") return auth!(request);
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    };
    await inside(stub, async (agent) => {
      const error = await errorOf(() => agent.mcp.callTool({ serverId: "guarded", name: "secret" }));
      expect(error.code).toBe("MCP_UNAUTHORIZED");
      const { guarded: server } = agent.getMcpServers().servers;
      expect(server).toMatchObject({ state: "authenticating", auth_url: expect.stringContaining("state=") });
      expect(server?.auth_url).not.toBe(first);
      expect(agent.mcp.getAITools()).toEqual({});
    });
    hosts["auth.example"] = auth!;
  });
});

describe("a server that lets everybody greet it", () => {
  it("asks for a sign-in when it is asked what it offers, and for more rights when a call needs them", async () => {
    const { consent, hosts, tokens } = guarded();
    const guard = hosts["tools.example"]!;
    tokens.add("open");
    let mayCall = false;
    hosts["tools.example"] = async (request) => {
      if (request.method !== "POST") return guard(request);
      const { method } = (await request.clone().json()) as { method: string };
      if (/^(initialize|notifications)/.test(method)) {
        return guard(new Request(request, { headers: { Authorization: "Bearer open" } }));
      }
      if (method !== "tools/call" || mayCall) return guard(request);
      const challenge = 'Bearer error="insufficient_scope", scope="read write"';
      return new Response("Forbidden", { status: 403, headers: { "WWW-Authenticate": challenge } });
    };
    const stub = user();
    const { state, authUrl } = await add(stub);
    expect(state).toBe("authenticating");
    expect((await visit(stub, consent(authUrl))).status).toBe(302);
    expect((await stateOf(stub))?.state).toBe("ready");
    const more = await inside(stub, async (agent) => {
      const error = await errorOf(() => agent.mcp.callTool({ serverId: "guarded", name: "secret" }));
      expect(error.code).toBe("MCP_UNAUTHORIZED");
      return agent.getMcpServers().servers.guarded!.auth_url!;
    });
    expect(new URL(more).searchParams.get("scope")).toBe("read write");
    mayCall = true;
    expect((await visit(stub, consent(more))).status).toBe(302);
    expect((await stateOf(stub))?.state).toBe("ready");
    await inside(stub, async (agent) => {
      expect(textOf(await agent.mcp.callTool({ serverId: "guarded", name: "secret" }))).toBe("42");
    });
  });
});

describe("whoever comes back", () => {
  it("with a state that nobody was given changes nothing", async () => {
    const { consent } = guarded();
    const stub = user();
    const { authUrl } = await add(stub);
    const forged = new URL(consent(authUrl));
    forged.searchParams.set("state", `guarded:${"0".repeat(48)}`);
    const response = await visit(stub, forged.href);
    expect(response.status).toBe(400);
    expect(await stateOf(stub)).toMatchObject({ state: "authenticating", auth_url: authUrl });
    expect((await visit(stub, consent(authUrl))).status).toBe(302);
  });

  // proves guide-oauth-mcp-client#nonce
  it("does so once", async () => {
    const { consent, exchanged } = guarded();
    const stub = user();
    const back = consent((await add(stub)).authUrl);
    const answers = await Promise.all([visit(stub, back), visit(stub, back), visit(stub, back)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([302, 400, 400]);
    expect(exchanged.filter((grant) => grant === "authorization_code")).toHaveLength(1);
    expect((await stateOf(stub))?.state).toBe("ready");
  });

  it("may have begun twice: one sign-in does not disturb the other", async () => {
    const { consent } = guarded();
    const stub = user();
    const { authUrl: first } = await add(stub);
    // Another host, and so another way back: a second sign-in begins.
    const { authUrl: second } = await add(stub, { callbackHost: "https://other.example" });
    expect(new URL(second).searchParams.get("state")).not.toBe(new URL(first).searchParams.get("state"));
    expect((await visit(stub, consent(second))).status).toBe(302);
    expect((await stateOf(stub))?.state).toBe("ready");
  });

  // proves guide-oauth-mcp-client#expires
  it("too late is told so", async () => {
    const { consent } = guarded();
    const stub = user();
    const { authUrl } = await add(stub);
    await runInDurableObject(stub, async (_, { storage }) => {
      for (const [key, flow] of await storage.list<{ createdAt: number }>({ prefix: "/" })) {
        if (key.includes("/state/")) await storage.put(key, { ...flow, createdAt: Date.now() - 10 * 60_000 - 1 });
      }
    });
    const response = await visit(stub, consent(authUrl));
    expect([response.status, response.text]).toEqual([400, expect.stringContaining("expired")]);
  });

  // proves guide-oauth-mcp-client#failed, guide-oauth-mcp-client#escaped, guide-oauth-mcp-client#retry
  it("without the user's consent finds the server failed, and a page that says why without running it", async () => {
    guarded();
    const stub = user();
    const { authUrl } = await add(stub);
    const back = new URL(new URL(authUrl).searchParams.get("redirect_uri")!);
    back.searchParams.set("state", new URL(authUrl).searchParams.get("state")!);
    back.searchParams.set("error", "access_denied");
    back.searchParams.set("error_description", "<script>alert(1)</script>");
    const response = await visit(stub, back.href);
    const { text } = response;
    expect([response.status, response.headers.get("Content-Security-Policy")]).toEqual([
      400,
      "default-src 'none'; frame-ancestors 'none'"
    ]);
    expect(text).not.toContain("<script");
    const server = await stateOf(stub);
    expect([server?.state, server?.error]).toEqual(["failed", "&#60;script&#62;alert(1)&#60;/script&#62;"]);
    expect(text).toContain(server?.error);
    expect((await add(stub)).state).toBe("authenticating");
  });

  // proves mcp-client#successRedirect, mcp-client#errorRedirect, mcp-client#customHandler
  // proves guide-oauth-mcp-client#redirects, guide-oauth-mcp-client#customHandler
  it("goes where the program says", async () => {
    const { consent } = guarded();
    const stub = user();
    await inside(stub, (agent) =>
      agent.mcp.configureOAuthCallback({ successRedirect: "/dashboard", errorRedirect: "/auth-error" })
    );
    const { authUrl } = await add(stub);
    const broken = new URL(consent(authUrl));
    broken.searchParams.set("code", "another");
    const failed = await visit(stub, broken.href);
    expect(failed.headers.get("Location")).toBe(`${app}/auth-error?error=wrong+code`);
    const done = await visit(stub, consent((await add(stub)).authUrl));
    expect(done.headers.get("Location")).toBe(`${app}/dashboard`);
    await inside(stub, (agent) => agent.mcp.configureOAuthCallback({ customHandler: () => new Response("close") }));
    await inside(stub, (agent) => agent.removeMcpServer("guarded"));
    expect((await visit(stub, consent((await add(stub)).authUrl))).text).toBe("close");
  });

  it("from a sign-in of the program's own is left to the program", async () => {
    guarded();
    const stub = user();
    await add(stub);
    const response = await visit(stub, `${app}/agents/mcp-user/${stub.name}/callback?state=mine&code=1`);
    expect(response.text).toBe("elsewhere");
  });
});

describe("secrets", () => {
  // proves mcp-client#callbackPath, mcp-client#callback-state
  it("an agent whose name is one has to say where users come back to, which may be anywhere", async () => {
    const { consent } = guarded();
    const stub = env.McpSecretUser.get(env.McpSecretUser.idFromName("secret-1"));
    const failed = await runInDurableObject(stub, (agent) =>
      errorOf(() => agent.addMcpServer("Guarded", url, { callbackHost: app }))
    );
    expect(failed.code).toBe("MCP_CALLBACK_PATH_REQUIRED");
    // Comparing the types of two stubs is too much for the compiler.
    const asUser = stub as unknown as DurableObjectStub<McpUser>;
    const { authUrl } = await add(asUser, { callbackPath: "/back" });
    expect(new URL(authUrl).searchParams.get("redirect_uri")).toBe(`${app}/back`);
    expect(decodeURIComponent(authUrl)).not.toContain("secret-1");
    // The program sends it to this agent.
    expect((await visit(asUser, consent(authUrl))).status).toBe(302);
    expect((await stateOf(asUser))?.state).toBe("ready");
  });

  it("are forgotten with the server", async () => {
    const { consent } = guarded();
    const stub = user();
    await visit(stub, consent((await add(stub)).authUrl));
    await stateOf(stub);
    const keys = () =>
      runInDurableObject(stub, async (_, { storage }) => [...(await storage.list({ prefix: "/" })).keys()]);
    expect(await keys()).toEqual([
      `/${stub.name}/guarded/client-1/client_info/`,
      `/${stub.name}/guarded/client-1/token`
    ]);
    await inside(stub, (agent) => agent.removeMcpServer("guarded"));
    expect(await keys()).toEqual([]);
  });
});
