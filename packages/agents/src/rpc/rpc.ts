import { frameHandlers, type Capability, type FrameHandlers, type Handled } from "../core/capability";
import { hasFlag, type Connection } from "../core/connection";
import { send } from "../core/connections";
import type { CallContext } from "../core/context";
import { callInside } from "../core/gate";
import { isThenable } from "../core/thenable";
import { publicMessage } from "../core/public-message";
import { readCall } from "../protocol/call-text";
import { clientChecks } from "../protocol/decode";
import { AgentError, messageOf } from "../protocol/errors";
import type { RpcCancelFrame, RpcCreditFrame, RpcRequestFrame, RpcResponseFrame } from "../protocol/frames";
import { Call } from "./call";
import { callablesOf, lookUp, type Callables, type Lookup } from "./callable";
import { StreamingResponse } from "./streaming-response";

/** The agent's host, as calls see it. */
export interface RpcHost {
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): void | Promise<void>;
}

type RpcFrame = RpcRequestFrame | RpcCancelFrame | RpcCreditFrame;

/**
 * One of each object that a call is made of and leaves behind. Where no such object is left at a collection of garbage, the engine
 * forgets what they look like, and with it the code that it has optimised for them.
 */
let kept: unknown[] | undefined;

function oneOfEach(): unknown[] {
  // Of no connection, which would stay with all of its agent.
  const call = new Call({ id: "", method: "" }, false, {} as Connection, () => {});
  return [readCall('{"type":"rpc","id":"","method":"","args":[]}'), call];
}

/** Calls that have no answer yet. */
const openCalls = new WeakMap<Connection, Map<string, Call>>();

/** Calls from clients to `@callable()` methods. Every request is answered, with a result or an error, exactly once. */
export class Rpc implements Capability {
  static readonly #frames: FrameHandlers = frameHandlers<RpcFrame, Rpc>(
    {
      rpc: clientChecks.rpc,
      cf_agent_rpc_cancel: clientChecks.cf_agent_rpc_cancel,
      cf_agent_rpc_credit: clientChecks.cf_agent_rpc_credit
    },
    {
      rpc: {
        operation: (rpc, { method }) => (rpc.#isLook(method) ? { type: "inspect" } : { type: "call", method }),
        isBrief(rpc, frame) {
          const found = rpc.#lookUp(frame.method);
          // The same text; but what a client sent is a part of its message, and would keep all of that.
          if (found.status === "callable") frame.method = found.name;
          return found.isBrief === true;
        },
        handle: (rpc, connection, frame, _, context) => rpc.#call(connection, frame, context),
        refuse: (rpc, connection, frame) =>
          rpc.#refuse(connection, frame, `This connection may not call ${frame.method}`, "CALL_REFUSED")
      },
      cf_agent_rpc_cancel: { handle: (_, connection, { id }) => openCalls.get(connection)?.get(id)?.cancel() },
      cf_agent_rpc_credit: {
        handle: (_, connection, { id, credit }) => openCalls.get(connection)?.get(id)?.grant(credit)
      }
    }
  );

  readonly name = "rpc";
  readonly frames = Rpc.#frames;
  /** The object whose methods are called. */
  readonly #target: object;
  readonly #callables: Callables;
  #found: Extract<Lookup, { status: "callable" }> | undefined;
  readonly #host: RpcHost;

  constructor(target: object, host: RpcHost) {
    this.#target = target;
    this.#callables = callablesOf(target);
    this.#host = host;
  }

  onClose(connection: Connection): void {
    for (const call of openCalls.get(connection)?.values() ?? []) if (!call.isDetached) call.abandon();
  }

  /** Each call is looked up when it is told how long it will take, and again when it is made. */
  #lookUp(method: string): Lookup {
    if (this.#found?.name === method) return this.#found;
    const found = lookUp(this.#target, method, this.#callables);
    if (found.status === "callable") this.#found = found;
    return found;
  }

  /** A call of the agent's own `inspect`. A method of a program that has this name, and is callable, is a method as any other. */
  #isLook(method: string): boolean {
    return method === "inspect" && this.#lookUp(method).status === "hidden";
  }

  #call(connection: Connection, frame: RpcRequestFrame, context: CallContext): Handled | Promise<Handled> {
    const { id, method, args } = frame;
    const found = this.#lookUp(method);
    if (found.status === "missing") return this.#refuse(connection, frame, `Method ${method} does not exist`);
    if (found.status === "hidden" && !this.#isLook(method)) {
      return this.#refuse(connection, frame, `Method ${method} is not callable`);
    }
    const { streaming, detached = false } = found.status === "callable" ? found.metadata : {};
    this.#host.emit("rpc", () => (streaming ? { method, streaming } : { method }));
    const credit = hasFlag(connection, "extended") ? frame.credit : undefined;
    const call = new Call({ id, method, credit }, detached, connection, answer);
    context.setCall(call);
    kept ??= oneOfEach();
    if (streaming) return this.#follow(connection, call, this.#stream(call, args));
    try {
      const result = this.#invoke(method, args);
      if (isThenable(result)) {
        found.isBrief = false;
        context.takesLonger?.();
        return this.#follow(connection, call, endWith(call, result));
      }
      found.isBrief ??= true;
      // Answered before anything else can happen: nobody can cancel it.
      return call.conclude(result);
    } catch (error) {
      return this.#failed(call, error);
    }
  }

  /** A call that takes its time: until it is over, its caller can cancel it. */
  async #follow(connection: Connection, call: Call, work: Promise<Handled>): Promise<Handled> {
    let open = openCalls.get(connection);
    if (!open) openCalls.set(connection, (open = new Map()));
    open.set(call.id, call);
    try {
      return await work;
    } catch (error) {
      await this.#failed(call, error);
    } finally {
      if (open.get(call.id) === call) open.delete(call.id);
    }
  }

  async #stream(call: Call, args: unknown[]): Promise<void> {
    const result = await this.#invoke(call.method, [new StreamingResponse(call), ...args]);
    if (result instanceof ReadableStream) await pipe(result, call);
    else if (isAsyncIterable(result)) for await (const chunk of result) if (!(await call.send(chunk))) break;
    // A method that forgets to end its stream must not leave the caller waiting.
    call.end(undefined);
  }

  #invoke(method: string, args: unknown[]): unknown {
    // `#lookUp` has found a method of this name.
    return callInside(this.#target, (this.#target as Record<string, () => unknown>)[method]!, args);
  }

  async #failed(call: Call, error: unknown): Promise<void> {
    // A method that is told to stop may say so by throwing.
    if (call.isOver && error === call.signal.reason) return;
    // The caller first: nobody knows how long `onError` takes.
    const { method } = call;
    call.fail(publicMessage(error), AgentError.isInstance(error) ? error.code : undefined);
    this.#host.emit("rpc:error", () => ({ method, error: messageOf(error) }));
    await this.#host.failed(error);
  }

  #refuse(connection: Connection, { id, method }: RpcRequestFrame, error: string, code?: AgentError["code"]): void {
    this.#host.emit("rpc:error", () => ({ method, error }));
    answer(connection, { type: "rpc", id, success: false, error, ...(code && { code }) });
  }
}

function answer(connection: Connection, frame: RpcResponseFrame): void {
  if (!frame.success && frame.code && !hasFlag(connection, "extended")) {
    const { code: _, ...documented } = frame;
    return send(connection, JSON.stringify(documented));
  }
  send(connection, JSON.stringify(frame));
}

const endWith = async (call: Call, result: PromiseLike<unknown>): Promise<Handled> => call.conclude(await result);

/** Sends what a stream has. A stream that waits for its source hears of a cancellation at once, by `cancel`. */
async function pipe(stream: ReadableStream, call: Call): Promise<void> {
  const reader = stream.getReader();
  // What `cancel` throws is the source's last word, and nobody waits for it.
  const cancel = () => void reader.cancel(call.signal.reason).catch(() => {});
  call.signal.addEventListener("abort", cancel);
  try {
    while (!call.isOver) {
      const { done, value } = await reader.read();
      if (done || !(await call.send(value))) return;
    }
  } finally {
    cancel();
  }
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;
