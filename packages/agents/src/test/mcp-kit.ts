import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions
} from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { onTestFinished } from "vitest";
import type { CallToolResult, ClientCapabilities, JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { env } from "cloudflare:test";
import type { McpHandler } from "../mcp";

/** What a Worker with this handler answers. */
export function ask(handler: McpHandler, request: Request, props?: unknown): Promise<Response> {
  const ctx = { props, waitUntil() {}, passThroughOnException() {} } as unknown as ExecutionContext;
  return handler.fetch(request, env, ctx);
}

/** A `fetch` that leads to this handler. */
export const fetchOf =
  (handler: McpHandler, props?: unknown): typeof fetch =>
  (input, init) => {
    // The clients of the SDK say how redirects are treated in a way that requests in workerd do not know.
    return ask(handler, new Request(input as string | URL | Request, init), props);
  };

export const url = new URL("http://localhost/mcp");

export interface Connected {
  client: Client;
  transport: StreamableHTTPClientTransport;
}

/** A client of the SDK that is connected over Streamable HTTP, until the test ends. */
export async function connectClient(
  handler: McpHandler,
  options: {
    props?: unknown;
    capabilities?: ClientCapabilities;
    transport?: StreamableHTTPClientTransportOptions;
    prepare?: (client: Client) => void;
  } = {}
): Promise<Connected> {
  const client = new Client({ name: "test", version: "1.0.0" }, { capabilities: options.capabilities ?? {} });
  options.prepare?.(client);
  const transport = new StreamableHTTPClientTransport(url, {
    fetch: fetchOf(handler, options.props),
    ...options.transport
  });
  // Else it would ask for its stream again whenever it ends, in all tests that come after.
  onTestFinished(() => client.close());
  await client.connect(transport);
  return { client, transport };
}

/** The text of a tool's result. */
export function textOf(result: unknown): string {
  const [first] = (result as CallToolResult).content;
  return first?.type === "text" ? first.text : JSON.stringify(result);
}

const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };

/** A POST as a client sends it. */
export const post = (body: unknown, more: Record<string, string> = {}): Request =>
  new Request(url, {
    method: "POST",
    headers: { ...headers, ...more },
    body: typeof body === "string" ? body : JSON.stringify(body)
  });

export const get = (more: Record<string, string> = {}): Request =>
  new Request(url, { headers: { Accept: "text/event-stream", ...more } });

export const request = (id: string | number, method: string, params: object = {}): JSONRPCMessage => ({
  jsonrpc: "2.0",
  id,
  method,
  params: params as Record<string, unknown>
});

export const call = (id: string | number, name: string, args: object = {}): JSONRPCMessage =>
  request(id, "tools/call", { name, arguments: args });

export const initialize = (
  id: string | number = 0,
  capabilities: object = {},
  version = "2025-11-25"
): JSONRPCMessage =>
  request(id, "initialize", {
    protocolVersion: version,
    capabilities,
    clientInfo: { name: "raw", version: "1.0.0" }
  });

/** Begins a session, and returns the header that every further request has. */
export async function begin(
  handler: McpHandler,
  { capabilities = {}, props, version }: { capabilities?: object; props?: unknown; version?: string } = {}
): Promise<Record<string, string>> {
  const response = await ask(handler, post(initialize(0, capabilities, version)), props);
  await response.body?.cancel();
  const session = response.headers.get("mcp-session-id");
  if (!session) throw new Error(`No session: ${response.status}`);
  return { "mcp-session-id": session };
}

export interface RawEvent {
  id?: string;
  event?: string;
  data: string;
  retry?: string;
}

/** Reads the events of a response one by one. */
export class Events {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(response: Response) {
    if (response.headers.get("Content-Type") !== "text/event-stream") {
      throw new Error(`No events: ${response.status} ${response.headers.get("Content-Type")}`);
    }
    this.#reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next event; nothing when the stream has ended. Comments are skipped. */
  async next(): Promise<RawEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end === -1) {
        const { done, value } = await this.#reader.read();
        if (done) return undefined;
        this.#text += value;
        continue;
      }
      const block = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      const fields: Record<string, string> = {};
      for (const line of block.split("\n")) {
        const colon = line.indexOf(": ");
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
      }
      if (Object.keys(fields).length > 0) return { data: "", ...fields };
    }
  }

  /** The next message, with the id of its event. */
  async message(): Promise<{ eventId: string; message: Record<string, unknown> }> {
    for (;;) {
      const event = await this.next();
      if (!event) throw new Error("The stream has ended");
      if (event.data !== "") return { eventId: event.id ?? "", message: JSON.parse(event.data) };
    }
  }

  /** The client goes away. */
  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}
