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

/** What an entry brings along for `getCurrentAgent()`. */
export type Entry = Partial<Pick<AgentContext, "connection" | "request" | "email">>;

const empty: AgentContext = { agent: undefined, connection: undefined, request: undefined, email: undefined };

// Two copies of this package in one bundle must see one context, so it hangs on a global symbol.
const slot = Symbol.for("agents.context");
const holder = globalThis as { [slot]?: AsyncLocalStorage<AgentContext> };
const storage = (holder[slot] ??= new AsyncLocalStorage<AgentContext>());

/** The context of the running code, or an empty one outside of any agent. */
export const currentContext = (): AgentContext => storage.getStore() ?? empty;

/** Runs `run` inside a context, with these arguments. */
export const runInContext = <Result, Args extends unknown[]>(
  context: AgentContext,
  run: (...args: Args) => Result,
  ...args: Args
): Result => storage.run(context, run, ...args);

/** Runs `run` as if nobody had called it: work that outlives what asked for it has a context of its own. */
export const runOutside = <Result>(run: () => Result): Result => storage.run(empty, run);

/** The context of one entry into an agent. Its signal is that of the call that it turns out to be. */
export class EntryContext implements AgentContext {
  readonly agent: object;
  readonly connection: Connection | undefined;
  readonly request: Request | undefined;
  readonly email: AgentEmail | undefined;
  #call: { readonly signal: AbortSignal } | undefined;

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

  /** The entry is this call. */
  setCall(call: { readonly signal: AbortSignal }): void {
    this.#call = call;
  }
}
