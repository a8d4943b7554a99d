import { describe, expect, it } from "vitest";
import { preflight, withCors } from "./cors";
import { checkOrigin } from "./origin";
import { checkStreamRequest, maxBodyBytes, readMessages, type ReadOptions } from "./read";
import { methodNotAllowed, Refusal, sessionUnknown } from "./refusal";

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
const initialize = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "1999-01-01", capabilities: {}, clientInfo: { name: "test", version: "1" } }
};
const both = "application/json, text/event-stream";

function post(body: unknown, headers: Record<string, string> = {}): Request {
  return new Request("http://localhost/mcp", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: both, ...headers },
    body: typeof body === "string" || body instanceof ReadableStream ? body : JSON.stringify(body)
  });
}

/** What a request is answered with: status, code and id of the error. */
async function refused(run: () => unknown): Promise<[status: number, code: number, id: unknown]> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const response = error.toResponse();
    const body = await response.json<{ jsonrpc: string; id: unknown; error: { code: number; message: string } }>();
    expect([body.jsonrpc, body.error.message]).toEqual(["2.0", error.message]);
    return [response.status, body.error.code, body.id];
  }
  throw new Error("It was not refused");
}

const read = (request: Request, options?: ReadOptions) => refused(() => readMessages(request, options));

describe("what a POST brings", () => {
  it("is one message", async () => {
    expect(await readMessages(post(ping))).toEqual({ messages: [ping], requests: [ping], isBatch: false });
  });

  it("may be read and parsed by somebody else", async () => {
    const { messages } = await readMessages(post("used up"), { parsedBody: ping });
    expect(messages).toEqual([ping]);
  });

  it.each([
    ["application/json; charset=utf-8", both],
    ["Application/JSON", "*/*"],
    ["application/json", "text/*;q=0.5, Application/Json"]
  ])("has the type %s and accepts %s", async (type, accept) => {
    const { requests } = await readMessages(post(ping, { "Content-Type": type, Accept: accept }));
    expect(requests).toEqual([ping]);
  });

  it.each(["text/plain", "text/plain; a=application/json", "application/jsonp", "application/json, text/plain", ""])(
    "has no other type: %s",
    async (type) => expect(await read(post(ping, { "Content-Type": type }))).toEqual([415, -32000, null])
  );

  it.each(["application/json", "text/event-stream", "", "text/html"])(
    "is answered with JSON or events, so both are accepted, not only: %s",
    async (accept) => expect(await read(post(ping, { Accept: accept }))).toEqual([406, -32000, null])
  );

  it("has at most 4 MB, whether it says its length or not", async () => {
    const largest = JSON.stringify(ping).padEnd(maxBodyBytes);
    expect((await readMessages(post(largest))).requests).toEqual([ping]);
    expect(await read(post(`${largest} `))).toEqual([413, -32000, null]);
    let cancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
      cancel: () => void (cancelled = true)
    });
    expect([await read(post(endless)), cancelled]).toEqual([[413, -32000, null], true]);
  });

  it.each([
    ["{", "cut"],
    ["", "empty"],
    ["undefined", "no JSON"]
  ])("is JSON, not %j (%s)", async (text) => expect(await read(post(text))).toEqual([400, -32700, null]));

  it("is UTF-8", async () => {
    const bytes = new Blob([JSON.stringify(ping), new Uint8Array([0xff])]).stream();
    expect(await read(post(bytes))).toEqual([400, -32700, null]);
  });

  it.each([
    [{ method: "ping", id: 7 }, 7],
    [{ jsonrpc: "1.0", method: "ping", id: "a" }, "a"],
    [{ jsonrpc: "2.0", id: 1.5, method: "ping" }, null],
    [{ jsonrpc: "2.0", id: {}, method: "ping" }, null],
    [{ jsonrpc: "2.0", id: 2, method: "initialize" }, 2],
    [null, null],
    ["ping", null]
  ])("is JSON-RPC, not %j", async (body, id) => {
    expect(await read(post(JSON.stringify(body)))).toEqual([400, -32600, id]);
  });
});

describe("a batch", () => {
  const notification = { jsonrpc: "2.0", method: "notifications/initialized" };

  it.each([
    ["a client without a version", {}, {}],
    ["2025-03-26", { "MCP-Protocol-Version": "2025-03-26" }, {}],
    ["a session of 2025-03-26", { "MCP-Protocol-Version": "2025-11-25" }, { version: "2025-03-26" }]
  ])("is taken from %s", async (_name, headers, options) => {
    const received = await readMessages(post([ping, notification], headers), options);
    expect(received).toEqual({ messages: [ping, notification], requests: [ping], isBatch: true });
  });

  it.each([
    ["2025-06-18", [ping], { "MCP-Protocol-Version": "2025-06-18" }, {}],
    ["a session of 2025-11-25", [ping], {}, { version: "2025-11-25" }],
    ["anybody when it is empty", [], {}, {}],
    ["anybody with more than 100 messages", Array.from({ length: 101 }, () => notification), {}, {}],
    ["anybody with two requests of one id", [ping, ping], {}, {}],
    ["anybody with an initialization in it", [initialize, notification], {}, {}]
  ])("is refused from %s", async (_name, body, headers, options) => {
    expect(await read(post(body, headers), options)).toEqual([400, -32600, null]);
  });

  it("is refused as a whole", async () => {
    expect(await read(post([ping, { jsonrpc: "2.0", id: 5 }]))).toEqual([400, -32600, 5]);
  });
});

describe("the version of MCP", () => {
  it("has to be known", async () => {
    const headers = { "MCP-Protocol-Version": "1999-01-01", Accept: both };
    expect(await read(post(ping, headers))).toEqual([400, -32000, null]);
    expect(await refused(() => checkStreamRequest(new Request("http://a/", { headers })))).toEqual([400, -32000, null]);
  });

  it("is not known yet when a session begins", async () => {
    const received = await readMessages(post(initialize, { "MCP-Protocol-Version": "1999-01-01" }));
    expect(received.initialize).toMatchObject({ params: { protocolVersion: "1999-01-01" } });
  });
});

it("a GET asks for events", async () => {
  const get = (accept: string) => new Request("http://a/", { headers: { Accept: accept } });
  checkStreamRequest(get("text/event-stream"));
  expect(await refused(() => checkStreamRequest(get("application/json")))).toEqual([406, -32000, null]);
});

describe("the origin", () => {
  it.each(["https://App.Example.com", "https://app.example.com/", "https://app.example.com:443"])(
    "is found in a list that says %s",
    async (entry) => {
      const ask = (origin: string) =>
        checkOrigin(new Request("https://mcp.example.com", { headers: { Origin: origin } }), [entry]);
      expect(() => ask("https://app.example.com")).not.toThrow();
      for (const origin of ["null", "https://app.example.com.evil.example.com", "http://app.example.com"])
        expect(await refused(() => ask(origin))).toEqual([403, -32000, null]);
    }
  );

  const from = (origin: string | undefined, url: string, allowed?: string[]) =>
    checkOrigin(new Request(url, { headers: origin === undefined ? {} : { Origin: origin } }), allowed);

  it.each([
    ["nothing", undefined, "http://localhost:8787/mcp"],
    ["a page on this machine", "http://localhost:6274", "http://127.0.0.1:8787/mcp"],
    ["a page on this machine, by IPv6", "http://[::1]:6274", "http://localhost:8787/mcp"],
    ["any page, behind TLS", "https://app.example.com", "https://mcp.example.com/mcp"],
    ["a page of the same address", "http://192.168.1.5:8787", "http://192.168.1.5:8787/mcp"]
  ])("may be that of %s", (_name, origin, url) => expect(() => from(origin, url)).not.toThrow());

  it.each([
    ["a foreign page, of a server on this machine", "https://evil.example.com", "http://localhost:8787/mcp"],
    ["a page whose name was made to lead here", "http://evil.example.com:8787", "http://evil.example.com:8787/mcp"],
    ["a page that only begins like one on this machine", "http://localhost.evil.example.com", "http://localhost/mcp"],
    ["a foreign page, of a server in the same network", "http://evil.example.com", "http://192.168.1.5:8787/mcp"],
    ["a page without one", "null", "http://localhost:8787/mcp"]
  ])("may not be that of %s", async (_name, origin, url) => {
    expect(await refused(() => from(origin, url))).toEqual([403, -32000, null]);
  });

  it("is one of the list, where there is one", async () => {
    const list = ["https://app.example.com"];
    from(list[0], "http://localhost/mcp", list);
    from("https://evil.example.com", "http://localhost/mcp", ["*"]);
    for (const origin of ["http://localhost", "https://app.example.com.evil.example.com"]) {
      expect(await refused(() => from(origin, "https://mcp.example.com", list))).toEqual([403, -32000, null]);
    }
  });
});

it("a session that is not there and a method that is not known have answers of their own", async () => {
  expect(await refused(() => Promise.reject(sessionUnknown()))).toEqual([404, -32001, null]);
  const response = methodNotAllowed("GET", "POST").toResponse();
  expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, POST"]);
});

describe("CORS", () => {
  it("lets any page ask, send what MCP has and read the session, unless told", () => {
    const { status, headers } = preflight();
    expect([status, Object.fromEntries(headers)]).toEqual([
      204,
      {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
        "access-control-allow-headers":
          "Content-Type, Accept, Authorization, mcp-session-id, mcp-protocol-version, last-event-id",
        "access-control-max-age": "86400"
      }
    ]);
    const answer = withCors(new Response("body", { status: 202, headers: { Vary: "Accept" } }));
    expect([answer.status, Object.fromEntries(answer.headers)]).toEqual([
      202,
      {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "mcp-session-id, WWW-Authenticate",
        "content-type": "text/plain;charset=UTF-8",
        vary: "Accept"
      }
    ]);
  });

  it("says what it is told", () => {
    const options = { origin: "https://a", methods: "GET", headers: "X-A", maxAge: 5, exposeHeaders: "X-B" };
    expect(Object.fromEntries(preflight(options).headers)).toEqual({
      "access-control-allow-origin": "https://a",
      "access-control-allow-methods": "GET",
      "access-control-allow-headers": "X-A",
      "access-control-max-age": "5",
      vary: "Origin"
    });
    const { headers } = withCors(new Response(null, { headers: { Vary: "Accept" } }), options);
    expect([headers.get("Access-Control-Expose-Headers"), headers.get("Vary")]).toEqual(["X-B", "Accept, Origin"]);
  });
});
