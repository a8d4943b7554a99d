import { AsyncLocalStorage } from "node:async_hooks";
import type { Connection } from "./connection";
import type { AgentEmail } from "./email";

/** What runs right now: filled by the gate for every entry into an agent. */
export interface AgentContext<Self = unknown> {
  agent: Self | undefined;
  connection: Connection | undefined;
  request: Request | undefined;
  email: AgentEmail | undefined;
  /** In a call of a client: aborted when the client cancels it, or closes its connection. */
  readonly signal?: AbortSignal | undefined;
}

export interface WithSignal {
  readonly signal: AbortSignal;
}

/** The context of an entry that may turn out to be a call: its signal is that of the call then. */
export interface CallContext extends AgentContext {
  setCall(call: WithSignal): void;
  /** The call goes on when its method has returned. */
  takesLonger?(): void;
  /** The same as it is now, for whoever keeps it; without this, it does not change. */
  moment?(): AgentContext;
}

/** What an entry brings along for `getCurrentAgent()`. */
export type Entry = Partial<Pick<AgentContext, "connection" | "request" | "email">>;

const empty: AgentContext = { agent: undefined, connection: undefined, request: undefined, email: undefined };

// Two copies of this package in one bundle must see one context, so it hangs on a global symbol.
const slot = Symbol.for("agents.context");
const holder = globalThis as { [slot]?: AsyncLocalStorage<AgentContext> };
const storage = (holder[slot] ??= new AsyncLocalStorage<AgentContext>());

/** The context of the running code, or an empty one outside of any agent. */
export const currentContext = (): AgentContext => storage.getStore() ?? empty;

/** The same, for programs: they may keep it. */
export const visibleContext = (): AgentContext => {
  const context: Partial<CallContext> & AgentContext = currentContext();
  return context.moment?.() ?? context;
};

/** Runs `run` inside a context. */
export const runInContext = <Result>(context: AgentContext, run: () => Result): Result => storage.run(context, run);

/** Runs `run` as if nobody had called it: work that outlives what asked for it has a context of its own. */
export const runOutside = <Result>(run: () => Result): Result => storage.run(empty, run);

/** Runs `run` with its arguments inside of a scope that is there already. */
export type EnterScope = <Result, Args extends unknown[]>(run: (...args: Args) => Result, ...args: Args) => Result;

// What else programs and the runtime carry along belongs to the event in which it was set, not to a scope that is kept.
const outermost: EnterScope = AsyncLocalStorage.snapshot();

/** A scope of this context and nothing else, to be entered any number of times; `undefined` where there cannot be one. */
export function keepScope(context: AgentContext): EnterScope | undefined {
  try {
    return outermost(() => storage.run(context, () => AsyncLocalStorage.snapshot()));
  } catch {
    // This module was loaded by a request, as test runners do, and the runtime gives what it kept then to nobody else.
    return undefined;
  }
}

/** The context of one entry into an agent. */
export class EntryContext implements CallContext {
  readonly agent: object;
  readonly connection: Connection | undefined;
  readonly request: Request | undefined;
  readonly email: AgentEmail | undefined;
  #call: WithSignal | undefined;

  // One parameter each: entries come in many shapes, and this is where all of them would meet.
  constructor(agent: object, connection?: Connection, request?: Request, email?: AgentEmail) {
    this.agent = agent;
    this.connection = connection;
    this.request = request;
    this.email = email;
  }

  static of(agent: object, { connection, request, email }: Entry): EntryContext {
    return new EntryContext(agent, connection, request, email);
  }

  get signal(): AbortSignal | undefined {
    return this.#call?.signal;
  }

  setCall(call: WithSignal): void {
    this.#call = call;
  }
}
