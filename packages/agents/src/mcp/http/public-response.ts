import {
  CallToolResultSchema,
  isJSONRPCErrorResponse,
  isJSONRPCResultResponse,
  type JSONRPCErrorResponse,
  type JSONRPCMessage,
  type JSONRPCResponse
} from "@modelcontextprotocol/sdk/types.js";
import { publicMessage } from "../../core/public-message";
import { rpcCodes } from "./refusal";

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

/** The response that a message of the server is, if it is one. A handler may have returned what is none: its client must not wait for ever. */
export function responseIn(message: JSONRPCMessage): JSONRPCResponse | undefined {
  if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) return message;
  if ("method" in message) return undefined;
  return malformed(message, new TypeError("A handler has returned no result"));
}

/** In place of a response that cannot be sent: with a `bigint`, for instance, or with a circle. */
export function malformed({ id }: JSONRPCResponse, error: unknown): JSONRPCErrorResponse {
  console.error("The answer of an MCP server cannot be sent:", error);
  return { jsonrpc: "2.0", id, error: { code: rpcCodes.internalError, message: "The server's answer cannot be sent" } };
}

/** A response as JSON. */
export function responseText(response: JSONRPCResponse): string {
  try {
    return JSON.stringify(response);
  } catch (error) {
    return JSON.stringify(malformed(response, error));
  }
}
