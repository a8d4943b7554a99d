import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  ElicitRequestSchema,
  ToolListChangedNotificationSchema,
  type JSONRPCMessage
} from "@modelcontextprotocol/sdk/types.js";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { errorOf, evict } from "../../test/kit";
import { Toolbox } from "../../test/mcp-agents";
import { ask, call, initialize, post, request, textOf } from "../../test/mcp-kit";
import { RPCServerTransport } from "./rpc";
import { RPC_DO_PREFIX, RPCClientTransport } from "./rpc-client";

let names = 0;

async function connectRpc(
  namespace: DurableObjectNamespace,
  props?: Record<string, unknown>,
  prepare: (client: Client) => void = () => {}
) {
  const client = new Client({ name: "test", version: "1.0.0" }, { capabilities: { elicitation: {} } });
  prepare(client);
  const name = `agent-${names++}`;
  await client.connect(new RPCClientTransport({ namespace, name, ...(props && { props }) }));
  return { client, stub: namespace.get(namespace.idFromName(`${RPC_DO_PREFIX}${name}`)) };
}

describe("a client of the SDK, by RPC", () => {
  // proves mcp-transport#rpc, mcp-transport#rpc-props, mcp-transport#rpc-props-persistent, mcp-transport#rpc-and-http
  it("lists and calls tools, with props, also after an eviction", async () => {
    const { client, stub } = await connectRpc(env.Toolbox, { userId: "ada" });
    expect((await client.listTools()).tools.length).toBeGreaterThan(5);
    expect(textOf(await client.callTool({ name: "add", arguments: { a: 2 } }))).toBe("2");
    await evict(stub);
    expect(textOf(await client.callTool({ name: "add", arguments: { a: 3 } }))).toBe("5");
    expect(textOf(await client.callTool({ name: "whoami" }))).toMatch(/^ada in rpc:agent-/);
  });

  it("hears progress and answers questions in the middle of a tool", async () => {
    const { client } = await connectRpc(env.Toolbox, undefined, (asked) => {
      asked.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
        action: "accept",
        content: { value: params.message.toUpperCase() }
      }));
    });
    const progress: number[] = [];
    await client.callTool({ name: "steps" }, undefined, { onprogress: (step) => progress.push(step.progress) });
    expect(progress).toEqual([1, 2, 3]);
    expect(textOf(await client.callTool({ name: "ask", arguments: { first: "a", second: "b" } }))).toBe("A, B");
  });

  it("gets long answers whole", async () => {
    const { client } = await connectRpc(env.Toolbox);
    expect(textOf(await client.callTool({ name: "big", arguments: { mb: 5 } })).length).toBe(5 * 1024 * 1024);
  });

  it("has a session that nobody finds by HTTP", async () => {
    const { client, stub } = await connectRpc(env.Toolbox, { userId: "ada" });
    expect(textOf(await client.callTool({ name: "add", arguments: { a: 1 } }))).toBe("1");
    const { name } = stub.id;
    const handler = Toolbox.serve("/mcp", { name: () => name! });
    const headers = { "mcp-session-id": RPC_DO_PREFIX };
    expect((await ask(handler, post(call(1, "whoami"), headers))).status).toBe(404);
  });

  it("is told at once that the server has ended its session", async () => {
    const { client } = await connectRpc(env.Toolbox);
    await expect(client.callTool({ name: "hang up" })).rejects.toThrow("The session has ended");
    await expect(client.ping()).rejects.toThrow("Session not found");
  });

  it("is told with its next call of what has happened meanwhile", async () => {
    const { client, stub } = await connectRpc(env.Toolbox);
    const heard = new Promise<void>((resolve) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    });
    await (stub as unknown as { announce(): Promise<void> }).announce();
    await client.ping();
    await expect(heard).resolves.toBeUndefined();
  });

  // proves mcp-transport#rpc-timeout
  it("waits for a tool as long as the server says", async () => {
    const { client } = await connectRpc(env.Made, { userId: "bob" });
    expect(textOf(await client.callTool({ name: "hello" }))).toBe("hello bob");
    const error = await errorOf(() => client.callTool({ name: "never" }));
    expect(error).toMatchObject({ code: -32001, message: expect.stringContaining("0.02 s") });
    expect(textOf(await client.callTool({ name: "hello" }))).toBe("hello bob");
  });

  it("has to begin a session", async () => {
    const received: JSONRPCMessage[] = [];
    const transport = new RPCClientTransport({ namespace: env.Toolbox, name: "nobody" });
    transport.onmessage = (message) => void received.push(message);
    await transport.start();
    await transport.send(request(1, "ping"));
    expect(received).toMatchObject([{ id: 1, error: { code: -32001 } }]);
    await transport.close();
    expect((await errorOf(() => transport.send(request(2, "ping")))).message).toContain("closed");
  });
});

describe("a server of the SDK in any object", () => {
  async function serve(timeout?: number) {
    const server = new McpServer({ name: "plain", version: "1.0.0" });
    server.registerTool("count", {}, async ({ sendNotification }) => {
      await sendNotification({ method: "notifications/progress", params: { progressToken: "t", progress: 1 } });
      return { content: [{ type: "text", text: "counted" }] };
    });
    let aborted = false;
    server.registerTool("never", {}, ({ signal }) => {
      signal.addEventListener("abort", () => (aborted = true));
      return new Promise<never>(() => {});
    });
    const transport = new RPCServerTransport(timeout === undefined ? {} : { timeout });
    await server.connect(transport);
    return { transport, wasAborted: () => aborted };
  }
  const count = (id: number) => request(id, "tools/call", { name: "count" });

  it("answers one message with one, a list with a list, and a notification with nothing", async () => {
    const { transport } = await serve();
    expect(await transport.handle(initialize())).toMatchObject({ id: 0, result: { serverInfo: { name: "plain" } } });
    expect(await transport.handle({ jsonrpc: "2.0", method: "notifications/initialized" })).toBeUndefined();
    const told: JSONRPCMessage[] = [];
    const both = await transport.handle([count(1), request(2, "ping")], (message) => void told.push(message));
    expect(both).toMatchObject([{ id: 1, result: { content: [{ text: "counted" }] } }, { id: 2 }]);
    expect(told).toMatchObject([{ method: "notifications/progress" }]);
  });

  it("gives up when it takes too long, and aborts the tool", async () => {
    const { transport, wasAborted } = await serve(1);
    await transport.handle(initialize());
    const answer = await transport.handle(request(1, "tools/call", { name: "never" }));
    expect(answer).toMatchObject({ id: 1, error: { code: -32001 } });
    expect(wasAborted()).toBe(true);
  });
});
