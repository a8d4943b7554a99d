import { AgentError } from "../protocol/errors";
import type { RpcResponseFrame } from "../protocol/frames";

/** What a streaming call tells while it runs. */
export interface StreamOptions<Chunk = unknown, Final = unknown> {
  /** A value arrived. */
  onChunk?(chunk: Chunk): void;
  /** The stream ended, with its final value if there is one. */
  onDone?(final: Final): void;
  /** The stream failed. The call's promise rejects as well. */
  onError?(message: string): void;
}

/** Options of a call. */
export interface CallOptions<Chunk = unknown, Final = unknown> {
  /** How long the whole call may take, in milliseconds. @default no limit */
  timeout?: number;
  /** For methods that stream. */
  stream?: StreamOptions<Chunk, Final>;
}

/** `{ onChunk, onDone, onError }` directly is the older form. */
export type AnyCallOptions<Chunk = unknown, Final = unknown> =
  | CallOptions<Chunk, Final>
  | (StreamOptions<Chunk, Final> & { timeout?: number; stream?: undefined });

type Pending = {
  resolve(result: unknown): void;
  reject(error: AgentError): void;
  stream: StreamOptions;
  timer: ReturnType<typeof setTimeout> | undefined;
};

/** The calls that wait for an answer, by id. */
export class Calls {
  readonly #pending = new Map<string, Pending>();

  /**
   * Waits for the answer to a call.
   *
   * @param expired called when its time is up
   */
  add(id: string, method: string, options: AnyCallOptions, expired: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { timeout } = options;
      const expire = () => {
        expired();
        this.#fail(id, new AgentError("CALL_TIMEOUT", `RPC call to ${method} timed out after ${timeout}ms`));
      };
      // A timer that is asked to wait longer fires at once.
      const timer = timeout === undefined || timeout > 0x7fff_ffff ? undefined : setTimeout(expire, timeout);
      this.#pending.set(id, { resolve, reject, stream: options.stream ?? (options as StreamOptions), timer });
    });
  }

  /** An answer arrived. One that nobody waits for (any more) is dropped. */
  settle(frame: RpcResponseFrame): void {
    const call = this.#pending.get(frame.id);
    if (!call) return;
    if (!frame.success) return this.#fail(frame.id, new AgentError("CALL_FAILED", frame.error));
    if (frame.done === false) return call.stream.onChunk?.(frame.result);
    this.#forget(frame.id, call);
    call.resolve(frame.result);
    call.stream.onDone?.(frame.result);
  }

  /** Rejects the calls whose answers cannot come any more. */
  connectionClosed(isLost: (id: string) => boolean): void {
    const lost = [...this.#pending.keys()].filter(isLost);
    for (const id of lost) this.#fail(id, new AgentError("CONNECTION_CLOSED", "Connection closed"));
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
    if (call.timer !== undefined) clearTimeout(call.timer);
    this.#pending.delete(id);
  }
}
