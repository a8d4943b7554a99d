// Talks to the server as a client does, and fails if it does not answer as it should: node verify.ts [address]
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema, type ElicitResult } from "@modelcontextprotocol/sdk/types.js";

const address = new URL("/mcp", process.argv[2] ?? "http://localhost:8787");
const client = new Client({ name: "verify", version: "1.0.0" }, { capabilities: { elicitation: {} } });
await client.connect(new StreamableHTTPClientTransport(address));

const asked: string[] = [];
async function order(...answers: ElicitResult[]): Promise<string> {
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return answers.shift()!;
  });
  const { content } = await client.callTool({ name: "order", arguments: { article: "lamp" } });
  return JSON.stringify(content);
}
const accept = (content: Record<string, string | boolean>): ElicitResult => ({ action: "accept", content });

assert.match(
  await order(accept({ address: "1 High Street" }), accept({ sure: true })),
  /goes to 1 High Street.*order 1/
);
assert.match(await order({ action: "decline" }), /ordered nothing/);
assert.match(await order(accept({ address: "1 High Street" }), accept({ sure: false })), /ordered nothing/);
// An answer that does not fit the question is an error of the tool.
assert.match(await order(accept({ address: "here" })), /minLength|characters/);
assert.equal(asked.length, 6);

await client.close();
console.log("The shop asks before it takes money.");
