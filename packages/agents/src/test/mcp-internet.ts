import { env, runInDurableObject } from "cloudflare:test";
import { onTestFinished, vi } from "vitest";
import type { McpHandler } from "../mcp";
import { McpUser } from "./mcp-client-agents";
import { killAll } from "./kit";
import { ask } from "./mcp-kit";

export type Site = (request: Request) => Response | Promise<Response>;

/** What agents reach by `fetch`: these hosts, and nothing else. Returns what was asked, in order. */
export function internet(hosts: Record<string, Site>): string[] {
  const asked: string[] = [];
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as string, init);
    const { host, pathname } = new URL(request.url);
    asked.push(`${request.method} ${host}${pathname}`);
    const site = hosts[host];
    if (!site) throw new TypeError("Network connection lost.");
    return site(request);
  });
  onTestFinished(() => spy.mockRestore());
  return asked;
}

/** One of our own servers, at a host. */
export const served =
  (handler: McpHandler): Site =>
  (request) =>
    ask(handler, request);

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

/** The same agent in its next life: memory is gone, and so is whatever it had open. */
export async function reborn(stub: DurableObjectStub<McpUser>): Promise<DurableObjectStub<McpUser>> {
  await killAll();
  const next = env.McpUser.get(stub.id);
  await next.fetch("https://agents.example/");
  return next;
}

/** Runs code inside of an agent. */
export const inside = <Result>(
  stub: DurableObjectStub<McpUser>,
  run: (agent: McpUser) => Result | Promise<Result>
): Promise<Result> => runInDurableObject(stub, run);

/** The events of an agent, with their types only or whole. */
export const eventsOf = (stub: DurableObjectStub<McpUser>) =>
  McpUser.events.filter(({ name }) => name === stub.name).map(({ type, payload }) => ({ type, payload }));
