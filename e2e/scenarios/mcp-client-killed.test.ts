// The process of an agent is killed while it waits for an MCP server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, test } from "node:test";
import { McpUsers } from "../harness/mcp-user.ts";

type Servers = Record<string, { state: string; auth_url: string | null }>;
interface Added {
  id: string;
  state: string;
  authUrl?: string;
}

/** A server, and the authorization server of its other path, that tells what it is asked and may let the asker wait for ever. */
class Site {
  readonly asked: string[] = [];
  #hangs: string | undefined;
  #heard: (() => void) | undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  async listen(): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  reset(): void {
    this.asked.length = 0;
    this.#hangs = undefined;
  }

  /** Resolves when it is asked this the next time; the asker hears nothing. */
  hangAt(what: string): Promise<void> {
    this.#hangs = what;
    return new Promise((resolve) => (this.#heard = resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url!, this.origin);
    const body = await text(request);
    const isMcp = pathname === "/mcp" || pathname === "/guarded";
    if (isMcp && request.method !== "POST") return void response.writeHead(405).end();
    const message = isMcp ? (JSON.parse(body) as { id?: number; method: string }) : undefined;
    const what = message?.method ?? pathname;
    this.asked.push(what);
    if (what === this.#hangs) {
      this.#hangs = undefined;
      this.#heard!();
      return;
    }
    if (pathname === "/guarded" && request.headers.authorization !== "Bearer t") {
      response.writeHead(401, { "WWW-Authenticate": "Bearer" }).end();
    } else if (!message) this.#sendJson(response, this.#ofSignIn(pathname, body));
    else if (message.id === undefined) response.writeHead(202).end();
    else
      this.#sendJson(response, { jsonrpc: "2.0", id: message.id, result: results[message.method] ?? {} }, "session-1");
  }

  #sendJson(response: ServerResponse, value: object | undefined, session?: string): void {
    const headers = { "Content-Type": "application/json", ...(session && { "Mcp-Session-Id": session }) };
    response.writeHead(value ? 200 : 404, headers).end(JSON.stringify(value));
  }

  #ofSignIn(pathname: string, body: string): object | undefined {
    const { origin } = this;
    switch (pathname) {
      case "/.well-known/oauth-protected-resource/guarded":
        return { resource: `${origin}/guarded`, authorization_servers: [origin] };
      case "/.well-known/oauth-authorization-server":
        return {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          registration_endpoint: `${origin}/register`,
          response_types_supported: ["code"],
          code_challenge_methods_supported: ["S256"]
        };
      case "/register":
        return { ...(JSON.parse(body) as object), client_id: "agent" };
      case "/token":
        return { access_token: "t", token_type: "bearer" };
    }
  }
}

const results: Record<string, object> = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "site", version: "1.0.0" }
  },
  "tools/list": { tools: [{ name: "pay", inputSchema: { type: "object" } }] },
  "tools/call": { content: [{ type: "text", text: "paid" }] }
};

const site = new Site();
let users: McpUsers;

before(async () => {
  await site.listen();
  users = await McpUsers.start();
});
after(async () => {
  await users?.workerd.stop();
  site.close();
});
beforeEach(() => site.reset());

const add = (user: string, path = "/mcp") =>
  users.tell<Added>(user, { do: "add", name: "Site", url: site.origin + path, options: { id: "site" } });
const call = (user: string) => users.tell(user, { do: "call", server: "site", tool: "pay" });
const stateOf = async (user: string) => (await users.tell<Servers>(user, { do: "settle" })).site?.state;

/** Kills the process when the site is asked something, while somebody waits for what comes of it. */
async function killAt(what: string, run: () => Promise<unknown>): Promise<void> {
  const heard = site.hangAt(what);
  const cut = assert.rejects(run());
  await heard;
  await users.workerd.kill();
  await cut;
  await users.workerd.run();
}

for (const what of ["initialize", "notifications/initialized", "tools/list"]) {
  // proves mcp-client#persistence
  test(`killed while it connects (${what}), the agent does so in its next life by itself, once`, async () => {
    const user = `connects-${what.replace("/", "-")}`;
    await killAt(what, () => add(user));
    assert.equal(await stateOf(user), "ready");
    assert.deepEqual(await users.tell(user, { do: "tools" }), ["tool_site_pay"]);
    assert.equal(site.asked.filter((asked) => asked === "tools/list").length, what === "tools/list" ? 2 : 1);
    assert.equal((await add(user)).state, "ready");
    assert.deepEqual(Object.keys(await users.tell<Servers>(user, { do: "look" })), ["site"]);
  });
}

test("killed in the middle of a call, the agent does not call again by itself, and goes on with its session", async () => {
  assert.equal((await add("calls")).state, "ready");
  await killAt("tools/call", () => call("calls"));
  assert.deepEqual(await users.tell("calls", { do: "tools" }), ["tool_site_pay"]);
  assert.equal(await stateOf("calls"), "ready");
  const calls = () => site.asked.filter((asked) => asked === "tools/call").length;
  assert.equal(calls(), 1);
  assert.deepEqual(await call("calls"), results["tools/call"]);
  assert.equal(calls(), 2);
  // The server's session outlives the agent's process.
  assert.equal(site.asked.filter((asked) => asked === "initialize").length, 1);
});

test("killed while a sign-in ends, the agent lets the user begin again, and takes the code no second time", async () => {
  const { authUrl } = await add("signs-in", "/guarded");
  const back = (address: string) => {
    const state = new URL(address).searchParams.get("state")!;
    return fetch(`${users.address("signs-in")}/callback?code=c&state=${state}`, { redirect: "manual" });
  };
  await killAt("/token", () => back(authUrl!));
  assert.equal(await stateOf("signs-in"), "authenticating");
  assert.equal((await back(authUrl!)).status, 400);
  const again = await add("signs-in", "/guarded");
  assert.notEqual(again.authUrl, authUrl);
  assert.equal((await back(again.authUrl!)).status, 302);
  assert.equal(await stateOf("signs-in"), "ready");
  assert.equal(site.asked.filter((asked) => asked === "/token").length, 2);
});

test("killed between consent and callback, the agent ends the sign-in in its next life", async () => {
  const { authUrl } = await add("waits", "/guarded");
  await users.workerd.kill();
  await users.workerd.run();
  assert.equal((await add("waits", "/guarded")).authUrl, authUrl);
  const state = new URL(authUrl!).searchParams.get("state")!;
  const back = await fetch(`${users.address("waits")}/callback?code=c&state=${state}`, { redirect: "manual" });
  assert.equal(back.status, 302);
  assert.equal(await stateOf("waits"), "ready");
});
