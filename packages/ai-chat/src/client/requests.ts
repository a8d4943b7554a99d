import type { UIMessage, UIMessageChunk } from "ai";
import type { ChatSocket } from "./chat-socket";
import type { ChatRequestBody, ChatRequestFrame } from "../protocol/frames";

/** What goes with a request beside the messages. */
export interface RequestExtras {
  body?: Record<string, unknown>;
  headers?: Record<string, string>;
}

/** A request as it is sent. */
export function requestFrame(
  id: string,
  request: Omit<ChatRequestBody, "id">,
  { body, headers }: Required<RequestExtras>
): ChatRequestFrame {
  const init: ChatRequestFrame["init"] = { method: "POST", body: JSON.stringify({ ...body, ...request }) };
  if (Object.keys(headers).length > 0) init.headers = headers;
  return { type: "cf_agent_use_chat_request", id, init };
}

// `crypto.randomUUID` is missing on pages that are served plainly from another machine.
export const randomId = (): string =>
  crypto.randomUUID?.() ??
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export function plainHeaders(headers: Record<string, string> | Headers | undefined): Record<string, string> {
  return headers instanceof Headers ? Object.fromEntries(headers) : (headers ?? {});
}

/** Reads the chunk in a response frame; `undefined` if there is none. */
export function parseChunk(text: string): UIMessageChunk | undefined {
  try {
    // A server that speaks this protocol sends chunks of the AI SDK.
    return JSON.parse(text) as UIMessageChunk;
  } catch {
    return undefined;
  }
}

/** Loads what an agent has stored. */
export async function fetchMessages(socket: ChatSocket): Promise<UIMessage[]> {
  const response = await socket.fetch("get-messages");
  if (!response.ok) throw new Error(`The messages could not be loaded (status ${response.status})`);
  // It is an agent of a conversation.
  return (await response.json()) as UIMessage[];
}
