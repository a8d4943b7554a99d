import { AgentError } from "../protocol/errors";
import type { RpcCancelFrame, RpcCreditFrame, RpcResponseFrame } from "../protocol/frames";
import { extended } from "./client-frames";

/** What a streaming call tells while it runs. */
export interface StreamOptions<Chunk = unknown, Final = unknown> {
  /** A value arrived. */
  onChunk?(chunk: Chunk): void;
  /** The stream ended, with its final value if there is one. */
  onDone?(final: Final): void;
  /** The stream failed. The call's promise rejects as well. */
  onError?(message: string): void;
}

/** When to give up a call. */
export interface CallLimits {
  /** How long the whole call may take, in milliseconds. @default no limit */
  timeout?: number;
  /** Cancels the call when it is aborted: the method's own signal is, if the agent is one of ours. */
  signal?: AbortSignal;
  /**
   * The method may run twice: when the connection is lost before the answer, the call is sent again instead of being rejected.
   * Not if the agent has begun to stream.
   */
  idempotent?: boolean;
}

/** Options of a call. */
export interface CallOptions<Chunk = unknown, Final = unknown> extends CallLimits {
  /** For methods that stream. */
  stream?: StreamOptions<Chunk, Final>;
}

/** `{ onChunk, onDone, onError }` directly is the older form. */
export type AnyCallOptions<Chunk = unknown, Final = unknown> =
  | CallOptions<Chunk, Final>
  | (StreamOptions<Chunk, Final> & CallLimits & { stream?: undefined });

/** How many values of a stream an agent may send that were not read. */
const creditWindow = 32;
/** Credit is given for so many values at once. */
const creditStep = creditWindow / 2;

export interface CallsDeps {
  /** Has `take` called when the call's turn to be sent comes: after all others, or before them if it was sent already. */
  queue(id: string, text: string, isAgain: boolean): void;
  /** Takes a frame out of those that wait. @returns whether it was there */
  withdraw(id: string): boolean;
  /** Tells an agent that takes part in the extensions. */
  tell(frame: RpcCancelFrame | RpcCreditFrame): void;
}

type Pending = {
  text: string;
  method: string;
  stream: StreamOptions;
  isIdempotent: boolean;
  /** Somebody says of each value that it was read; else receiving it is reading it. */
  hasReader: boolean;
  isSent: boolean;
  hasChunks: boolean;
  /** Values that were read since credit was given; `undefined` if the agent does not wait for credit. */
  read: number | undefined;
  resolve(result: unknown): void;
  reject(error: AgentError): void;
  /** Stops what waits for the call to last too long. */
  release(): void;
};

/** The calls that wait for an answer, by id. */
export class Calls {
  readonly #deps: CallsDeps;
  readonly #pending = new Map<string, Pending>();

  constructor(deps: CallsDeps) {
    this.#deps = deps;
  }

  /** Waits for the answer to a call. */
  add(id: string, method: string, text: string, options: AnyCallOptions, hasReader: boolean): Promise<unknown> {
    const { timeout, signal, idempotent = false } = options;
    return new Promise((resolve, reject) => {
      const expire = () =>
        this.#abandon(id, new AgentError("CALL_TIMEOUT", `RPC call to ${method} timed out after ${timeout}ms`));
      // A timer that is asked to wait longer fires at once.
      const timer = timeout === undefined || timeout > 0x7fff_ffff ? undefined : setTimeout(expire, timeout);
      const abort = () => this.cancel(id, signal?.reason);
      signal?.addEventListener("abort", abort);
      this.#pending.set(id, {
        text,
        method,
        stream: options.stream ?? (options as StreamOptions),
        isIdempotent: idempotent,
        hasReader,
        isSent: false,
        hasChunks: false,
        read: undefined,
        resolve,
        reject,
        release() {
          clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
        }
      });
      if (signal?.aborted) abort();
      else this.#deps.queue(id, text, false);
    });
  }

  /** The frame of a call whose turn to be sent has come. `undefined` if nobody waits for it any more. */
  take(id: string, isExtended: boolean): string | undefined {
    const call = this.#pending.get(id);
    if (!call) return undefined;
    call.isSent = true;
    const streams = call.hasReader || call.stream.onChunk;
    call.read = isExtended && streams ? 0 : undefined;
    return call.read === undefined ? call.text : extended(call.text, { credit: creditWindow });
  }

  /** An answer arrived. One that nobody waits for (any more) is dropped. */
  settle(frame: RpcResponseFrame): void {
    const { id } = frame;
    const call = this.#pending.get(id);
    if (!call) return;
    if (!frame.success) return this.#fail(id, new AgentError(frame.code ?? "CALL_FAILED", frame.error));
    if (frame.done === false) {
      call.hasChunks = true;
      if (!call.hasReader) this.read(id);
      return call.stream.onChunk?.(frame.result);
    }
    this.#forget(id, call);
    call.resolve(frame.result);
    call.stream.onDone?.(frame.result);
  }

  /** A value of a stream was read: there is room for another. */
  read(id: string): void {
    const call = this.#pending.get(id);
    if (call?.read === undefined || ++call.read < creditStep) return;
    call.read = 0;
    this.#deps.tell({ type: "cf_agent_rpc_credit", id, credit: creditStep });
  }

  /** The call cannot be sent. */
  refuse(id: string, error: AgentError): void {
    this.#fail(id, error);
  }

  /** The answer is not wanted any more. */
  cancel(id: string, cause?: unknown): void {
    const call = this.#pending.get(id);
    if (!call) return;
    this.#abandon(id, new AgentError("CALL_CANCELLED", `RPC call to ${call.method} was cancelled`, { cause }));
  }

  /**
   * Rejects the calls whose answers cannot come any more, or has them sent again.
   *
   * @param isOver there will be no other connection
   * @param canRepeat the connection did not break because of what was sent
   */
  connectionClosed(isOver: boolean, canRepeat: boolean): void {
    const lost = [...this.#pending].filter(([, call]) => isOver || call.isSent);
    // The last first: each of those to be sent again goes before all others.
    for (const [id, call] of lost.toReversed()) {
      if (isOver || !canRepeat || !call.isIdempotent || call.hasChunks) continue;
      call.isSent = false;
      this.#deps.queue(id, call.text, true);
    }
    for (const [id, call] of lost) {
      if (!isOver && !call.isSent) continue;
      this.#deps.withdraw(id);
      this.#fail(id, new AgentError("CONNECTION_CLOSED", "Connection closed"));
    }
  }

  #abandon(id: string, error: AgentError): void {
    if (!this.#deps.withdraw(id) && this.#pending.get(id)?.isSent) this.#deps.tell({ type: "cf_agent_rpc_cancel", id });
    this.#fail(id, error);
  }

  #fail(id: string, error: AgentError): void {
    const call = this.#pending.get(id);
    if (!call) return;
    this.#forget(id, call);
    call.reject(error);
    try {
      call.stream.onError?.(error.message);
    } catch (thrown) {
      // The other calls are still to be told.
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }

  #forget(id: string, call: Pending): void {
    call.release();
    this.#pending.delete(id);
  }
}
