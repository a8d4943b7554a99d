// An agent signs in at a real OAuth server: the one of the example "mcp-authenticated".
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { McpUsers, Refused } from "../harness/mcp-user.ts";
import { startDev, type Dev } from "../harness/wrangler.ts";

const folder = fileURLToPath(new URL("../../examples/mcp-authenticated/", import.meta.url));

interface Added {
  id: string;
  state: "ready" | "authenticating";
  authUrl?: string;
}
type Servers = Record<string, { state: string; error: string | null; auth_url: string | null }>;
interface Tokens {
  access_token: string;
  refresh_token: string;
}

let data: string;
let dev: Dev;
let users: McpUsers;

before(async () => {
  data = await mkdtemp(join(tmpdir(), "agents-mcp-oauth-"));
  dev = await startDev(folder, "--persist-to", data, "--var", "ORIGIN:http://127.0.0.1:$PORT");
  users = await McpUsers.start();
});

after(async () => {
  await users?.workerd.stop();
  await dev?.stop();
  await rm(data, { recursive: true, force: true });
});

const url = (path = "/mcp") => `http://${dev.host}${path}`;
const add = (user: string, id = "notes", path = "/mcp") =>
  users.tell<Added>(user, { do: "add", name: `Notes ${id}`, url: url(path), options: { id } });
const settled = (user: string) => users.tell<Servers>(user, { do: "settle" });
const whoami = async (user: string, server = "notes"): Promise<string> => {
  const { content } = await users.tell<{ content: { text: string }[] }>(user, { do: "call", server, tool: "whoami" });
  return content[0]!.text;
};

/** A user on the consent page; where they are sent from there. */
async function decide(authUrl: string, fields: Record<string, string>): Promise<string> {
  const page = await fetch(authUrl);
  const html = await page.text();
  assert.equal(page.status, 200, html);
  const handle = /name="handle" value="([^"]+)"/.exec(html)?.[1] ?? "";
  const cookies = page.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
  const decided = await fetch(new URL("/authorize", authUrl), {
    method: "POST",
    redirect: "manual",
    headers: { Cookie: cookies.join("; ") },
    body: new URLSearchParams({ handle, ...fields })
  });
  assert.equal(decided.status, 302, await decided.text());
  return decided.headers.get("Location")!;
}

const allow = (authUrl: string, name: string) => decide(authUrl, { decision: "allow", name, scope: "notes:read" });

async function comeBack(address: string): Promise<Response> {
  return fetch(address, { redirect: "manual" });
}

/** An agent that has signed in. */
async function signedIn(user: string, name: string): Promise<void> {
  const { state, authUrl } = await add(user);
  assert.equal(state, "authenticating");
  assert.equal((await comeBack(await allow(authUrl!, name))).status, 302);
  assert.equal((await settled(user)).notes!.state, "ready");
}

/** What the agent keeps under keys that end so. */
async function stored<Value>(user: string, end: string): Promise<[key: string, value: Value][]> {
  const entries = await users.tell<[string, Value][]>(user, { do: "stored" });
  return entries.filter(([key]) => key.endsWith(end) || key.includes(`/${end}/`));
}

async function tokensOf(user: string): Promise<{ clientId: string; tokens: Tokens }> {
  const [[key, tokens]] = (await stored<Tokens>(user, "/token")) as [[string, Tokens]];
  return { clientId: key.split("/").at(-2)!, tokens };
}

/** RFC 7009. */
async function revoke(user: string, kind: "access_token" | "refresh_token"): Promise<Tokens> {
  const { clientId, tokens } = await tokensOf(user);
  const body = new URLSearchParams({ token: tokens[kind], token_type_hint: kind, client_id: clientId });
  const response = await fetch(url("/token"), { method: "POST", body });
  assert.equal(response.status, 200, await response.text());
  return tokens;
}

// proves mcp-client#how-it-works, mcp-client#oauth-callback, mcp-client#dcr, guide-oauth-mcp-client#initiate
// proves mcp-client#default-success
test("registers, sends the user to the consent page, and has the tools of who has consented", async () => {
  const { state, authUrl } = await add("ada");
  assert.equal(state, "authenticating");
  const sent = new URL(authUrl!);
  assert.equal(sent.origin + sent.pathname, url("/authorize"));
  const asked = Object.fromEntries(sent.searchParams);
  assert.equal(asked.code_challenge_method, "S256");
  assert.match(asked.code_challenge!, /^[\w-]{43}$/);
  assert.match(asked.state!, /^notes:[0-9a-f]{48}$/);
  assert.equal(asked.redirect_uri, `${users.address("ada")}/callback`);
  const back = await comeBack(await allow(authUrl!, "Ada"));
  assert.deepEqual([back.status, back.headers.get("Location")], [302, `${users.workerd.url}/`]);
  assert.equal((await settled("ada")).notes!.state, "ready");
  assert.deepEqual(await users.tell("ada", { do: "tools" }), ["tool_notes_whoami", "tool_notes_my_id"]);
  assert.equal(await whoami("ada"), "Ada");
  // Nothing of the sign-in is left.
  assert.deepEqual(await stored("ada", "state"), []);
});

// proves mcp-client#tokens-persist
test("is signed in after its process was killed", async () => {
  await signedIn("kim", "Kim");
  await users.workerd.kill();
  await users.workerd.run();
  assert.deepEqual(await users.tell("kim", { do: "tools" }), ["tool_notes_whoami", "tool_notes_my_id"]);
  assert.equal(await whoami("kim"), "Kim");
});

test("renews a token that is not good any more, without the user", async () => {
  await signedIn("grace", "Grace");
  const before = await revoke("grace", "access_token");
  assert.equal(await whoami("grace"), "Grace");
  const { tokens } = await tokensOf("grace");
  assert.notEqual(tokens.access_token, before.access_token);
});

test("sends the user again when the grant was revoked, and not before", async () => {
  await signedIn("alan", "Alan");
  await revoke("alan", "refresh_token");
  await assert.rejects(whoami("alan"), (error) => error instanceof Refused && error.code === "MCP_UNAUTHORIZED");
  const { state, auth_url: authUrl } = (await users.tell<Servers>("alan", { do: "look" })).notes!;
  assert.equal(state, "authenticating");
  assert.deepEqual(await users.tell("alan", { do: "tools" }), []);
  await comeBack(await allow(authUrl!, "Alan"));
  await settled("alan");
  assert.equal(await whoami("alan"), "Alan");
});

test("two sign-ins of an agent at a time do not disturb each other, whoever ends first", async () => {
  const [one, two] = await Promise.all([add("both", "one"), add("both", "two", "/notebook")]);
  const answers = await Promise.all([allow(one.authUrl!, "First"), allow(two.authUrl!, "Second")]);
  // The one that was begun last comes back first.
  assert.equal((await comeBack(answers[1])).status, 302);
  assert.equal((await comeBack(answers[0])).status, 302);
  const servers = await settled("both");
  assert.deepEqual([servers.one!.state, servers.two!.state], ["ready", "ready"]);
  assert.deepEqual([await whoami("both", "one"), await whoami("both", "two")], ["First", "Second"]);
});

// proves mcp-client#default-failure, mcp-client#error-field
test("a user who says no finds a page that says so; what is forged or comes twice changes nothing", async () => {
  const { authUrl } = await add("eve");
  const state = new URL(authUrl!).searchParams.get("state")!;
  const forged = `${users.address("eve")}/callback?code=stolen&state=notes:${"0".repeat(48)}`;
  assert.equal((await comeBack(forged)).status, 400);
  assert.equal((await users.tell<Servers>("eve", { do: "look" })).notes!.state, "authenticating");
  const denied = await decide(authUrl!, { decision: "deny" });
  assert.equal(new URL(denied).searchParams.get("state"), state);
  const page = await comeBack(denied);
  assert.equal(page.status, 400);
  assert.match(await page.text(), /<h1>Sign-in failed<\/h1>/);
  const { notes } = await users.tell<Servers>("eve", { do: "look" });
  assert.equal(notes!.state, "failed");
  assert.ok(notes!.error);
  assert.equal((await comeBack(denied)).status, 400);
  // And may think better of it.
  const again = await add("eve");
  assert.equal((await comeBack(await allow(again.authUrl!, "Eve"))).status, 302);
  assert.equal((await settled("eve")).notes!.state, "ready");
});
