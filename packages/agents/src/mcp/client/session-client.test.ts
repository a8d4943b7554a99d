import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import {
  CallToolRequestSchema,
  CancelledNotificationSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ListToolsRequestSchema,
  ToolListChangedNotificationSchema,
  type ClientCapabilities,
  type ElicitResult,
  type ServerCapabilities
} from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it, vi } from "vitest";
import { formValidator } from "../http/form-validator";
import { SessionClient } from "./session-client";
import type { McpClientOptions } from "./types";

const all: ServerCapabilities = {
  tools: { listChanged: true },
  prompts: {},
  resources: {},
  completions: {},
  logging: {}
};

/** A client and the server that it is to be connected to. */
function pair(options: McpClientOptions = {}, capabilities = all) {
  const server = new Server(
    { name: "server", version: "2" },
    { capabilities, instructions: "Use it.", jsonSchemaValidator: formValidator }
  );
  const client = new SessionClient({ name: "client", version: "1" }, options);
  const connect = async () => {
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    await client.connect(near);
  };
  return { server, client, connect };
}

describe("a client", () => {
  it("says who it is and what it can do, and knows what the server says", async () => {
    const { server, client, connect } = pair({ capabilities: { roots: { listChanged: true } } });
    await connect();
    expect(server.getClientVersion()).toEqual({ name: "client", version: "1" });
    expect(server.getClientCapabilities()).toEqual({ roots: { listChanged: true } });
    expect([client.getServerCapabilities(), client.getInstructions()]).toEqual([all, "Use it."]);
  });

  it("cancels a request that is under way, and none that is over", async () => {
    const { server, client, connect } = pair();
    const told: unknown[] = [];
    server.setNotificationHandler(CancelledNotificationSchema, ({ params }) => void told.push(params.reason));
    const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
      if (params.name === "slow") {
        begun.resolve();
        await ended.promise;
      }
      return { content: [] };
    });
    await connect();
    const over = new AbortController();
    await client.callTool({ name: "fast" }, undefined, { signal: over.signal });
    over.abort("late");
    const stop = new AbortController();
    const slow = client.callTool({ name: "slow" }, undefined, { signal: stop.signal });
    await begun.promise;
    stop.abort("enough");
    await expect(slow).rejects.toThrow("enough");
    await client.ping();
    expect(told).toEqual(["enough"]);
    await expect(client.ping({ signal: stop.signal })).rejects.toBe("enough");
    ended.resolve();
  });

  it("does not greet in a session that goes on", async () => {
    const { client } = pair();
    const [near] = InMemoryTransport.createLinkedPair();
    const send = vi.spyOn(near, "send");
    near.sessionId = "known";
    await client.connect(near);
    expect([send.mock.calls, client.getServerCapabilities()]).toEqual([[], undefined]);
  });

  it("cancels what is not answered, and nothing else, when the signal of a request is aborted", async () => {
    const { server, client, connect } = pair();
    const cancelled: unknown[] = [];
    let begun = () => {};
    const running = new Promise<void>((resolve) => (begun = resolve));
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [] }));
    server.setRequestHandler(CallToolRequestSchema, async () => {
      begun();
      return new Promise(() => {});
    });
    server.setNotificationHandler(CancelledNotificationSchema, ({ params }) => void cancelled.push(params.reason));
    await connect();
    const [answered, waiting] = [new AbortController(), new AbortController()];
    await client.listTools({}, { signal: answered.signal });
    answered.abort("late");
    const call = client.callTool({ name: "t" }, undefined, { signal: waiting.signal });
    await running;
    waiting.abort("enough");
    await expect(call).rejects.toThrow("enough");
    await client.ping();
    expect(cancelled).toEqual(["enough"]);
    await expect(client.ping({ signal: AbortSignal.abort("never") })).rejects.toThrow("never");
  });

  const page = { uri: "file:///a" };
  it.each([
    ["ping", {}, (client: SessionClient) => client.ping()],
    [
      "completion/complete",
      { completion: { values: ["a"] } },
      (client: SessionClient) =>
        client.complete({ ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "" } })
    ],
    ["prompts/get", { messages: [] }, (client: SessionClient) => client.getPrompt({ name: "p" })],
    ["prompts/list", { prompts: [{ name: "p" }] }, (client: SessionClient) => client.listPrompts()],
    ["resources/list", { resources: [{ name: "r", ...page }] }, (client: SessionClient) => client.listResources()],
    ["resources/templates/list", { resourceTemplates: [] }, (client: SessionClient) => client.listResourceTemplates()],
    ["resources/read", { contents: [{ text: "x", ...page }] }, (client: SessionClient) => client.readResource(page)],
    ["resources/subscribe", {}, (client: SessionClient) => client.subscribeResource(page)],
    ["resources/unsubscribe", {}, (client: SessionClient) => client.unsubscribeResource(page)],
    ["logging/setLevel", {}, (client: SessionClient) => client.setLoggingLevel("error")],
    ["tools/list", { tools: [] }, (client: SessionClient) => client.listTools()],
    ["tools/call", { content: [] }, (client: SessionClient) => client.callTool({ name: "t" })]
  ])("asks for %s", async (method, answer, run) => {
    const { server, client, connect } = pair();
    for (const own of ["ping", "logging/setLevel"]) server.removeRequestHandler(own);
    const asked: string[] = [];
    server.fallbackRequestHandler = async (request) => {
      asked.push(request.method);
      return answer;
    };
    await connect();
    expect(await run(client)).toEqual(answer);
    expect(asked).toEqual([method]);
  });

  it("notes that a list has changed, also when a program has a handler of its own", async () => {
    const { server, client, connect } = pair();
    const noted = new Promise<void>((resolve) => (client.onlistchanged = resolve));
    const told = new Promise<void>((resolve) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    });
    await connect();
    await server.sendToolListChanged();
    expect(await Promise.all([noted, told])).toHaveLength(2);
  });

  it("asks for nothing that the server does not have, if it is to be strict", async () => {
    const { client, connect } = pair({ enforceStrictCapabilities: true }, { resources: {} });
    await connect();
    await expect(client.listTools()).rejects.toThrow("Server does not support tools (required for tools/list)");
    await expect(client.subscribeResource(page)).rejects.toThrow("does not support resource subscriptions");
  });

  it("offers nothing that it has not said", async () => {
    const { client, connect } = pair({ capabilities: { elicitation: {} } });
    expect(() => client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [] }))).toThrow(
      "Client does not support roots capability (required for roots/list)"
    );
    await connect();
    await expect(client.sendRootsListChanged()).rejects.toThrow("does not support roots list changed");
  });
});

describe("results of tools", () => {
  const outputSchema = { type: "object" as const, properties: { n: { type: "number" } }, required: ["n"] };
  const tool = (name: string) => ({ name, inputSchema: { type: "object" as const }, outputSchema });

  it.each([
    ["are right", { structuredContent: { n: 1 } }, undefined],
    ["are an error", { isError: true }, undefined],
    ["are not there", {}, -32_600],
    ["are wrong", { structuredContent: { n: "1" } }, -32_602]
  ])("that %s", async (_, answer, code) => {
    const { server, client, connect } = pair();
    server.setRequestHandler(ListToolsRequestSchema, ({ params }) =>
      params?.cursor === undefined ? { tools: [tool("first")], nextCursor: "2" } : { tools: [tool("second")] }
    );
    server.setRequestHandler(CallToolRequestSchema, () => ({ content: [], ...answer }));
    await connect();
    // Nothing is known of the tool, so nothing is said.
    expect(await client.callTool({ name: "first" })).toEqual({ content: [], ...answer });
    await client.listTools();
    await client.listTools({ cursor: "2" });
    for (const name of ["first", "second"]) {
      const called = client.callTool({ name });
      if (code === undefined) expect(await called).toEqual({ content: [], ...answer });
      else await expect(called).rejects.toMatchObject({ code });
    }
  });

  it.each([
    ["by a validator that is given", { getValidator: () => () => ({ valid: false, errorMessage: "never" }) }, "never"],
    ["by ours, when nothing but data is left of one", {}, 'must have "n"']
  ])("are checked %s", async (_, jsonSchemaValidator, message) => {
    const { server, client, connect } = pair({ jsonSchemaValidator: jsonSchemaValidator as never });
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [tool("first")] }));
    server.setRequestHandler(CallToolRequestSchema, () => ({ content: [], structuredContent: {} }));
    await connect();
    await client.listTools();
    await expect(client.callTool({ name: "first" })).rejects.toThrow(message);
  });
});

describe("what a server asks for", () => {
  const form = {
    message: "?",
    requestedSchema: {
      type: "object" as const,
      properties: { colour: { type: "string" as const, default: "red" }, size: { type: "number" as const } }
    }
  };

  async function asked(elicitation: ClientCapabilities["elicitation"], answer: unknown) {
    const { server, client, connect } = pair({ capabilities: { elicitation } });
    client.setRequestHandler(ElicitRequestSchema, () => answer as ElicitResult);
    await connect();
    return server;
  }

  it("gets the defaults of a form, if the client has said so", async () => {
    const answer = { action: "accept", content: { size: 1 } };
    const filling = await asked({ form: { applyDefaults: true } }, answer);
    expect(await filling.elicitInput(form)).toEqual({ action: "accept", content: { colour: "red", size: 1 } });
    const plain = await asked({}, answer);
    expect(await plain.elicitInput(form)).toEqual(answer);
  });

  it("gets no answer that is none", async () => {
    const server = await asked({}, { action: "perhaps" });
    await expect(server.elicitInput(form)).rejects.toThrow("Invalid elicitation result");
  });

  it.each([
    [{}, "url"],
    [{ form: {} }, "url"],
    [{ url: {} }, "form"]
  ])("with %j is refused in the mode %s", async (elicitation, mode) => {
    const server = await asked(elicitation, { action: "decline" });
    const url = { mode: "url", message: "?", url: "https://bank.example/", elicitationId: "1" };
    // The server's own look at what the client can do is passed by.
    const request = server.request(
      { method: "elicitation/create", params: mode === "url" ? url : form },
      CallToolRequestSchema as never
    );
    await expect(request).rejects.toThrow(`Client does not support ${mode === "url" ? "URL" : "form"}-mode`);
  });

  it("is no sample that is none", async () => {
    const { server, client, connect } = pair({ capabilities: { sampling: {} } });
    const answers = [{ role: "assistant", content: { type: "text", text: "x" }, model: "m" }, { role: "nobody" }];
    client.setRequestHandler(CreateMessageRequestSchema, () => answers.shift() as never);
    await connect();
    const ask = () => server.createMessage({ messages: [], maxTokens: 1 });
    expect(await ask()).toMatchObject({ model: "m" });
    await expect(ask()).rejects.toThrow("Invalid sampling result");
  });
});
