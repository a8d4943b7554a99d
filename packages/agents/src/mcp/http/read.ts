import {
  isInitializeRequest,
  isJSONRPCRequest,
  JSONRPCMessageSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
  type InitializeRequest,
  type JSONRPCMessage,
  type JSONRPCRequest
} from "@modelcontextprotocol/sdk/types.js";
import { Refusal, rpcCodes } from "./refusal";

/** The largest body that is read, in bytes. */
export const maxBodyBytes = 4 * 1024 * 1024;
const maxBatch = 100;

/** What a client speaks that sends no `MCP-Protocol-Version`: the header is younger than this version. */
export const versionWithoutHeader = "2025-03-26";
/** The only versions with batches; later ones have forbidden them again. Versions are dates. */
const lastVersionWithBatches = "2025-03-26";

export interface ReadOptions {
  /** The body, if somebody has read and parsed it. Its size is not looked at then. */
  parsedBody?: unknown;
  /** The version that the session has agreed on; else the header says it. */
  version?: string | undefined;
}

/** What a POST brought. */
export interface Received {
  readonly messages: readonly JSONRPCMessage[];
  /** Those of them that want an answer. Each id is there once. */
  readonly requests: readonly JSONRPCRequest[];
  /** The request that begins a session. It is the only message then. */
  readonly initialize: (InitializeRequest & JSONRPCRequest) | undefined;
  /** They came as an array, and the answer is one, too. */
  readonly isBatch: boolean;
}

/**
 * Reads a POST and holds it to the rules.
 *
 * @throws Refusal 406, 415, 413, or 400: not JSON (-32700), no messages of JSON-RPC (-32600), a version that is not known
 */
export async function readMessages(request: Request, options: ReadOptions = {}): Promise<Received> {
  requireAccepted(request, "application/json", "text/event-stream");
  if (mediaType(request.headers.get("Content-Type")) !== "application/json") {
    throw new Refusal(415, "Unsupported Media Type: Content-Type must be application/json");
  }
  const body = options.parsedBody === undefined ? parse(await readBody(request)) : options.parsedBody;
  const isBatch = Array.isArray(body);
  const messages = (isBatch ? body : [body]).map(toMessage);
  const initialize = findInitialize(messages);
  // A client may begin with a version that is not known: the answer says which ones are.
  const header = initialize ? undefined : protocolVersion(request);
  if (isBatch) checkBatch(messages, options.version ?? header ?? versionWithoutHeader);
  if (initialize && isBatch) throw invalid("Only one initialization request is allowed, alone");
  return { messages, requests: messages.filter(isJSONRPCRequest), initialize, isBatch };
}

/** @throws Refusal 406 unless a GET asks for events, 400 for a version that is not known */
export function checkStreamRequest(request: Request): void {
  requireAccepted(request, "text/event-stream");
  protocolVersion(request);
}

/**
 * The version of MCP that a request says it speaks, if it says so.
 *
 * @throws Refusal 400 when it is not known
 */
function protocolVersion(request: Request): string | undefined {
  const version = request.headers.get("MCP-Protocol-Version");
  if (version === null || SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return version ?? undefined;
  const known = SUPPORTED_PROTOCOL_VERSIONS.join(", ");
  throw new Refusal(400, `Unsupported protocol version: ${version} (supported versions: ${known})`);
}

function requireAccepted(request: Request, ...types: string[]): void {
  const ranges = (request.headers.get("Accept") ?? "").split(",").map(mediaType);
  const accepts = (type: string) =>
    ranges.some((range) => range === type || range === "*/*" || range === `${type.split("/")[0]}/*`);
  if (types.every(accepts)) return;
  throw new Refusal(406, `Not Acceptable: Client must accept ${types.join(" and ")}`);
}

/** Without parameters: `text/plain; a=application/json` is text. */
const mediaType = (header: string | null) => header?.split(";", 1)[0]?.trim().toLowerCase();

async function readBody(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = Number(request.headers.get("Content-Length"));
  if (bytes <= maxBodyBytes && request.body) {
    bytes = 0;
    for await (const chunk of request.body as ReadableStream<Uint8Array>) {
      bytes += chunk.byteLength;
      // Leaving the loop cancels the rest.
      if (bytes > maxBodyBytes) break;
      chunks.push(chunk);
    }
  }
  if (bytes > maxBodyBytes) throw new Refusal(413, `Payload Too Large: at most ${maxBodyBytes} bytes`);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body));
  } catch {
    throw new Refusal(400, "Parse error: Invalid JSON", { code: rpcCodes.parseError });
  }
}

function toMessage(value: unknown): JSONRPCMessage {
  const parsed = JSONRPCMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { id } = (value ?? {}) as { id?: unknown };
  throw invalid("Not a JSON-RPC message", typeof id === "string" || Number.isInteger(id) ? (id as string) : undefined);
}

/** One that is malformed must not pass for an ordinary request: it would be told that there is no session. */
function findInitialize(messages: readonly JSONRPCMessage[]): (InitializeRequest & JSONRPCRequest) | undefined {
  const message = messages.filter(isJSONRPCRequest).find(({ method }) => method === "initialize");
  if (message && !isInitializeRequest(message)) throw invalid("Malformed initialization", message.id);
  return message;
}

function checkBatch(messages: readonly JSONRPCMessage[], version: string): void {
  if (version > lastVersionWithBatches) throw invalid(`MCP ${version} has no batches`);
  if (messages.length === 0) throw invalid("The batch is empty");
  if (messages.length > maxBatch) throw invalid(`A batch has at most ${maxBatch} messages`);
  const ids = messages.filter(isJSONRPCRequest).map(({ id }) => id);
  if (new Set(ids).size < ids.length) throw invalid("Two requests of the batch have the same id");
}

function invalid(message: string, id?: string | number): Refusal {
  return new Refusal(400, `Invalid Request: ${message}`, {
    code: rpcCodes.invalidRequest,
    ...(id !== undefined && { id })
  });
}
