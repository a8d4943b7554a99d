// `node verify.ts [address]`: signs in as clients and users do, and looks at what the tools know. The server has to run there.
import assert from "node:assert/strict";
import { UnauthorizedError, type OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";

const origin = process.argv[2] ?? "http://localhost:8787";
const callback = "http://localhost:9999/callback";

/** An app that has no token yet, and keeps what it gets in memory. */
class App implements OAuthClientProvider {
  readonly redirectUrl = callback;
  readonly clientMetadata = {
    client_name: "Verify <script>",
    redirect_uris: [callback],
    token_endpoint_auth_method: "none"
  };
  /** Where the user's browser is sent. */
  address: URL | undefined;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = "";

  clientInformation = () => this.#client;
  saveClientInformation = (client: OAuthClientInformationMixed) => void (this.#client = client);
  tokens = () => this.#tokens;
  saveTokens = (tokens: OAuthTokens) => void (this.#tokens = tokens);
  redirectToAuthorization = (address: URL) => void (this.address = address);
  codeVerifier = () => this.#verifier;
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
}

/** A user's browser on the consent page. */
class Visit {
  readonly headers: Headers;
  readonly html: string;
  readonly cookies: string[];

  private constructor(headers: Headers, html: string) {
    this.headers = headers;
    this.html = html;
    this.cookies = headers.getSetCookie();
  }

  static async to(address: URL): Promise<Visit> {
    const response = await fetch(address);
    assert.equal(response.status, 200);
    return new Visit(response.headers, await response.text());
  }

  send(fields: Record<string, string>, cookies = this.cookies): Promise<Response> {
    const handle = /name="handle" value="([^"]+)"/.exec(this.html)?.[1] ?? "";
    return fetch(`${origin}/authorize`, {
      method: "POST",
      redirect: "manual",
      headers: { Cookie: cookies.map((cookie) => cookie.split(";")[0]).join("; ") },
      body: new URLSearchParams({ handle, ...fields })
    });
  }
}

async function connect(app: App, path: string): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const client = new Client({ name: "verify", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(path, origin), { authProvider: app });
  await client.connect(transport);
  return { client, transport };
}

async function say(client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const { content } = await client.callTool({ name, arguments: args });
  return (content as { text: string }[])[0]!.text;
}

/** Signs in: the app asks, the user allows, the app gets its token. */
async function signIn(app: App, fields: Record<string, string>): Promise<void> {
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", origin), { authProvider: app });
  await assert.rejects(new Client({ name: "verify", version: "1.0.0" }).connect(transport), UnauthorizedError);
  const visit = await Visit.to(app.address!);
  const allowed = await visit.send({ decision: "allow", ...fields });
  assert.equal(allowed.status, 302, await allowed.text());
  const code = new URL(allowed.headers.get("Location")!).searchParams.get("code");
  await transport.finishAuth(code!);
}

const name = `Ada ${crypto.randomUUID()}`;
const app = new App();
await signIn(app, { name, scope: "notes:read" });

const { client: greeter } = await connect(app, "/mcp");
assert.equal(await say(greeter, "whoami"), name);
assert.deepEqual(
  (await greeter.listTools()).tools.map((tool) => tool.name),
  ["whoami", "my_id"]
);

const { client: reader } = await connect(app, "/notebook");
assert.equal(await say(reader, "whoami"), name);
assert.match(await say(reader, "write_note", { note: "x" }), /Permission denied/);

// Another app of the same user, which may write and not read: it meets the same notebook.
const writerApp = new App();
await signIn(writerApp, { name, scope: "notes:write" });
const { client: writer } = await connect(writerApp, "/notebook");
assert.equal(await say(writer, "write_note", { note: "Buy milk" }), "You have 1 notes");
assert.match(await say(writer, "read_notes"), /Permission denied/);
assert.equal(await say(reader, "read_notes"), "Buy milk");
const { client: writersGreeter } = await connect(writerApp, "/mcp");
assert.deepEqual(
  (await writersGreeter.listTools()).tools.map((tool) => tool.name),
  ["whoami"]
);

// The page: what an app says of itself is text; no scripts, no frames; cookies of this host alone.
const visit = await Visit.to(app.address!);
assert.ok(visit.html.includes("Verify &#60;script&#62;") && !visit.html.includes("<script"));
const policy = visit.headers.get("Content-Security-Policy") ?? "";
for (const rule of ["default-src 'none'", "frame-ancestors 'none'", `form-action 'self' ${new URL(callback).origin}`]) {
  assert.ok(policy.includes(rule), policy);
}
assert.equal(visit.headers.get("X-Frame-Options"), "DENY");
for (const cookie of visit.cookies) {
  assert.match(cookie, /^__Host-/);
  for (const rule of ["HttpOnly", "Secure", "Path=/", "SameSite=Lax"]) assert.ok(cookie.includes(rule), cookie);
  assert.ok(!/domain=/i.test(cookie), cookie);
}

// The form: not from another browser, not with a permission that there is not, and only once.
const forged = await visit.send({ decision: "allow", name: "Mallory", scope: "notes:read" }, []);
assert.deepEqual([forged.status, forged.headers.get("Location")], [400, null]);
const greedy = await visit.send({ decision: "allow", name: "Mallory", scope: "everything" });
assert.deepEqual([greedy.status, greedy.headers.get("Location")], [400, null]);
const denied = await visit.send({ decision: "deny" });
assert.equal(new URL(denied.headers.get("Location")!).searchParams.get("error"), "access_denied");
assert.equal((await visit.send({ decision: "allow", name: "Mallory", scope: "notes:read" })).status, 400);

// No token, or one that is none, gets nowhere.
const unauthorized: Record<string, string>[] = [{}, { Authorization: "Bearer nonsense" }];
for (const headers of unauthorized) {
  for (const path of ["/mcp", "/notebook"]) {
    const response = await fetch(new URL(path, origin), { method: "POST", headers });
    assert.equal(response.status, 401);
    assert.match(response.headers.get("WWW-Authenticate") ?? "", /resource_metadata=/);
  }
}

await Promise.all([greeter, reader, writer, writersGreeter].map((client) => client.close()));
console.log("mcp-authenticated: all is well");
