/** The headers by which pages of other origins may use the server. What is left out has a default that suits MCP clients. */
export interface CORSOptions {
  /** `Access-Control-Allow-Origin`: one origin. `"*"` unless told. */
  origin?: string;
  /** `Access-Control-Allow-Methods`. */
  methods?: string;
  /** `Access-Control-Allow-Headers`. */
  headers?: string;
  /** `Access-Control-Max-Age`, in seconds. A day unless told. */
  maxAge?: number;
  /** `Access-Control-Expose-Headers`. */
  exposeHeaders?: string;
}

const sent = "Content-Type, Accept, Authorization, mcp-session-id, mcp-protocol-version, last-event-id";

/** The answer to a preflight: what a page may send. */
export function preflight(options?: CORSOptions): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...originHeaders(options),
      "Access-Control-Allow-Methods": options?.methods ?? "GET, POST, DELETE, OPTIONS",
      "Access-Control-Allow-Headers": options?.headers ?? sent,
      "Access-Control-Max-Age": String(options?.maxAge ?? 86_400)
    }
  });
}

/** The same answer, so that pages may read it. */
export function withCors(response: Response, options?: CORSOptions): Response {
  const headers = new Headers(response.headers);
  headers.set("Access-Control-Expose-Headers", options?.exposeHeaders ?? "mcp-session-id, WWW-Authenticate");
  for (const [name, value] of Object.entries(originHeaders(options))) {
    if (name === "Vary") headers.append(name, value);
    else headers.set(name, value);
  }
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}

function originHeaders(options: CORSOptions | undefined): Record<string, string> {
  const origin = options?.origin ?? "*";
  return origin === "*"
    ? { "Access-Control-Allow-Origin": origin }
    : { "Access-Control-Allow-Origin": origin, Vary: "Origin" };
}
