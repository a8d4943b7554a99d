/** The codes of JSON-RPC errors that HTTP requests are refused with. */
export const rpcCodes = {
  /** The body is not JSON. */
  parseError: -32700,
  /** It is JSON, and no message of JSON-RPC, or none that may be sent now. */
  invalidRequest: -32600,
  /** The server failed. */
  internalError: -32603,
  /** What HTTP or MCP forbids. */
  refused: -32000,
  /** There is no such session. The client has to begin a new one. */
  sessionUnknown: -32001
} as const;

export interface RefusalOptions {
  /** The code of the JSON-RPC error. `-32000` unless told. */
  code?: number;
  /** The id of the request, where one is known. */
  id?: string | number;
  headers?: Record<string, string>;
}

/** A request that the rules of HTTP, JSON-RPC or MCP forbid, and the answer it gets. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: number;
  readonly #id: string | number | null;
  readonly #headers: Record<string, string>;

  constructor(status: number, message: string, options: RefusalOptions = {}) {
    super(message);
    this.status = status;
    this.code = options.code ?? rpcCodes.refused;
    this.#id = options.id ?? null;
    this.#headers = options.headers ?? {};
  }

  /** The refusal as it is sent: the status, with a JSON-RPC error in the body. */
  toResponse(): Response {
    const error = { code: this.code, message: this.message };
    return Response.json({ jsonrpc: "2.0", error, id: this.#id }, { status: this.status, headers: this.#headers });
  }
}

/** There is no such session, or there is none any more. */
export const sessionUnknown = (): Refusal => new Refusal(404, "Session not found", { code: rpcCodes.sessionUnknown });

/** @param allowed the methods that the address knows */
export const methodNotAllowed = (...allowed: string[]): Refusal =>
  new Refusal(405, "Method not allowed", { headers: { Allow: allowed.join(", ") } });
