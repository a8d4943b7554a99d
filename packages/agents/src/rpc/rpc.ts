import { frameHandlers, type Capability } from "../core/capability";
import type { Connection } from "../core/connection";
import { publicMessage } from "../core/public-message";
import { clientChecks } from "../protocol/decode";
import { messageOf } from "../protocol/errors";
import type { RpcRequestFrame, RpcResponseFrame } from "../protocol/frames";
import { lookUp } from "./callable";
import { StreamingResponse } from "./streaming-response";

export interface RpcDeps {
  /** The object whose methods are called. */
  target: object;
  send(connection: Connection, frame: string): void;
  emit(type: "rpc" | "rpc:error", payload: () => Record<string, unknown>): void;
  failed(error: unknown): void | Promise<void>;
}

/** Calls from clients to `@callable()` methods. Every request is answered, with a result or an error, exactly once. */
export class Rpc implements Capability {
  readonly name = "rpc";
  readonly frames = frameHandlers<RpcRequestFrame>(
    { rpc: clientChecks.rpc },
    {
      rpc: { operation: "call", handle: (connection, frame) => this.#call(connection, frame) }
    }
  );
  readonly #deps: RpcDeps;

  constructor(deps: RpcDeps) {
    this.#deps = deps;
  }

  async #call(connection: Connection, { id, method, args }: RpcRequestFrame): Promise<void> {
    const found = lookUp(this.#deps.target, method);
    if (found.status === "missing") return this.#fail(connection, id, method, `Method ${method} does not exist`);
    if (found.status === "hidden") return this.#fail(connection, id, method, `Method ${method} is not callable`);
    const { streaming } = found.metadata;
    this.#deps.emit("rpc", () => (streaming ? { method, streaming } : { method }));
    try {
      if (streaming) await this.#stream(connection, id, method, args);
      else
        this.#answer(connection, {
          type: "rpc",
          id,
          success: true,
          result: await this.#invoke(method, args),
          done: true
        });
    } catch (error) {
      // The caller first: nobody knows how long `onError` takes.
      this.#fail(connection, id, method, publicMessage(error));
      await this.#deps.failed(error);
    }
  }

  async #stream(connection: Connection, id: string, method: string, args: unknown[]): Promise<void> {
    const stream = new StreamingResponse(id, (frame) => this.#answer(connection, frame));
    try {
      await this.#invoke(method, [stream, ...args]);
      // A method that forgets to end its stream must not leave the caller waiting.
      stream.end();
    } catch (error) {
      stream.error(publicMessage(error));
      this.#deps.emit("rpc:error", () => ({ method, error: messageOf(error) }));
      await this.#deps.failed(error);
    }
  }

  #invoke(method: string, args: unknown[]): unknown {
    // `lookUp` has found a method of this name.
    return (this.#deps.target as Record<string, (...args: unknown[]) => unknown>)[method]!(...args);
  }

  #fail(connection: Connection, id: string, method: string, error: string): void {
    this.#deps.emit("rpc:error", () => ({ method, error }));
    this.#answer(connection, { type: "rpc", id, success: false, error });
  }

  #answer(connection: Connection, frame: RpcResponseFrame): void {
    this.#deps.send(connection, JSON.stringify(frame));
  }
}
