import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { evict } from "../../test/kit";
import { internet, scripted, tool } from "../../test/mcp-internet";
import type { McpOwnUser } from "../../test/mcp-client-agents";
import { DurableObjectOAuthClientProvider, serverIdOf, type OAuthStorage } from "./oauth-provider";

const url = "https://tools.example/mcp";
const agent = (name: string) => env.McpOwnUser.get(env.McpOwnUser.idFromName(name));
const inside = <Result>(name: string, run: (user: McpOwnUser) => Promise<Result>) =>
  runInDurableObject(agent(name), run);

/** A server and an authorization server that know one client, and do not register others. */
function guarded() {
  const forms: URLSearchParams[] = [];
  const server = scripted({ "tools/list": () => ({ tools: [tool("secret")] }) });
  internet({
    "tools.example": (request) => {
      if (new URL(request.url).pathname.startsWith("/.well-known")) {
        return Response.json({ resource: url, authorization_servers: ["https://auth.example"] });
      }
      return request.headers.get("Authorization") === "Bearer t"
        ? server(request)
        : new Response("Unauthorized", { status: 401 });
    },
    "auth.example": async (request) => {
      if (new URL(request.url).pathname === "/token") {
        forms.push(new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer())));
        return Response.json({ access_token: "t", token_type: "bearer" });
      }
      return Response.json({
        issuer: "https://auth.example",
        authorization_endpoint: "https://auth.example/authorize",
        token_endpoint: "https://auth.example/token",
        response_types_supported: ["code"],
        token_endpoint_auth_methods_supported: ["client_secret_post"]
      });
    }
  });
  return forms;
}

async function signIn(name: string): Promise<string | undefined> {
  const state = await inside(name, async (user) => {
    const options = { id: "s", callbackHost: "https://app.example" };
    const { authUrl } = await user.addMcpServer("Tools", url, options);
    const { searchParams } = new URL(authUrl!);
    expect(searchParams.get("client_id")).toBe("known");
    return searchParams.get("state")!;
  });
  const back = `https://app.example/agents/mcp-own-user/${name}/callback?code=c&state=${state}`;
  await (await agent(name).fetch(back, { redirect: "manual" })).text();
  return inside(name, async (user) => {
    await user.mcp.waitForConnections();
    return user.getMcpServers().servers.s?.state;
  });
}

describe("a provider of the program's own", () => {
  // proves mcp-client#createMcpOAuthProvider
  it("has only to say what is its own: here, credentials that it was given", async () => {
    const forms = guarded();
    expect(await signIn("credentials")).toBe("ready");
    expect(Object.fromEntries(forms[0]!)).toMatchObject({
      client_id: "known",
      client_secret: "s3cret",
      code: "c",
      code_verifier: expect.any(String),
      redirect_uri: "https://app.example/agents/mcp-own-user/credentials/callback"
    });
  });

  // proves mcp-client#oauth-provider-restored
  it("is asked for connections that are restored, too", async () => {
    guarded();
    const callbackUrl = "https://app.example/callback";
    await inside("credentials restored", (user) => user.mcp.registerServer("s", { name: "Tools", url, callbackUrl }));
    await evict(agent("credentials restored"));
    await (await agent("credentials restored").fetch("https://app.example/")).text();
    await inside("credentials restored", async (user) => {
      await user.mcp.waitForConnections();
      const { state, auth_url: authUrl } = user.getMcpServers().servers.s!;
      expect([state, new URL(authUrl!).searchParams.get("client_id")]).toEqual(["authenticating", "known"]);
    });
  });

  it("may sign in by itself: there is nobody to be sent anywhere, or to come back", async () => {
    const forms = guarded();
    const added = await inside("machine", (user) => user.addMcpServer("Tools", url, { id: "s" }));
    expect(added).toEqual({ id: "s", state: "ready" });
    expect(Object.fromEntries(forms[0]!)).toMatchObject({ grant_type: "client_credentials", client_secret: "s3cret" });
  });

  // proves mcp-client#custom-storage
  it("may be ours with another storage", async () => {
    guarded();
    expect(await signIn("storage")).toBe("ready");
    const kept = await inside("storage", async (user) => [...user.kept.keys()]);
    expect(kept).toContain("/storage/s/known/token");
    const own = await runInDurableObject(agent("storage"), async (_, { storage }) => [
      ...(await storage.list({ prefix: "/" })).keys()
    ]);
    expect(own).toEqual([]);
  });
});

it("with a key in env, nothing of tokens is stored so that it can be read", async () => {
  guarded();
  expect(await signIn("credentials sealed")).toBe("ready");
  await runInDurableObject(agent("credentials sealed"), async (_, { storage }) => {
    const token = await storage.get("/credentials sealed/s/known/token");
    expect(token).toMatchObject({ sealed: 1 });
    expect(JSON.stringify(token)).not.toContain("access_token");
  });
});

it("where a program allows it for development, a server on this machine is reached", async () => {
  internet({ "localhost:8787": scripted({ "tools/list": () => ({ tools: [] }) }) });
  await inside("credentials local", async (user) => {
    expect((await user.addMcpServer("Local", "http://localhost:8787/mcp")).state).toBe("ready");
    await expect(user.addMcpServer("Local", "http://10.0.0.1/mcp")).rejects.toMatchObject({ code: "MCP_URL_BLOCKED" });
  });
});

it.each([
  ["github:0123", "github"],
  ["a:b:0123", "a:b"],
  ["nothing", ""]
])("the state %s is about the server %s", (state, id) => expect(serverIdOf(state)).toBe(id));

it("finishes a sign-in that an older release has begun", async () => {
  const stored = new Map<string, unknown>([
    ["/me/s/state/n1", { nonce: "n1", serverId: "s", createdAt: Date.now() }],
    ["/me/s/c1/code_verifier", "verifier"]
  ]);
  const storage: OAuthStorage = {
    get: async (key) => stored.get(key),
    put: async (key, value) => void stored.set(key, value),
    delete: async (key) => stored.delete(key),
    list: async () => stored
  };
  const provider = new DurableObjectOAuthClientProvider(storage, "me", "https://app.example/back");
  Object.assign(provider, { serverId: "s", clientId: "c1" });
  expect(await provider.takeFlow("s:n1")).toBe(true);
  expect(await provider.codeVerifier()).toBe("verifier");
  expect(await provider.takeFlow("s:n1")).toBe(false);
});
