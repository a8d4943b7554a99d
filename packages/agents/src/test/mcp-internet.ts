import { env, runInDurableObject } from "cloudflare:test";
import { onTestFinished, vi } from "vitest";
import type { McpHandler } from "../mcp";
import { McpUser } from "./mcp-client-agents";
import { evict } from "./kit";
import { ask } from "./mcp-kit";

export type Site = (request: Request) => Response | Promise<Response>;

/** What agents reach by `fetch`: these hosts, and nothing else. Returns what was asked, in order. */
export function internet(hosts: Record<string, Site>): string[] {
  const asked: string[] = [];
  const known = new Set(Object.keys(hosts));
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as string, init);
    const { host, pathname } = new URL(request.url);
    // Agents of other tests may still have something to say.
    if (known.has(host)) asked.push(`${request.method} ${host}${pathname}`);
    const site = hosts[host];
    if (!site) throw new TypeError("Network connection lost.");
    return site(request);
  });
  onTestFinished(() => spy.mockRestore());
  return asked;
}

/** One of our own servers, at a host. It has no standing stream: the runtime does not survive it when such a one is killed at both ends. */
export const served =
  (handler: McpHandler): Site =>
  (request) =>
    request.method === "GET" ? new Response(null, { status: 405 }) : ask(handler, request);

type Params = Record<string, unknown>;
export type Answers = Record<string, (params: Params) => unknown>;

const hello = {
  protocolVersion: "2025-11-25",
  capabilities: { tools: { listChanged: true } },
  serverInfo: { name: "scripted", version: "1.0.0" }
};

/** A server that says what a test tells it to say, as plain JSON. */
export function scripted(answers: Answers): Site {
  const all: Answers = { initialize: () => hello, ...answers };
  return async (request) => {
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const { id, method, params } = (await request.json()) as { id?: number; method: string; params: Params };
    if (id === undefined) return new Response(null, { status: 202 });
    const answer = all[method];
    const result = answer ? await answer(params ?? {}) : undefined;
    if (result instanceof Response) return result;
    const error = { code: -32_601, message: "Method not found" };
    return Response.json({ jsonrpc: "2.0", id, ...(answer ? { result } : { error }) });
  };
}

export const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: "object" }, ...more });

let names = 0;
/** A new agent that uses MCP servers. */
export const user = () => env.McpUser.get(env.McpUser.idFromName(`user-${names++}`));

/** The same agent in its next life, with nothing of this one but what is stored. */
export async function reborn(stub: DurableObjectStub<McpUser>): Promise<DurableObjectStub<McpUser>> {
  // An open connection keeps it in memory.
  await inside(stub, (agent) => agent.mcp.closeAllConnections());
  await evict(stub);
  await started(stub);
  return stub;
}

/** Waits for the start of an agent. An answer that nobody reads would keep it in memory. */
export async function started(stub: DurableObjectStub<McpUser>): Promise<void> {
  await (await stub.fetch("https://agents.example/")).text();
}

/** Runs code inside of an agent. */
export const inside = <Result>(
  stub: DurableObjectStub<McpUser>,
  run: (agent: McpUser) => Result | Promise<Result>
): Promise<Result> => runInDurableObject(stub, run);

/** The events of an agent, with their types only or whole. */
export const eventsOf = (stub: DurableObjectStub<McpUser>) =>
  McpUser.events.filter(({ name }) => name === stub.name).map(({ type, payload }) => ({ type, payload }));
