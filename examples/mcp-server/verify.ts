// Talks to the server as a client does, and fails if it does not answer as it should: node verify.ts [address]
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const address = new URL("/mcp", process.argv[2] ?? "http://localhost:8787");
const client = new Client({ name: "verify", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(address));

const { tools } = await client.listTools();
assert.deepEqual(
  tools.map(({ name }) => name),
  ["convert"]
);
const converted = await client.callTool({ name: "convert", arguments: { kelvin: 300, unit: "celsius" } });
assert.deepEqual(converted.content, [{ type: "text", text: "26.85" }]);

const refused = await client.callTool({ name: "convert", arguments: { kelvin: -1, unit: "celsius" } });
assert.equal(refused.isError, true);

const { contents } = await client.readResource({ uri: "units://fahrenheit" });
assert.match(JSON.stringify(contents), /459\.67/);
const { messages } = await client.getPrompt({ name: "explain", arguments: { unit: "celsius" } });
assert.equal(messages.length, 1);

await client.close();
console.log("The server converts temperatures, tells of its units, and has a prompt.");
