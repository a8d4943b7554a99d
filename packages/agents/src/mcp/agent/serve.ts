import { isJSONRPCRequest, type JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import { getAgentByName } from "../../core/route";
import { wait } from "../../core/wait";
import { preflight, withCors, type CORSOptions } from "../http/cors";
import { EventStream } from "../http/event-stream";
import { checkOrigin } from "../http/origin";
import { checkStreamRequest, readMessages } from "../http/read";
import { methodNotAllowed, Refusal, rpcCodes, sessionUnknown } from "../http/refusal";
import { identityOf } from "./identity";
import { findNamespace } from "./namespace";
import { Relay, say, sayAndListen, type Reach } from "./relay";
import { eventId, versionWithPriming, type Caller, type McpStub, type Outcome, type SessionKind } from "./wire";

/** How an MCP server is served. */
export interface ServeOptions {
  /** The name of the Durable Object binding of the class. By default `MCP_OBJECT`, or a binding that is called like the class. */
  binding?: string;
  /** Headers by which pages of other origins may use the server. */
  corsOptions?: CORSOptions;
  /** Keeps all data of the sessions in a jurisdiction, for instance `eu`. */
  jurisdiction?: DurableObjectJurisdiction;
  /** `streamable-http` unless told; `sse` is the older one, and `auto` knows both at one address. */
  transport?: "streamable-http" | "sse" | "auto";
  /**
   * Chooses the object that a request is for: a user, a tenant, a document. Its state outlives sessions then, and all its sessions share
   * it. By default each session has an object of its own, which ends with it.
   *
   * @example { name: (request, ctx) => `user:${ctx.props.userId}` }
   */
  name?(request: Request, ctx: ServeContext): string | Promise<string>;
  /**
   * Whose session it is: a session answers nobody else. By default what is called `userId`, `sub`, `id`, `login` or `email` in the props,
   * in their `claims` or their `user`.
   */
  identity?(request: Request, ctx: ServeContext): string | undefined | Promise<string | undefined>;
  /** Origins of pages that may use the server, as browsers send them; `"*"` stands for all. See the documentation for the default. */
  allowedOrigins?: readonly string[];
}

/** The part of `ExecutionContext` that is looked at. */
// What the OAuth provider puts there is the application's own.
// oxlint-disable-next-line typescript/no-explicit-any
export type ServeContext = { readonly props?: any };

/** What a Worker exports, or gives to an OAuth provider. */
export interface McpHandler {
  fetch<Env>(this: void, request: Request, env: Env, ctx: ExecutionContext): Promise<Response>;
}

export const sessionHeader = "mcp-session-id";
// When a client whose stream has ended before its answer comes again.
const retryMs = 1_000;

/** One request, on its way to the object of its session. */
export interface Visit {
  readonly request: Request;
  readonly className: string;
  readonly options: ServeOptions;
  readonly env: unknown;
  readonly ctx: ServeContext;
}

/** Where a session is, and what is said with every command to it. */
export interface Address {
  readonly reach: Reach;
  readonly caller: Caller;
}

export async function addressOf(visit: Visit, kind: SessionKind, session: string): Promise<Address> {
  const { request, className, options, env, ctx } = visit;
  const namespace = findNamespace(className, options.binding, env, ctx);
  const name = options.name ? await options.name(request, ctx) : `${kind}:${session}`;
  if (typeof name !== "string" || name === "")
    throw new TypeError("name() of serve() must return a text that is not empty");
  const { jurisdiction } = options;
  const identity = options.identity ? await options.identity(request, ctx) : identityOf(ctx.props);
  return {
    reach: async () => {
      const stub = await getAgentByName(namespace, name, jurisdiction ? { jurisdiction } : {});
      // The class that is bound there is the one that is served, and every `McpAgent` has this method.
      return stub as unknown as McpStub;
    },
    caller: {
      session,
      identity,
      // They travel as JSON: what an OAuth provider has stored is nothing else.
      props: ctx.props,
      request: { headers: Object.fromEntries(request.headers), url: request.url }
    }
  };
}

/** Ids are secrets: who knows one and has signed in as nobody else is in the session. */
export const newId = (): string => crypto.randomUUID();

/** Runs what answers a request, and turns what it throws into what the protocol has for it. */
export async function answering(visit: Visit, run: () => Promise<Response>): Promise<Response> {
  const { request, options } = visit;
  try {
    checkOrigin(request, options.allowedOrigins, options.corsOptions?.origin);
    if (request.method === "OPTIONS") return preflight(options.corsOptions);
    return withCors(await run(), options.corsOptions);
  } catch (error) {
    const refusal = error instanceof Refusal ? error : internal(error);
    return withCors(refusal.toResponse(), options.corsOptions);
  }
}

/** What went wrong inside is for the log, and not for clients. */
function internal(error: unknown): Refusal {
  console.error("The MCP server failed:", error);
  return new Refusal(500, "Internal server error", { code: rpcCodes.internalError });
}

export function handleStreamable(visit: Visit): Promise<Response> {
  switch (visit.request.method) {
    case "POST":
      return handlePost(visit);
    case "GET":
      return handleGet(visit);
    case "DELETE":
      return handleDelete(visit);
    default:
      throw methodNotAllowed("GET", "POST", "DELETE");
  }
}

async function handlePost(visit: Visit): Promise<Response> {
  const { request } = visit;
  const { messages, initialize, isBatch } = await readMessages(request);
  if (initialize) return begin(visit, initialize);
  const session = sessionIn(request);
  const { caller, reach } = await addressOf(visit, "streamable-http", session);
  const post = { ...caller, type: "post", messages, isBatch } as const;
  if (!messages.some(isJSONRPCRequest)) {
    known(await say(reach, post));
    return new Response(null, { status: 202 });
  }
  const { outcome, socket } = await sayAndListen(await reach(), { ...post, ticket: newId() });
  return streamOf(outcome, socket, { reach, caller }, undefined);
}

async function begin(visit: Visit, initialize: JSONRPCRequest): Promise<Response> {
  if (visit.request.headers.has(sessionHeader)) {
    throw new Refusal(400, "Invalid Request: The session has begun already", {
      code: rpcCodes.invalidRequest,
      id: initialize.id
    });
  }
  const session = newId();
  const { caller, reach } = await addressOf(visit, "streamable-http", session);
  const outcome = await say(reach, { ...caller, type: "begin", kind: "streamable-http", initialize });
  if (outcome.type !== "answered") throw sessionUnknown();
  const isRefused = "error" in outcome.message;
  return Response.json(outcome.message, { headers: isRefused ? {} : { [sessionHeader]: session } });
}

async function handleGet(visit: Visit): Promise<Response> {
  const { request } = visit;
  checkStreamRequest(request);
  const session = sessionIn(request);
  const { caller, reach } = await addressOf(visit, "streamable-http", session);
  const after = request.headers.get("Last-Event-ID") ?? undefined;
  const listen = { ...caller, type: "listen", ticket: newId(), ...(after !== undefined && { after }) } as const;
  const { outcome, socket } = await sayAndListen(await reach(), listen);
  return streamOf(outcome, socket, { reach, caller }, after);
}

async function handleDelete(visit: Visit): Promise<Response> {
  const session = sessionIn(visit.request);
  const { caller, reach } = await addressOf(visit, "streamable-http", session);
  known(await say(reach, { ...caller, type: "end" }));
  return new Response(null, { status: 204 });
}

/** The response that carries a stream of the object. */
function streamOf(
  answer: Outcome,
  socket: WebSocket | undefined,
  { reach, caller }: Address,
  after: string | undefined
): Response {
  const outcome = known(answer);
  if (outcome.type !== "stream") throw new Refusal(400, "The events after this id are not there (any more)");
  const events = new EventStream({ onClose: () => relay.stop() });
  const again = (last: string) => ({ ...caller, type: "listen", ticket: newId(), after: last }) as const;
  const relay: Relay = new Relay(events, outcome.stream, { reach, again, withIds: true, wait: pause });
  const first = after ?? eventId(outcome.stream, 0);
  // So that it can resume although it has not got anything yet.
  if ((outcome.version ?? "") >= versionWithPriming) events.prime(first, retryMs);
  relay.carry(socket, first);
  return events.toResponse({ [sessionHeader]: caller.session });
}

export const pause = (delayMs: number): Promise<void> => wait(delayMs, new AbortController().signal);

export function known(outcome: Outcome): Exclude<Outcome, { type: "unknown-session" }> {
  if (outcome.type === "unknown-session") throw sessionUnknown();
  if (outcome.type === "no-batches") {
    throw new Refusal(400, "Invalid Request: The version of this session has no batches", {
      code: rpcCodes.invalidRequest
    });
  }
  return outcome;
}

function sessionIn(request: Request): string {
  const session = request.headers.get(sessionHeader);
  if (session === null || session === "") throw new Refusal(400, "Bad Request: Mcp-Session-Id header is required");
  return ours(session);
}

/** No session of ours has another id, and no object need be asked; but that of callers by RPC, which is not for HTTP. */
export function ours(session: string): string {
  if (!/^[\da-f-]{36}$/.test(session)) throw sessionUnknown();
  return session;
}
