import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { logged } from "../../test/kit";
import { getMcpAuthContext } from "./auth-context";
import {
  createMcpHandler,
  experimental_createMcpHandler,
  type CreateMcpHandlerOptions,
  type McpFetchHandler
} from "./create-mcp-handler";

function greeter(): McpServer {
  const server = new McpServer({ name: "greeter", version: "1.0.0" }, { capabilities: { logging: {} } });
  server.registerTool("hello", { inputSchema: { name: z.string() } }, async ({ name }, { sendNotification }) => {
    await sendNotification({ method: "notifications/message", params: { level: "info", data: `greeting ${name}` } });
    return text(`Hello, ${name}!`);
  });
  server.registerTool("whoami", {}, async () => {
    await Promise.resolve();
    return text(JSON.stringify(getMcpAuthContext() ?? null));
  });
  server.registerTool("fail", {}, () => {
    throw new Error("as asked");
  });
  server.registerTool("ask", {}, async () => {
    const answer = await server.server.request({ method: "roots/list" }, z.any());
    return text(JSON.stringify(answer));
  });
  return server;
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
const url = "http://localhost/mcp";

async function connect(handler: McpFetchHandler, ctx?: { props?: unknown }): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" }, { capabilities: { roots: {} } });
  const fetch = (to: string | URL, init?: RequestInit) => handler(new Request(to, init), {}, ctx);
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }));
  return client;
}

function post(body: unknown, headers: Record<string, string> = {}, to = url): Request {
  return new Request(to, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream", ...headers },
    body: JSON.stringify(body)
  });
}

const call = (name: string, id: number | string = 1) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: {} }
});

describe("a stateless server", () => {
  // proves create-mcp-handler#handler, create-mcp-handler#stateless
  it.each([
    ["made for each request", () => createMcpHandler(greeter)],
    [
      "made by whoever handles the request",
      (): McpFetchHandler =>
        (...args) =>
          createMcpHandler(greeter())(...args)
    ],
    ["under the old name", () => experimental_createMcpHandler(async () => greeter())],
    ["that answers with JSON", () => createMcpHandler(greeter, { enableJsonResponse: true })]
  ])("%s is one that clients know", async (_name, make) => {
    const client = await connect(make());
    expect(client.getServerVersion()?.name).toBe("greeter");
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["hello", "whoami", "fail", "ask"]);
    const results = await Promise.all(
      ["Ada", "Bob"].map((name) => client.callTool({ name: "hello", arguments: { name } }))
    );
    expect(results).toEqual([text("Hello, Ada!"), text("Hello, Bob!")]);
    await client.close();
  });

  it("may be one of the lower layer", async () => {
    const client = await connect(createMcpHandler(() => new Server({ name: "low", version: "1.0.0" })));
    expect(client.getServerVersion()?.name).toBe("low");
  });

  it("sends what a tool says before its answer", async () => {
    const response = await createMcpHandler(greeter)(
      post({ ...call("hello"), params: { name: "hello", arguments: { name: "Ada" } } }),
      {}
    );
    expect(response.headers.get("Content-Type")).toBe("text/event-stream");
    const events = (await response.text()).split("\n\n").filter(Boolean);
    expect(events).toEqual([
      expect.stringContaining('"data":"greeting Ada"'),
      expect.stringContaining('"text":"Hello, Ada!"')
    ]);
  });

  // proves create-mcp-handler#enableJsonResponse
  it("answers in one piece when it is told to", async () => {
    const handler = createMcpHandler(greeter, { enableJsonResponse: true });
    const response = await handler(post(call("whoami", "a")), {});
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await response.json()).toEqual({ jsonrpc: "2.0", id: "a", result: text("null") });
    const batch = await handler(post([call("whoami", 1), call("fail", 2)]), {});
    expect((await batch.json<{ id: number }[]>()).map(({ id }) => id).sort((a, b) => a - b)).toEqual([1, 2]);
  });

  it("is made only for requests that have something for it, with what they came with", async () => {
    const make = vi.fn(greeter);
    const handler = createMcpHandler(make);
    const statuses = [];
    for (const request of [
      new Request(url, { method: "OPTIONS" }),
      new Request(url, { headers: { Accept: "text/event-stream" } }),
      new Request(url, { method: "DELETE" }),
      post("nothing"),
      post(call("hello"), { Origin: "https://evil.example.com" })
    ]) {
      statuses.push((await handler(request, {})).status);
    }
    expect([statuses, make.mock.calls]).toEqual([[204, 405, 405, 400, 403], []]);
    const request = post(call("whoami"));
    await (await handler(request, { KEY: "k" }, { props: { name: "Ada" } })).text();
    expect(make.mock.calls).toEqual([[{ request, env: { KEY: "k" }, authContext: { props: { name: "Ada" } } }]]);
  });

  it("is not disturbed by the end of its own answer", async () => {
    const server = new McpServer({ name: "quick", version: "1.0.0" });
    const signals: AbortSignal[] = [];
    server.registerTool("whoami", {}, ({ signal }) => {
      signals.push(signal);
      return text("me");
    });
    await (await createMcpHandler(server)(post(call("whoami")), {})).text();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it.each([
    ["a stream", false],
    ["JSON", true]
  ])("is ended when its client goes, and waits for %s", async (_name, enableJsonResponse) => {
    const server = new McpServer({ name: "slow", version: "1.0.0" });
    let started!: () => void;
    const running = new Promise<void>((resolve) => (started = resolve));
    const ended = new Promise<string>((resolve) => {
      server.registerTool("wait", {}, async ({ signal }) => {
        started();
        await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
        resolve("aborted");
        return text("late");
      });
    });
    const client = new AbortController();
    const handler = createMcpHandler(server, { enableJsonResponse });
    const response = handler(new Request(post(call("wait")), { signal: client.signal }), {});
    await running;
    client.abort();
    if (!enableJsonResponse) await (await response).body?.cancel();
    expect(await ended).toBe("aborted");
    expect((await handler(post(call("wait", 2)), {})).status).toBe(500);
  });

  it("has no session, but may have ids of them", async () => {
    const client = await connect(createMcpHandler(greeter, { sessionIdGenerator: () => "s-1" }));
    expect((client.transport as StreamableHTTPClientTransport).sessionId).toBe("s-1");
    expect(await client.callTool({ name: "whoami" })).toEqual(text("null"));
  });

  it("cannot ask its client, and says so", async () => {
    const client = await connect(createMcpHandler(greeter));
    const { content } = await client.callTool({ name: "ask" });
    expect(content).toEqual([{ type: "text", text: expect.stringContaining("A stateless server cannot ask") }]);
  });
});

describe("what goes wrong", () => {
  it("in a tool is its result", async () => {
    const client = await connect(createMcpHandler(greeter));
    expect(await client.callTool({ name: "fail" })).toEqual({ ...text("as asked"), isError: true });
  });

  // proves create-mcp-handler#errors
  it("in a handler of requests is a JSON-RPC error with the id of the request", async () => {
    const server = () => {
      const { server: low } = new McpServer({ name: "low", version: "1.0.0" });
      low.fallbackRequestHandler = () => Promise.reject(new Error("Random failure occurred"));
      return low;
    };
    const response = await createMcpHandler(server, { enableJsonResponse: true })(
      post({ jsonrpc: "2.0", id: 7, method: "risky" }),
      {}
    );
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: { code: -32603, message: "Random failure occurred" }
    });
  });

  it("while the server is made is one, too, with status 500, which pages may read, and is logged", async () => {
    const handler = createMcpHandler(() => Promise.reject(new Error("no database")));
    let response!: Response;
    const lines = await logged(async () => void (response = await handler(post(call("hello", 3)), {})));
    expect(lines).toEqual([["An MCP request failed:", new Error("no database")]]);
    expect([response.status, response.headers.get("Access-Control-Allow-Origin"), await response.json()]).toEqual([
      500,
      "*",
      { jsonrpc: "2.0", id: 3, error: { code: -32603, message: "no database" } }
    ]);
  });

  // proves create-mcp-handler#connected-twice
  it("a server that is given twice is refused, before and after the first request has ended", async () => {
    const handler = createMcpHandler(greeter());
    const first = await handler(post(call("whoami")), {});
    const during = await handler(post(call("whoami", 2)), {});
    await first.text();
    const after = await handler(post(call("whoami", 3)), {});
    for (const [id, response] of [
      [2, during],
      [3, after]
    ] as const) {
      expect([response.status, await response.json()]).toEqual([
        500,
        {
          jsonrpc: "2.0",
          id,
          error: {
            code: -32603,
            message:
              "Server is already connected to a transport. Create a new McpServer instance per request for stateless handlers."
          }
        }
      ]);
    }
  });
});

describe("the options", () => {
  const status = async (request: Request, options?: CreateMcpHandlerOptions) =>
    (await createMcpHandler(greeter, options)(request, {})).status;

  // proves create-mcp-handler#route
  it("say which path is served", async () => {
    const body = { jsonrpc: "2.0", id: 1, method: "ping" };
    const statuses = await Promise.all([
      status(post(body)),
      status(post(body, {}, "http://localhost/mcp/more")),
      status(post(body, {}, "http://localhost/")),
      status(post(body, {}, "http://localhost/api/mcp?x=1"), { route: "/api/mcp" }),
      status(post(body), { route: "/api/mcp" })
    ]);
    expect(statuses).toEqual([200, 404, 404, 200, 404]);
  });

  it("say who may ask: a list, or the page that may read the answers", async () => {
    const from = (Origin: string) => post({ jsonrpc: "2.0", id: 1, method: "ping" }, { Origin });
    const origin = "https://app.example.com";
    expect(await status(from(origin))).toBe(403);
    expect(await status(from(origin), { allowedOrigins: [origin] })).toBe(200);
    expect(await status(from(origin), { corsOptions: { origin } })).toBe(200);
    expect(await status(from(origin), { corsOptions: { origin }, allowedOrigins: [] })).toBe(403);
  });

  // proves create-mcp-handler#corsOptions
  it("say what pages may do", async () => {
    const corsOptions = { origin: "https://app.example.com", methods: "POST", maxAge: 60 };
    const handler = createMcpHandler(greeter, { corsOptions });
    const preflight = await handler(new Request(url, { method: "OPTIONS" }), {});
    expect(["Origin", "Methods"].map((name) => preflight.headers.get(`Access-Control-Allow-${name}`))).toEqual([
      "https://app.example.com",
      "POST"
    ]);
    const answer = await handler(post(call("whoami")), {});
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example.com");
  });
});

describe("on whose behalf a request runs", () => {
  const whoami = async (ctx?: { props?: unknown }, options?: CreateMcpHandlerOptions) => {
    const client = await connect(createMcpHandler(greeter, options), ctx);
    const { content } = await client.callTool({ name: "whoami" });
    return JSON.parse((content as { text: string }[])[0]!.text);
  };

  // proves create-mcp-handler#authContext, create-mcp-handler#context-none
  it("is what the OAuth provider has said, unless told", async () => {
    expect(await whoami({ props: { name: "Ada" } })).toEqual({ props: { name: "Ada" } });
    expect(await whoami({ props: { name: "Ada" } }, { authContext: { props: { name: "Bob" } } })).toEqual({
      props: { name: "Bob" }
    });
    expect([await whoami({ props: {} }), await whoami(), getMcpAuthContext()]).toEqual([null, null, undefined]);
  });

  // proves create-mcp-handler#context-isolated
  it("is not mixed up between requests that run at once", async () => {
    const handler = createMcpHandler(greeter, { enableJsonResponse: true });
    const names = Array.from({ length: 20 }, (_, n) => `user-${n}`);
    const answers = await Promise.all(
      names.map(async (name) => (await handler(post(call("whoami")), {}, { props: { name } })).text())
    );
    answers.forEach((answer, n) => expect(answer).toContain(`"name\\":\\"user-${n}\\"`));
  });
});
