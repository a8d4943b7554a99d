// `node verify.ts [address] [address of mcp-server] [address of mcp-authenticated]`: adds both to an agent, as its page does, signs in, and
// calls their tools. All three have to run.
import assert from "node:assert/strict";
import { AgentClient } from "agents/client";
import type { MCPServer, MCPServersState } from "agents";
import type { Answer } from "./src/shared.ts";

const [app = "http://127.0.0.1:5173", open = "http://127.0.0.1:8787", closed = "http://127.0.0.1:8788"] =
  process.argv.slice(2);

/** The agent's methods. Its class is for Workers. */
interface Toolbox {
  addServer(name: string, url: string): Promise<{ id: string; authUrl?: string }>;
  removeServer(id: string): Promise<void>;
  callTool(serverId: string, name: string, args: Record<string, string | number>): Promise<Answer>;
  getPrompt(serverId: string, name: string, args: Record<string, string>): Promise<Answer>;
  readResource(serverId: string, uri: string): Promise<Answer>;
}

let known: MCPServersState | undefined;
const waiting = new Set<() => void>();
const agent = new AgentClient<Toolbox>({
  agent: "Toolbox",
  name: crypto.randomUUID(),
  host: new URL(app).host,
  protocol: "ws",
  onMcpUpdate(servers) {
    known = servers;
    for (const look of waiting) look();
  }
});
await agent.ready;
const { stub } = agent;

/** What the agent tells of a server, once it is in this state. */
function server(id: string, state: MCPServer["state"]): Promise<MCPServer> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const found = known?.servers[id];
      if (found?.state !== state && found?.state !== "failed") return;
      waiting.delete(look);
      if (found.state === state) resolve(found);
      else reject(new Error(`${found.name} at ${found.server_url} has failed: ${found.error}`));
    };
    waiting.add(look);
    look();
  });
}

const toolsOf = (id: string) => known?.tools.filter(({ serverId }) => serverId === id).map(({ name }) => name);
const text = ({ parts }: Answer) => parts.map((part) => (part.kind === "text" ? part.text : part.label)).join("\n");

// A server for everybody.
assert.deepEqual(await stub.addServer("Temperatures", `${open}/mcp`), { id: "temperatures" });
await server("temperatures", "ready");
assert.deepEqual(toolsOf("temperatures"), ["convert"]);
assert.equal(text(await stub.callTool("temperatures", "convert", { kelvin: 300, unit: "celsius" })), "26.85");
assert.equal((await stub.callTool("temperatures", "convert", { kelvin: -1, unit: "celsius" })).failed, true);
assert.match(text(await stub.readResource("temperatures", "units://fahrenheit")), /459\.67/);
assert.match(text(await stub.getPrompt("temperatures", "explain", { unit: "celsius" })), /celsius/);
// The same again is the same.
assert.deepEqual(await stub.addServer("Temperatures", `${open}/mcp/`), { id: "temperatures" });
assert.equal(Object.keys(known!.servers).length, 1);

// A server that wants a sign-in: its user allows it on the consent page, and comes back to the agent.
const { id, authUrl } = await stub.addServer("Notebook", `${closed}/notebook`);
assert.equal((await server(id, "authenticating")).auth_url, authUrl);
await assert.rejects(stub.callTool(id, "whoami", {}), { code: "MCP_UNAUTHORIZED" });
assert.equal((await answerConsent(authUrl!, { decision: "allow", name: "Ada", scope: "notes:read" })).status, 200);
await server(id, "ready");
assert.deepEqual(toolsOf(id)?.sort(), ["read_notes", "whoami", "write_note"]);
assert.equal(text(await stub.callTool(id, "whoami", {})), "Ada");
assert.match(text(await stub.callTool(id, "write_note", { note: "x" })), /Permission denied/);

// One whose user says no.
const refused = await stub.addServer("Greeter", `${closed}/mcp`);
await answerConsent(refused.authUrl!, { decision: "deny" });
assert.match((await server(refused.id, "failed")).error!, /denied/i);

// One that is not there, and addresses that nobody may make an agent ask.
assert.equal((await stub.addServer("Nowhere", `${open}/nothing`)).authUrl, undefined);
await server("nowhere", "failed");
await assert.rejects(stub.addServer("Metadata", "http://169.254.169.254/mcp"), { code: "MCP_URL_BLOCKED" });
await assert.rejects(stub.addServer("File", "file:///etc/passwd"), { code: "MCP_SERVER_INVALID" });

// All that is removed is gone.
for (const added of ["temperatures", id, refused.id, "nowhere"]) await stub.removeServer(added);
assert.deepEqual(known?.servers, {});
assert.deepEqual(known?.tools, []);

agent.close();
console.log("The agent used two servers, one of them after a sign-in.");

/** What a browser does on the consent page of `mcp-authenticated`. */
async function answerConsent(address: string, fields: Record<string, string>): Promise<Response> {
  const page = await fetch(address);
  const handle = /name="handle" value="([^"]+)"/.exec(await page.text())?.[1] ?? "";
  const Cookie = page.headers.getSetCookie().map((cookie) => cookie.split(";")[0]!);
  const answer = await fetch(`${closed}/authorize`, {
    method: "POST",
    redirect: "manual",
    headers: { Cookie: Cookie.join("; ") },
    body: new URLSearchParams({ handle, ...fields })
  });
  assert.equal(answer.status, 302, await answer.text());
  return fetch(answer.headers.get("Location")!);
}
