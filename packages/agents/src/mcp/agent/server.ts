import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { safeParse, type AnySchema } from "@modelcontextprotocol/sdk/server/zod-compat.js";
import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  ErrorCode,
  isJSONRPCErrorResponse,
  McpError,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type JSONRPCResponse,
  type Request
} from "@modelcontextprotocol/sdk/types.js";
import { setFormValidator } from "../http/set-form-validator";
import type { Session } from "./sessions";

/** A server of the SDK, or how to get one. */
export type ServerSource =
  | McpServer
  | Server
  | Promise<McpServer | Server>
  | (() => McpServer | Server | Promise<McpServer | Server>);

/** What the sessions do for a server that has many clients, and lives shorter than they do. */
export interface ServerPort {
  /** For whom the running code works. */
  session(): Session | undefined;
  /** Asks the client, and waits for as long as it takes. */
  ask(request: Request, options: RequestOptions): Promise<JSONRPCResponse>;
}

/** The low-level server: the one below has tools, prompts and resources. */
const protocolOf = (server: McpServer | Server): Server => ("server" in server ? server.server : server);

export async function resolveServer(source: ServerSource): Promise<Server> {
  return protocolOf(await (typeof source === "function" ? source() : source));
}

// The SDK has no list of what is registered. Where these are not there, nothing can be undone.
const registries = ["_registeredTools", "_registeredResources", "_registeredResourceTemplates", "_registeredPrompts"];

/**
 * Remembers what a server offers.
 *
 * @returns takes away what was registered since: who tries again would find the names taken. What a function makes is new each time, and
 * stays as it is.
 */
export function remember(source: ServerSource | undefined): () => void {
  // Some make it in `init`.
  if (!source || typeof source === "function") return () => {};
  let undo = () => {};
  const look = (server: McpServer | Server) => (undo = undoOf(server));
  // Nobody waits for a promise here: this is called before anyone else asks for it.
  if (source instanceof Promise) source.then(look, () => {});
  else look(source);
  return () => undo();
}

function undoOf(server: McpServer | Server): () => void {
  const found = registries.flatMap((name) => {
    const registry = (server as unknown as Record<string, Record<string, unknown> | undefined>)[name];
    return registry ? [{ registry, before: { ...registry } }] : [];
  });
  return () => {
    for (const { registry, before } of found) {
      for (const key of Object.keys(registry)) if (!Object.hasOwn(before, key)) delete registry[key];
      Object.assign(registry, before);
    }
  };
}

/**
 * Makes a server of the SDK one of many clients: what a client can do is that of the client at hand, and a question may be answered in
 * another life of the object. To be called before it is connected.
 */
export function adapt(protocol: Server, port: ServerPort): void {
  // The SDK keeps them in fields, for its one client; it reads them wherever it asks whether a client can do something.
  Object.defineProperties(protocol, {
    _clientCapabilities: { configurable: true, get: () => port.session()?.initialize?.capabilities, set: () => {} },
    _clientVersion: { configurable: true, get: () => port.session()?.initialize?.clientInfo, set: () => {} }
  });
  setFormValidator(protocol);
  const requestOfSdk = protocol.request.bind(protocol);
  protocol.request = async <Schema extends AnySchema>(
    request: Request,
    schema: Schema,
    options: RequestOptions = {}
  ) => {
    // Tasks have a protocol of their own.
    if (options.task ?? options.relatedTask) return requestOfSdk(request as never, schema, options);
    const response = await port.ask(request, options);
    if (isJSONRPCErrorResponse(response)) {
      const { code, message, data } = response.error;
      throw McpError.fromError(code, message, data);
    }
    const parsed = safeParse(schema, response.result);
    if (!parsed.success)
      throw new McpError(ErrorCode.InvalidParams, `The client's answer is malformed: ${String(parsed.error)}`);
    // What the schema has let through.
    return parsed.data as never;
  };
  offer(protocol, SubscribeRequestSchema);
  offer(protocol, UnsubscribeRequestSchema);
}

/** Who subscribes to what is noted where requests arrive; a server without a handler of its own needs no other. */
function offer(protocol: Server, schema: typeof SubscribeRequestSchema | typeof UnsubscribeRequestSchema): void {
  try {
    protocol.assertCanSetRequestHandler(schema.shape.method.value);
  } catch {
    return;
  }
  protocol.setRequestHandler(schema, () => ({}));
}
