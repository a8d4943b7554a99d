import type { JSONRPCRequest, JSONRPCResponse } from "@modelcontextprotocol/sdk/types.js";
import type { CallRow } from "./calls";

/** How often a call is begun, the first time included. */
export const maxAttempts = 3;
/** The code of the JSON-RPC error by which a call ends that was cut. */
const interruptedCode = -32010;

const maxPages = 100;

interface ToolList {
  tools?: { name: string; annotations?: { readOnlyHint?: boolean; idempotentHint?: boolean } }[];
  nextCursor?: unknown;
}

/**
 * Whether it makes no difference to begin a request twice. Only tools change something, unless they say that they do not.
 *
 * @param ask asks the server, which knows its tools
 */
export async function mayRepeat(
  { request }: CallRow,
  ask: (method: string, params: JSONRPCRequest["params"]) => Promise<JSONRPCResponse>
): Promise<boolean> {
  if (request?.method !== "tools/call") return request !== undefined;
  let cursor: unknown;
  // A server may give pages without an end.
  for (let page = 0; page < maxPages; page++) {
    const answer = await ask("tools/list", cursor === undefined ? {} : { cursor });
    const { tools = [], nextCursor } = ("result" in answer ? answer.result : {}) as ToolList;
    const annotations = tools.find(({ name }) => name === request.params?.name)?.annotations;
    if (annotations) return annotations.readOnlyHint === true || annotations.idempotentHint === true;
    if (nextCursor === undefined) return false;
    cursor = nextCursor;
  }
  return false;
}

/** The answer to a request that was cut. */
export function interrupted({ clientId, request }: CallRow): JSONRPCResponse {
  const message =
    request?.method === "tools/call"
      ? "The server was interrupted while the tool ran. It is not known how much was done, so it was not run again: it is marked neither readOnlyHint nor idempotentHint, or was interrupted too often."
      : "The server was interrupted while it answered this request";
  const error = { code: interruptedCode, message, data: { code: "MCP_CALL_INTERRUPTED" } };
  return { jsonrpc: "2.0", id: clientId, error };
}
