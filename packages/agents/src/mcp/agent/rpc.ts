import type { Transport, TransportSendOptions } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  ErrorCode,
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId
} from "@modelcontextprotocol/sdk/types.js";
import { wait } from "../../core/wait";
import type { Hub } from "./hub";
import type { Deliver, Messages } from "./rpc-client";
import type { Caller } from "./wire";

/** How a server that is reached by RPC behaves. */
export interface RPCServerTransportOptions {
  /** How long a request may take, in milliseconds. Default 60,000. */
  timeout?: number;
}

const defaultTimeoutMs = 60_000;

/**
 * The server's end of a connection by Durable Object RPC, for a server of the SDK inside any object or entrypoint. An `McpAgent` has all of
 * this already.
 *
 * @example
 * export class Tools extends DurableObject {
 *   #transport = new RPCServerTransport({ timeout: 120_000 });
 *   constructor(ctx: DurableObjectState, env: Env) {
 *     super(ctx, env);
 *     void createServer().connect(this.#transport);
 *   }
 *   handleMcpMessage(message: JSONRPCMessage, deliver?: (message: JSONRPCMessage) => void) {
 *     return this.#transport.handle(message, deliver);
 *   }
 * }
 */
export class RPCServerTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  sessionId?: string;
  readonly #timeoutMs: number;
  readonly #answers = new Map<RequestId, (message: JSONRPCMessage) => void>();
  readonly #delivers = new Map<RequestId, Deliver>();
  #isOpen = false;

  constructor(options: RPCServerTransportOptions = {}) {
    this.#timeoutMs = options.timeout ?? defaultTimeoutMs;
  }

  async start(): Promise<void> {
    this.#isOpen = true;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.onclose?.();
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) {
      if (message.id !== undefined) this.#answers.get(message.id)?.(message);
      return;
    }
    const { relatedRequestId } = options ?? {};
    const deliver =
      relatedRequestId === undefined ? [...this.#delivers.values()].at(-1) : this.#delivers.get(relatedRequestId);
    await deliver?.(message);
  }

  /**
   * A message of the client, or several.
   *
   * @param deliver takes what belongs to them while they are being answered
   * @returns what answers them: nothing for what wants no answer
   */
  async handle(message: Messages, deliver?: Deliver): Promise<Messages | undefined> {
    const answers = await Promise.all([message].flat().map((one) => this.#handleOne(one, deliver)));
    return combine(message, answers);
  }

  async #handleOne(message: JSONRPCMessage, deliver: Deliver | undefined): Promise<JSONRPCMessage | undefined> {
    if (!isJSONRPCRequest(message)) {
      this.onmessage?.(message);
      return undefined;
    }
    const { id } = message;
    if (deliver) this.#delivers.set(id, deliver);
    const over = new AbortController();
    const answered = new Promise<JSONRPCMessage>((resolve) => this.#answers.set(id, resolve));
    this.onmessage?.(message);
    try {
      return await Promise.race([answered, this.#tooLate(message, over.signal)]);
    } finally {
      over.abort();
      this.#answers.delete(id);
      this.#delivers.delete(id);
    }
  }

  async #tooLate({ id }: JSONRPCRequest, signal: AbortSignal): Promise<JSONRPCMessage> {
    await wait(this.#timeoutMs, signal);
    if (!signal.aborted) {
      const params = { requestId: id, reason: "It has taken too long" };
      this.onmessage?.({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    }
    const message = `The server has not answered after ${this.#timeoutMs / 1000} s`;
    return { jsonrpc: "2.0", id, error: { code: ErrorCode.RequestTimeout, message } };
  }
}

/** One answer for one message, a list for a list, nothing where nothing is to be said. */
function combine(message: Messages, answers: readonly (JSONRPCMessage | undefined)[]): Messages | undefined {
  const present = answers.filter((answer) => answer !== undefined);
  if (present.length === 0) return undefined;
  return Array.isArray(message) ? present : present[0];
}

const sessionUnknown = { code: -32001, message: "Session not found: begin with an initialize request" };

/** What an `McpAgent` says to a caller by RPC. */
export async function handleRpc(
  hub: Hub,
  caller: Caller,
  message: Messages,
  deliver: Deliver | undefined,
  { timeout = defaultTimeoutMs }: RPCServerTransportOptions
): Promise<Messages | undefined> {
  let handed: Promise<unknown> = Promise.resolve();
  // In their order, and before the answer. A caller that is gone does not want to hear any more.
  const hand = (told: JSONRPCMessage) => void (handed = handed.then(() => deliver?.(told)).catch(() => {}));
  const one = async (incoming: JSONRPCMessage): Promise<JSONRPCMessage | undefined> => {
    if (isJSONRPCRequest(incoming) && incoming.method === "initialize") {
      const outcome = await hub.command({ ...caller, type: "begin", kind: "rpc", initialize: incoming });
      return outcome.type === "answered" ? outcome.message : undefined;
    }
    const session = hub.sessionOf(caller);
    if (!session)
      return isJSONRPCRequest(incoming) ? { jsonrpc: "2.0", id: incoming.id, error: sessionUnknown } : undefined;
    await hub.server();
    if (deliver) for (const unsent of hub.takeUnsent(session.id)) hand(unsent);
    if (isJSONRPCRequest(incoming)) return hub.answer(session.id, incoming, hand, timeout);
    hub.hear(session, incoming);
    return undefined;
  };
  const answers = await Promise.all([message].flat().map(one));
  await handed;
  return combine(message, answers);
}
