import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
  LoggingMessageNotificationSchema
} from "@modelcontextprotocol/sdk/types.js";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { errorOf, evict, logged } from "../../test/kit";
import { Made, Promised, Toolbox } from "../../test/mcp-agents";
import { connectClient, initialize, post, textOf } from "../../test/mcp-kit";

const handler = Toolbox.serve("/mcp");
const objectOf = (session: string | undefined) => env.Toolbox.get(env.Toolbox.idFromName(`streamable-http:${session}`));

describe("a client of the SDK, over Streamable HTTP", () => {
  // proves mcp-agent#server, mcp-agent#init, mcp-agent#state, mcp-agent#serve, mcp-agent#session-instance
  // proves mcp#tool-descriptions, guide-remote-mcp-server#stateful, guide-remote-mcp-server#anonymous
  // proves mcp-transport#streamable-http, mcp-tools#tool, mcp-tools#content, mcp-tools#agent-state
  it("lists and calls tools, whose state lasts as long as the session", async () => {
    const { client } = await connectClient(handler);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("add");
    expect(tools.find(({ name }) => name === "echo")).toMatchObject({
      description: "Says it again",
      inputSchema: { properties: { text: { description: "What to say" } } }
    });
    expect(textOf(await client.callTool({ name: "add", arguments: { a: 2 } }))).toBe("2");
    expect(textOf(await client.callTool({ name: "add", arguments: { a: 3 } }))).toBe("5");
    expect(client.getInstructions()).toBe("Use it.");
    const other = await connectClient(handler);
    expect(textOf(await other.client.callTool({ name: "add", arguments: { a: 1 } }))).toBe("1");
  });

  // proves mcp-tools#isError, mcp-tools#validation, mcp#offers
  it("reads resources and prompts, and is told of errors of tools", async () => {
    const { client } = await connectClient(handler);
    const { contents } = await client.readResource({ uri: "mcp://resource/counter" });
    expect(contents).toEqual([{ uri: "mcp://resource/counter", text: "0" }]);
    const { messages } = await client.getPrompt({ name: "greet", arguments: { name: "Ada" } });
    expect(messages[0]?.content).toEqual({ type: "text", text: "Greet Ada" });
    const wrong = await client.callTool({ name: "add", arguments: { a: "much" } });
    expect([wrong.isError, textOf(wrong)]).toEqual([true, expect.stringContaining("Invalid arguments")]);
    expect(await client.callTool({ name: "fail" })).toMatchObject({ isError: true, content: [{ text: "broken" }] });
    expect(await client.callTool({ name: "throw text" })).toMatchObject({
      isError: true,
      content: [{ text: "no error" }]
    });
    let failed = "";
    await logged(async () => (failed = textOf(await client.callTool({ name: "query" }))));
    expect(failed).toMatch(/^Internal error \(reference/);
  });

  it("gets an error where the answer of the server cannot be sent", async () => {
    const { client, transport } = await connectClient(handler);
    await logged(async () => {
      await expect(client.callTool({ name: "bad answer" })).rejects.toMatchObject({ code: -32603 });
      await expect(client.readResource({ uri: "mcp://resource/nothing" })).rejects.toMatchObject({ code: -32603 });
    });
    expect(await objectOf(transport.sessionId).rows()).toMatchObject({ calls: 0 });
  });

  // proves mcp-agent#elicitInput, mcp-agent#relatedRequestId
  it("answers questions and samples in the middle of a tool", async () => {
    const { client } = await connectClient(handler, {
      capabilities: { elicitation: {}, sampling: {} },
      prepare: (asked) => {
        asked.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
          action: "accept",
          content: params.message === "Really?" ? { sure: true } : { value: `to ${params.message}` }
        }));
        asked.setRequestHandler(CreateMessageRequestSchema, ({ params }) => ({
          model: "test",
          role: "assistant",
          content: { type: "text", text: `sampled ${params.maxTokens}` }
        }));
      }
    });
    const asked = await client.callTool({ name: "ask", arguments: { first: "one", second: "two" } });
    expect(textOf(asked)).toBe("to one, to two");
    expect(textOf(await client.callTool({ name: "elicit" }))).toBe("accept true");
    expect(textOf(await client.callTool({ name: "sample", arguments: { prompt: "Say" } }))).toBe("sampled 10");
  });

  // proves human-in-the-loop#elicitInput, guide-human-in-the-loop#elicitInput
  // proves guide-human-in-the-loop#elicitation-cancelled, guide-human-in-the-loop#elicitation-state
  it("fills in what goes into the state of the session, unless its user does not want to", async () => {
    const answers = [
      { action: "accept" as const, content: { amount: 2 } },
      { action: "decline" as const },
      { action: "cancel" as const },
      { action: "accept" as const, content: { amount: 5 } }
    ];
    const { client, transport } = await connectClient(handler, {
      capabilities: { elicitation: {} },
      prepare: (asked) => asked.setRequestHandler(ElicitRequestSchema, () => answers.shift()!)
    });
    const increase = async () => textOf(await client.callTool({ name: "increase" }));
    expect([await increase(), await increase(), await increase()]).toEqual(["now at 2", "Cancelled.", "Cancelled."]);
    await evict(objectOf(transport.sessionId));
    expect(await increase()).toBe("now at 7");
  });

  // proves guide-human-in-the-loop#elicitation-schema
  // proves mcp-agent#elicit-unsupported, mcp-agent#requestedSchema
  it("fails a tool whose question the client cannot answer, or answers with something else", async () => {
    const { client } = await connectClient(handler);
    expect(await client.callTool({ name: "elicit" })).toMatchObject({
      isError: true,
      content: [{ text: "Client does not support form elicitation." }]
    });
    const wrong = await connectClient(handler, {
      capabilities: { elicitation: {} },
      prepare: (asked) =>
        asked.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { sure: "yes" } }))
    });
    const result = await wrong.client.callTool({ name: "elicit" });
    expect(textOf(result)).toContain("data.sure must be boolean");
  });

  it("gets progress and log messages, as far as it wants them", async () => {
    const { client } = await connectClient(handler);
    const logged: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.data));
    const progress: number[] = [];
    await client.callTool({ name: "steps" }, undefined, { onprogress: (step) => progress.push(step.progress) });
    await client.callTool({ name: "log" });
    await client.setLoggingLevel("warning");
    await client.callTool({ name: "log" });
    expect([progress, logged]).toEqual([
      [1, 2, 3],
      ["details", "careful", "careful"]
    ]);
  });

  it("hears what it did not ask for, of what it has subscribed to", async () => {
    let heard: (() => void) | undefined;
    const uris: string[] = [];
    const { client, transport } = await connectClient(handler, {
      prepare: (listener) => {
        listener.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void uris.push(params.uri));
        listener.setNotificationHandler(ToolListChangedNotificationSchema, () => heard?.());
      }
    });
    const agent = objectOf(transport.sessionId);
    const announced = async () => {
      const listChanged = new Promise<void>((resolve) => (heard = resolve));
      await agent.announce();
      await listChanged;
    };
    await announced();
    await client.subscribeResource({ uri: "mcp://resource/counter" });
    await announced();
    await client.unsubscribeResource({ uri: "mcp://resource/counter" });
    await announced();
    expect(uris).toEqual(["mcp://resource/counter"]);
  });

  it("cancels a call: its signal is aborted, and nothing is answered", async () => {
    const { client, transport } = await connectClient(handler);
    const agent = objectOf(transport.sessionId);
    const stop = new AbortController();
    const calling = client.callTool({ name: "block", arguments: { gate: "a" } }, undefined, { signal: stop.signal });
    const refused = errorOf(() => calling);
    await agent.entered("a");
    stop.abort("enough");
    expect((await refused).message).toContain("enough");
    // What is sent later is handled later.
    await client.ping();
    expect(await agent.aborted()).toEqual(["a"]);
    await agent.open("a");
    expect(await agent.rows()).toMatchObject({ calls: 0 });
  });

  it("is told of a server that is a promise, or made by a function", async () => {
    const promised = await connectClient(Promised.serve("/mcp"));
    expect(textOf(await promised.client.callTool({ name: "hello" }))).toBe("hello");
    const made = await connectClient(Made.serve("/mcp"), { props: { userId: "ada" } });
    expect(textOf(await made.client.callTool({ name: "hello" }))).toBe("hello ada");
  });

  // proves mcp-agent#onStateChanged, mcp-agent#sql
  it("uses the database, and hears of changes of the state, as any agent", async () => {
    const { client } = await connectClient(handler);
    await client.callTool({ name: "add", arguments: { a: 2 } });
    await client.callTool({ name: "add", arguments: { a: 3 } });
    expect(textOf(await client.callTool({ name: "history" }))).toBe("2,5");
  });

  // proves mcp-agent#jurisdiction
  it("is kept in a jurisdiction", async () => {
    const asked: unknown[] = [];
    const namespace = (where?: string): DurableObjectNamespace =>
      new Proxy(env.Toolbox, {
        get(target, key) {
          if (key === "jurisdiction") return (name: string) => namespace(name);
          if (key === "idFromName") return (name: string) => (asked.push([where, name]), target.idFromName(name));
          const value: unknown = Reflect.get(target, key);
          // By its constructor, a binding is known to be one.
          return typeof value === "function" && key !== "constructor" ? value.bind(target) : value;
        }
      });
    const european = Toolbox.serve("/mcp", { jurisdiction: "eu" });
    const ctx = {} as unknown as ExecutionContext;
    const response = await european.fetch(post(initialize()), { Toolbox: namespace() }, ctx);
    expect(asked).toEqual([["eu", `streamable-http:${response.headers.get("mcp-session-id")}`]]);
  });
});
