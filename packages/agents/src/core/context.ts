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

/** Runs `run` inside a context. */
export const runInContext = <Result>(context: AgentContext, run: () => Result): Result => storage.run(context, run);

/** Runs `run` as if nobody had called it: work that outlives what asked for it has a context of its own. */
export const runOutside = <Result>(run: () => Result): Result => storage.run(empty, run);

/** The context of one entry into an agent. Its signal is that of the call that it turns out to be. */
export class EntryContext implements AgentContext {
  readonly agent: object;
  readonly connection: Connection | undefined;
  readonly request: Request | undefined;
  readonly email: AgentEmail | undefined;
  #call: { readonly signal: AbortSignal } | undefined;

  constructor(agent: object, { connection, request, email }: Entry = {}) {
    this.agent = agent;
    this.connection = connection;
    this.request = request;
    this.email = email;
  }

  get signal(): AbortSignal | undefined {
    return this.#call?.signal;
  }

  /** The running entry is this call. */
  static setCall(call: { readonly signal: AbortSignal }): void {
    const context = storage.getStore();
    if (context instanceof EntryContext) context.#call = call;
  }
}
