// The one module that needs the MCP SDK. It is loaded when an agent first connects.
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import type { FetchLike, Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { wait } from "../../core/wait";
import { RPCClientTransport } from "../agent/rpc-client";
import {
  auth,
  ErrorCode,
  McpError,
  PromptListChangedNotificationSchema,
  PromptSchema,
  ResourceListChangedNotificationSchema,
  ResourceSchema,
  ResourceTemplateSchema,
  ResultSchema,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  StreamableHTTPError,
  ToolListChangedNotificationSchema,
  ToolSchema,
  UnauthorizedError
} from "./sdk";
import { SessionClient } from "./session-client";
import type { Catalogue, CatalogueKind, McpClientOptions, TransportType } from "./types";

export { auth };

const farewellMs = 1_000;

/** How to reach a server. */
export type Target =
  | {
      type: "auto" | "sse" | "streamable-http";
      url: URL;
      fetch: FetchLike;
      authProvider: OAuthClientProvider | undefined;
    }
  // Any class: its stub has the method that is called.
  // oxlint-disable-next-line typescript/no-explicit-any
  | { type: "rpc"; namespace: DurableObjectNamespace<any>; name: string; props: Record<string, unknown> | undefined };

export interface SessionEvents {
  /** Before anything is sent. */
  prepare(client: SessionClient): void;
  /** The server has other tools, prompts or resources than before. */
  listChanged(): void;
  closed(): void;
}

/** A session of Streamable HTTP that the server may still know. */
export interface Resumable {
  id: string;
  /** Of MCP, as it was agreed on. */
  version: string;
}

export interface OpenOptions {
  /** Goes on with this session, without asking whether it is there. */
  resume: Resumable | undefined;
  clientName: string;
  client: McpClientOptions | undefined;
  signal: AbortSignal;
  timeoutMs: number;
}

/** An open connection. */
export interface Session {
  readonly client: SessionClient;
  readonly transport: TransportType;
  /** What to go on with later. */
  readonly resumable: Resumable | undefined;
  readonly isResumed: boolean;
  /** The server may forget the session. */
  close(): Promise<void>;
  /** The server keeps the session. */
  leave(): Promise<void>;
}

/** Connects to a server. Of a server whose transport is not known, both are tried. */
export async function openSession(target: Target, options: OpenOptions, events: SessionEvents): Promise<Session> {
  if (target.type !== "auto") return open(target, options, events);
  if (options.resume) return open({ ...target, type: "streamable-http" }, options, events);
  try {
    return await open({ ...target, type: "streamable-http" }, options, events);
  } catch (error) {
    // What a server of the older transport says to a POST at the address of its stream.
    if (!(error instanceof StreamableHTTPError) || ![400, 404, 405].includes(error.code ?? 0)) throw error;
    return await open({ ...target, type: "sse" }, options, events).catch((thrown: unknown) => {
      // If it knows neither, the newer one's answer says more.
      throw isUnauthorizedError(thrown) ? thrown : error;
    });
  }
}

async function open(
  target: Exclude<Target, { type: "auto" }> | (Extract<Target, { url: URL }> & { type: "sse" | "streamable-http" }),
  { resume, clientName, client: clientOptions, signal, timeoutMs }: OpenOptions,
  events: SessionEvents
): Promise<Session> {
  const client = new SessionClient({ name: clientName, version: "1.0.0" }, clientOptions);
  for (const schema of [
    ToolListChangedNotificationSchema,
    PromptListChangedNotificationSchema,
    ResourceListChangedNotificationSchema
  ]) {
    client.setNotificationHandler(schema, () => {});
  }
  client.onlistchanged = () => events.listChanged();
  events.prepare(client);
  // What a connection that is there says of its troubles comes back by the requests that have them.
  client.onerror = () => {};
  const transport = transportTo(target, resume);
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => reject(new McpError(ErrorCode.RequestTimeout, "The server takes too long to answer"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
  });
  try {
    await Promise.race([client.connect(transport, { timeout: timeoutMs, signal }), aborted]);
  } catch (error) {
    await client.close().catch(() => {});
    throw error;
  }
  client.onclose = () => events.closed();
  // What the server has to say by itself; one that has nothing to say refuses.
  const isStream = transport instanceof StreamableHTTPClientTransport;
  if (resume && isStream) void transport.resumeStream("").catch(() => {});
  const leave = async () => {
    client.onclose = () => {};
    await client.close().catch(() => {});
  };
  if (target.type === "sse") {
    // It would connect again by itself, to a session that nobody has begun.
    client.onerror = (error) => {
      // Other errors are not about the stream.
      if (!("event" in error)) return;
      events.closed();
      void leave();
    };
  }
  const { sessionId: id, protocolVersion: version } = isStream ? transport : {};
  return {
    client,
    transport: target.type,
    resumable: id !== undefined && version !== undefined ? { id, version } : undefined,
    isResumed: resume !== undefined,
    leave,
    async close() {
      // The server may forget the session at once. It does not have to be there for that.
      if (isStream) {
        const over = new AbortController();
        await Promise.race([transport.terminateSession().catch(() => {}), wait(farewellMs, over.signal)]);
        over.abort();
      }
      await leave();
    }
  };
}

function transportTo(target: Exclude<Target, { type: "auto" }>, resume: Resumable | undefined): Transport {
  if (target.type === "rpc") {
    const { namespace, name, props } = target;
    return new RPCClientTransport({ namespace, name, ...(props && { props }) });
  }
  const { url, fetch, authProvider } = target;
  const options = { fetch, ...(authProvider && { authProvider }) };
  if (target.type === "streamable-http") {
    const transport = new StreamableHTTPClientTransport(url, { ...options, ...(resume && { sessionId: resume.id }) });
    if (resume) transport.setProtocolVersion(resume.version);
    // It has no `sessionId` of type `string` before it is connected, which only the compiler minds.
    return transport as Transport;
  }
  return new SSEClientTransport(url, options);
}

/** Whether the server wants somebody to sign in. */
export function isUnauthorizedError(error: unknown): boolean {
  return error instanceof UnauthorizedError || (error as { code?: unknown } | undefined)?.code === 401;
}

/** Whether the server does not know the session, and so has not done what it was asked. */
export const isSessionGone = (error: unknown, { isResumed }: Session): boolean =>
  error instanceof StreamableHTTPError && (error.code === 404 || (isResumed && error.code === 400));

/** Whether another attempt may end otherwise: the network, the server's own troubles. */
export function isTransient(error: unknown): boolean {
  if (isUnauthorizedError(error)) return false;
  if (error instanceof McpError) return error.code === ErrorCode.ConnectionClosed;
  const { code, name } = error as { code?: unknown; name?: string };
  if (name === "AgentError" || name === "SyntaxError" || name?.endsWith("ZodError")) return false;
  return typeof code !== "number" || code >= 500 || code === 408 || code === 429;
}

const kinds = [
  { kind: "tools", method: "tools/list", capability: "tools", schema: ToolSchema },
  { kind: "prompts", method: "prompts/list", capability: "prompts", schema: PromptSchema },
  { kind: "resources", method: "resources/list", capability: "resources", schema: ResourceSchema },
  {
    kind: "resourceTemplates",
    method: "resources/templates/list",
    capability: "resources",
    schema: ResourceTemplateSchema
  }
] as const;

// More than any server has, and less than what would fill the memory of an instance.
const maxPages = 200;
const maxItems = 10_000;

/** Something that a server offers and that cannot be used, or a list that it did not give. */
export interface Flaw {
  capability: CatalogueKind;
  error: string;
}

/**
 * Asks for all that a server offers. What is not as it should be is left out, one by one, and named in `flaws`; a list that does not come is
 * as it was before.
 *
 * @throws when the list of tools does not come
 */
export async function discover(
  { client, isResumed }: Session,
  before: Catalogue,
  options: { timeout: number; signal: AbortSignal }
): Promise<{ catalogue: Catalogue; flaws: Flaw[] }> {
  const flaws: Flaw[] = [];
  // A session that goes on has not been told again.
  const capabilities = client.getServerCapabilities() ?? before.capabilities;
  const listed = await Promise.all(
    kinds.map(async ({ kind, method, capability, schema }): Promise<[CatalogueKind, unknown[]]> => {
      if (!capabilities?.[capability]) return [kind, []];
      try {
        const items = await list(client, method, kind, options);
        const seen = new Set<unknown>();
        return [kind, items.filter((item) => isUsable(item, schema, kind, seen, flaws))];
      } catch (error) {
        if (kind === "tools") throw error;
        const isMissing = error instanceof McpError && error.code === ErrorCode.MethodNotFound;
        if (!isMissing) flaws.push({ capability: kind, error: error instanceof Error ? error.message : String(error) });
        return [kind, isMissing ? [] : before[kind]];
      }
    })
  );
  const lists = Object.fromEntries(listed) as unknown as Pick<Catalogue, CatalogueKind>;
  return {
    catalogue: {
      ...lists,
      capabilities,
      instructions: client.getInstructions() ?? (isResumed ? before.instructions : null)
    },
    flaws
  };
}

async function list(
  client: SessionClient,
  method: string,
  field: string,
  options: { timeout: number; signal: AbortSignal }
): Promise<unknown[]> {
  const items: unknown[] = [];
  let cursor: unknown;
  for (let page = 0; page < maxPages && items.length < maxItems; page++) {
    const params = cursor === undefined ? {} : { cursor };
    // The items are looked at one by one, so that a bad one does not take the others with it.
    const result: Record<string, unknown> = await client.request({ method, params }, ResultSchema, options);
    if (!Array.isArray(result[field])) throw new Error(`The server's answer to ${method} has no list of ${field}`);
    items.push(...(result[field] as unknown[]));
    const next = result.nextCursor;
    if (typeof next !== "string" || next === "" || next === cursor) break;
    cursor = next;
  }
  return items.slice(0, maxItems);
}

function isUsable(
  item: unknown,
  schema: (typeof kinds)[number]["schema"],
  kind: CatalogueKind,
  seen: Set<unknown>,
  flaws: Flaw[]
): boolean {
  const name = (item as { name?: unknown } | null)?.name;
  const { error } = schema.safeParse(item);
  const isDouble = kind === "tools" && seen.has(name);
  seen.add(name);
  if (!error && !isDouble) return true;
  const reason = isDouble ? "there is another one of this name" : error?.issues[0]?.message;
  flaws.push({ capability: kind, error: `"${String(name)}" is left out: ${reason}` });
  return false;
}
