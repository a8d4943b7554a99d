// Talks to the server as clients do, and fails if it does not answer as it should: node verify.ts [address]
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const host = process.argv[2] ?? "http://localhost:8787";
const uri = "notes://all";

async function connect(path: string) {
  const client = new Client({ name: "verify", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(path, host));
  await client.connect(transport);
  const note = (text: string) => client.callTool({ name: "note", arguments: { note: text } });
  const read = async () => JSON.stringify((await client.readResource({ uri })).contents);
  return { client, transport, note, read };
}

// A session of its own ends with everything that was in it.
const alone = await connect("/mcp");
await alone.note("mine");
assert.match(await alone.read(), /mine/);
await alone.transport.terminateSession();
await alone.client.close();
const again = await connect("/mcp");
assert.doesNotMatch(await again.read(), /mine/);
await again.client.close();

// A room outlives sessions, and has many.
const room = `/rooms/room-${Date.now()}/mcp`;
const ada = await connect(room);
await ada.note("milk");
await ada.transport.terminateSession();
await ada.client.close();
const bob = await connect(room);
const eve = await connect(room);
assert.match(await bob.read(), /milk/);

// Who has subscribed is told of what somebody else does, and of what nobody does.
let told = () => {};
bob.client.setNotificationHandler(ResourceUpdatedNotificationSchema, () => told());
await bob.client.subscribeResource({ uri });
const afterNote = new Promise<void>((resolve) => (told = resolve));
await eve.note("bread");
await afterNote;
const afterSchedule = new Promise<void>((resolve) => (told = resolve));
await eve.client.callTool({ name: "remind", arguments: { note: "tea", seconds: 1 } });
await afterSchedule;
assert.match(await bob.read(), /milk\\nbread\\ntea/);

await Promise.all([bob.client.close(), eve.client.close()]);
console.log("Notes are kept for the room, and clients are told of new ones.");
