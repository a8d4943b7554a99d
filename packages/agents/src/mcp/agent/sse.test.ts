import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { env } from "cloudflare:workers";
import { expect, it, onTestFinished, vi } from "vitest";
import { cut, evict } from "../../test/kit";
import { Toolbox } from "../../test/mcp-agents";
import { ask, connectClient, Events, fetchOf, get, initialize, post, request, textOf, url } from "../../test/mcp-kit";
import { SSEEdgeClientTransport, StreamableHTTPEdgeClientTransport } from "./edge";
import { McpAgent, type McpHandler } from "../../mcp";

const sseUrl = new URL("http://localhost/sse");
const handler = Toolbox.serveSSE("/sse");

async function connectSse(
  on: McpHandler = handler,
  at = sseUrl
): Promise<{ client: Client; transport: SSEClientTransport }> {
  const client = new Client({ name: "test", version: "1.0.0" }, { capabilities: { elicitation: {} } });
  const transport = new SSEClientTransport(at, { fetch: fetchOf(on) });
  // Else it would open its stream again whenever it ends, in all tests that come after.
  onTestFinished(() => client.close());
  await client.connect(transport);
  return { client, transport };
}

/** Opens a stream by hand, and says where its messages go. */
async function openStream(): Promise<{ events: Events; endpoint: URL; stub: DurableObjectStub<Toolbox> }> {
  const events = new Events(await ask(handler, new Request(sseUrl, { headers: { Accept: "text/event-stream" } })));
  const first = await events.next();
  expect(first?.event).toBe("endpoint");
  const endpoint = new URL(first!.data, sseUrl);
  const session = endpoint.searchParams.get("sessionId")!;
  return { events, endpoint, stub: env.Toolbox.get(env.Toolbox.idFromName(`sse:${session}`)) };
}

// proves mcp-transport#sse
it("serves a client of the SDK over the older transport", async () => {
  const { client } = await connectSse();
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { value: "yes" } }));
  expect(textOf(await client.callTool({ name: "add", arguments: { a: 2 } }))).toBe("2");
  expect(textOf(await client.callTool({ name: "add", arguments: { a: 2 } }))).toBe("4");
  const progress: number[] = [];
  await client.callTool({ name: "steps" }, undefined, { onprogress: (step) => progress.push(step.progress) });
  // In workerd, the event source of the SDK's client tells each message twice: the event target of the platform calls `onmessage`, too.
  expect([...new Set(progress)]).toEqual([1, 2, 3]);
  expect(textOf(await client.callTool({ name: "ask", arguments: { first: "?" } }))).toBe("yes");
  await client.close();
});

it("keeps the stream through an eviction, and the loss of the line to the object", async () => {
  const { events, endpoint, stub } = await openStream();
  const send = (body: unknown) => ask(handler, new Request(endpoint, post(body)));
  expect((await send(initialize())).status).toBe(202);
  expect((await events.message()).message).toMatchObject({ id: 0, result: { serverInfo: { name: "toolbox" } } });
  for (const leave of [evict, cut]) {
    await leave(stub);
    if (leave === cut) continue;
    await send(request(1, "ping"));
    expect((await events.message()).message).toMatchObject({ id: 1, result: {} });
  }
});

it("ends the session with its stream", async () => {
  const { events, endpoint } = await openStream();
  await events.cancel();
  // The object is told, and goes.
  const answer = () => ask(handler, new Request(endpoint, post(request(1, "ping"))));
  await vi.waitFor(async () => expect((await answer()).status).toBe(404));
});

it("refuses messages without a session, or of one that is not known", async () => {
  const message = (query: string) => ask(handler, new Request(`${sseUrl}/message${query}`, post(request(1, "ping"))));
  expect([(await message("")).status, (await message("?sessionId=nobody")).status]).toEqual([400, 404]);
  expect((await ask(handler, new Request(sseUrl, { method: "DELETE" }))).status).toBe(405);
});

// proves guide-remote-mcp-server#both-transports
it("knows both transports at one address if it is told to", async () => {
  const both = Toolbox.serve("/mcp", { transport: "auto" });
  const older = await connectSse(both, url);
  const newer = await connectClient(both);
  for (const { client } of [older, newer]) {
    const heard = new Promise<void>((resolve) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    });
    expect(textOf(await client.callTool({ name: "add", arguments: { a: 2 } }))).toBe("2");
    const [, session] = /(?:http|sse):(\S+)/.exec(textOf(await client.callTool({ name: "whoami" })))!;
    const name = client === older.client ? `sse:${session}` : `streamable-http:${session}`;
    await env.Toolbox.get(env.Toolbox.idFromName(name)).announce();
    await heard;
  }
  expect((await ask(Toolbox.serve("/mcp"), get())).status).toBe(400);
});

it("has the names of older releases", () => {
  expect(typeof McpAgent.mount.call(Toolbox, "/sse").fetch).toBe("function");
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  expect(new SSEEdgeClientTransport(sseUrl)).toBeInstanceOf(SSEClientTransport);
  void new SSEEdgeClientTransport(sseUrl);
  void new StreamableHTTPEdgeClientTransport(url);
  expect(warn).toHaveBeenCalledTimes(2);
  warn.mockRestore();
});
