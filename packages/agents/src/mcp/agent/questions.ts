import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  ErrorCode,
  McpError,
  type JSONRPCMessage,
  type JSONRPCResponse,
  type ProgressNotification,
  type Request,
  type RequestId
} from "@modelcontextprotocol/sdk/types.js";
import type { Calls } from "./calls";
import { maxText } from "./schema";
import type { Call } from "./scope";

export interface QuestionsDeps {
  readonly calls: Calls;
  /** Several writes, together or not at all. */
  transaction<Result>(run: () => Result): Result;
  /** Takes a message to a client down. @returns hands it over */
  write(session: string, call: Call | undefined, message: JSONRPCMessage): () => void;
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
}

interface Waiting {
  readonly session: string;
  readonly call: Call | undefined;
  readonly onprogress: RequestOptions["onprogress"];
  settle(answer: JSONRPCResponse | Error): void;
}

// Nobody thinks about a ping.
const pingTimeoutMs = 60_000;
// A call can ask for a page that a person fills in; the text of the question is its key.
const maxKeyLength = 50_000;

/**
 * What the server asks clients: elicitation, sampling, roots. A question that belongs to a call is a row until the call is over, and so
 * is its answer: when the call is begun again, it gets the answers that there are, and does not ask twice.
 */
export class Questions {
  readonly #deps: QuestionsDeps;
  readonly #waiting = new Map<RequestId, Waiting>();
  #unstored = 0;

  constructor(deps: QuestionsDeps) {
    this.#deps = deps;
  }

  /** @param call the call to which it belongs, if there is one */
  async ask(
    session: string,
    call: Call | undefined,
    request: Request,
    options: RequestOptions
  ): Promise<JSONRPCResponse> {
    options.signal?.throwIfAborted();
    call?.cancelled.signal.throwIfAborted();
    const row = call?.row;
    const key = row && call.keyOf(shorten(JSON.stringify([request.method, request.params ?? null])));
    const earlier = row && this.#deps.calls.wait(row.id, key!);
    if (earlier?.answer) return JSON.parse(earlier.answer) as JSONRPCResponse;
    let hand: () => void = () => {};
    let id = earlier?.id as RequestId | undefined;
    if (id === undefined) {
      this.#deps.transaction(() => {
        id = row ? this.#deps.calls.addWait(session, row.id, key!) : `unstored-${this.#unstored++}`;
        hand = this.#deps.write(session, call, messageOf(request, id, options.onprogress !== undefined));
      });
    }
    const answer = this.#waitFor(id!, session, call, options, request.method);
    hand();
    return answer;
  }

  async #waitFor(
    id: RequestId,
    session: string,
    call: Call | undefined,
    { signal, timeout, onprogress }: RequestOptions,
    method: string
  ): Promise<JSONRPCResponse> {
    const over = new AbortController();
    const timeoutMs = timeout ?? (method === "ping" ? pingTimeoutMs : undefined);
    call?.waitBegins();
    try {
      return await new Promise<JSONRPCResponse>((resolve, reject) => {
        const settle = (answer: JSONRPCResponse | Error) =>
          answer instanceof Error ? reject(answer) : resolve(answer);
        const withdraw = (error: Error) => {
          this.#withdraw(id, session, call, error.message);
          reject(error);
        };
        this.#waiting.set(id, { session, call, onprogress, settle });
        for (const stop of [signal, call?.cancelled.signal]) {
          stop?.addEventListener(
            "abort",
            () => withdraw(new McpError(ErrorCode.ConnectionClosed, "The request was cancelled")),
            { signal: over.signal }
          );
        }
        if (timeoutMs !== undefined) {
          void this.#deps.wait(timeoutMs, over.signal).then(() => {
            if (over.signal.aborted) return;
            withdraw(new McpError(ErrorCode.RequestTimeout, `The client has not answered after ${timeoutMs / 1000} s`));
          });
        }
      });
    } finally {
      this.#waiting.delete(id);
      over.abort();
      call?.waitEnds();
    }
  }

  #withdraw(id: RequestId, session: string, call: Call | undefined, reason: string): void {
    if (typeof id === "number") this.#deps.calls.removeWait(id);
    const params = { requestId: id, reason };
    this.#deps.write(session, call, { jsonrpc: "2.0", method: "notifications/cancelled", params })();
  }

  /**
   * A client answers.
   *
   * @returns the call that waits for it and is not running: it is to be begun again
   */
  answered(session: string, response: JSONRPCResponse): number | undefined {
    const { id } = response;
    if (id === undefined || id === null) return undefined;
    const waiting = this.#waiting.get(id);
    // Ids of questions are easily guessed: only who was asked may answer.
    if (waiting && waiting.session !== session) return undefined;
    const call = typeof id === "number" ? this.#deps.calls.answer(session, id, textOf(response)) : undefined;
    if (!waiting) return call;
    waiting.settle(response);
    return undefined;
  }

  progressed(session: string, { params }: ProgressNotification): void {
    const waiting = this.#waiting.get(params.progressToken);
    if (waiting?.session === session) waiting.onprogress?.(params);
  }

  /** The session is over: nobody will answer. */
  forget(session: string): void {
    const gone = new McpError(ErrorCode.ConnectionClosed, "The session has ended");
    for (const waiting of this.#waiting.values()) if (waiting.session === session) waiting.settle(gone);
  }
}

function messageOf({ method, params }: Request, id: RequestId, wantsProgress: boolean): JSONRPCMessage {
  const _meta = { ...params?._meta, ...(wantsProgress && { progressToken: id }) };
  const all = { ...params, ...(Object.keys(_meta).length > 0 && { _meta }) };
  return { jsonrpc: "2.0", id, method, ...(params || wantsProgress ? { params: all } : {}) };
}

function textOf(response: JSONRPCResponse): string {
  const text = JSON.stringify(response);
  if (text.length <= maxText) return text;
  const error = { code: ErrorCode.InternalError, message: "The answer was too long to be kept" };
  return JSON.stringify({ jsonrpc: "2.0", id: response.id, error });
}

const shorten = (text: string) =>
  text.length <= maxKeyLength ? text : `${text.slice(0, maxKeyLength)}… ${text.length}`;
