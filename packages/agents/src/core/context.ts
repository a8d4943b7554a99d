import { AsyncLocalStorage } from "node:async_hooks";
import type { Connection } from "./connection";

/** What runs right now: filled by the gate for every entry into an agent. */
export interface AgentContext<Self = unknown> {
  agent: Self | undefined;
  connection: Connection | undefined;
  request: Request | undefined;
  email: unknown;
  /** In a call of a client: aborted when the client cancels it, or closes its connection. */
  readonly signal?: AbortSignal | undefined;
}

const empty: AgentContext = { agent: undefined, connection: undefined, request: undefined, email: undefined };

// Two copies of this package in one bundle must see one context, so it hangs on a global symbol.
const slot = Symbol.for("agents.context");
const holder = globalThis as { [slot]?: AsyncLocalStorage<AgentContext> };
const storage = (holder[slot] ??= new AsyncLocalStorage<AgentContext>());

/** The context of the running code, or an empty one outside of any agent. */
export const currentContext = (): AgentContext => storage.getStore() ?? empty;

/** Runs `run` inside a context. */
export const runInContext = <Result>(context: AgentContext, run: () => Result): Result => storage.run(context, run);

/** Gives the running entry the signal of the call that it is. Most methods never look at it, so it is made when they do. */
export function setCallSignal(signal: () => AbortSignal): void {
  const context = storage.getStore();
  if (context) Object.defineProperty(context, "signal", { get: signal, configurable: true, enumerable: true });
}
