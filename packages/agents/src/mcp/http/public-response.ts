import { CallToolResultSchema, isJSONRPCErrorResponse, type JSONRPCResponse } from "@modelcontextprotocol/sdk/types.js";
import { publicMessage } from "../../core/public-message";

/** An answer without what the database says of a query that failed: the client gets a reference, and the log has the rest. */
export function publicResponse(response: JSONRPCResponse): JSONRPCResponse {
  if (isJSONRPCErrorResponse(response)) {
    const message = publicMessage(new Error(response.error.message));
    return message === response.error.message ? response : { ...response, error: { ...response.error, message } };
  }
  // The SDK makes a result of what a tool throws.
  if (response.result.isError !== true) return response;
  const failed = CallToolResultSchema.safeParse(response.result);
  if (!failed.success) return response;
  const content = failed.data.content.map((part) =>
    part.type === "text" ? { ...part, text: publicMessage(new Error(part.text)) } : part
  );
  return { ...response, result: { ...response.result, content } };
}
