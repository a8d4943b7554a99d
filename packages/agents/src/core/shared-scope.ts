import type { Connection } from "./connection";
import {
  EntryContext,
  keepScope,
  runInContext,
  type AgentContext,
  type CallContext,
  type EnterScope,
  type WithSignal
} from "./context";

/**
 * The context of calls that are over when they return, of one connection. The runtime holds it as long as its scope, which no
 * collection of garbage sees through: so it holds on to nobody who may hold that scope.
 */
class SharedContext implements CallContext {
  readonly request = undefined;
  readonly email = undefined;
  readonly #agent: WeakRef<object>;
  readonly #connection: WeakRef<Connection>;
  #kept: Connection | undefined;
  #call: WithSignal | undefined;

  constructor(agent: object, connection: Connection) {
    this.#agent = new WeakRef(agent);
    this.#connection = new WeakRef(connection);
  }

  get agent(): object | undefined {
    return this.#agent.deref();
  }

  get connection(): Connection | undefined {
    return this.#kept ?? this.#connection.deref();
  }

  /** Of the call that runs. What a call has left behind has none: nobody can cancel what has its answer. */
  get signal(): AbortSignal | undefined {
    return this.#call?.signal;
  }

  setCall(call: WithSignal | undefined): void {
    this.#call = call;
  }

  /** It belongs to one call from here on, which takes longer than its like. */
  isTaken = false;
  takesLonger(): void {
    this.isTaken = true;
  }

  moment(): AgentContext {
    // Code of an agent is running, so there is one.
    const context = new EntryContext(this.agent!, this.connection);
    if (this.#call) context.setCall(this.#call);
    return context;
  }

  /** Its scope is not shared any more: what was left behind still finds the connection. */
  keep(connection: Connection): void {
    this.#kept = connection;
  }
}

class SharedScope {
  readonly context: SharedContext;
  readonly enter: EnterScope | undefined;
  isEntered = false;

  constructor(agent: object, connection: Connection) {
    this.context = new SharedContext(agent, connection);
    this.enter = keepScope(this.context);
  }
}

function begin<Result>(scope: SharedScope, run: (context: CallContext) => Result): Result {
  scope.isEntered = true;
  return run(scope.context);
}

/**
 * Runs calls that are over when they return. To make a scope of the async context is the largest part of what such a call costs, so
 * those of one connection share one: nothing of them differs but the signal, and what a call has left behind has no use for that.
 */
export class SharedScopes {
  readonly #agent: object;
  // Not with the connection, which would stay with its scope.
  readonly #scopes = new WeakMap<Connection, SharedScope>();

  constructor(agent: object) {
    this.#agent = agent;
  }

  /** @param own is entered where no scope can be shared */
  run<Result>(connection: Connection, own: CallContext, run: (context: CallContext) => Result): Result {
    let scope = this.#scopes.get(connection);
    if (!scope) this.#scopes.set(connection, (scope = new SharedScope(this.#agent, connection)));
    const { context, enter } = scope;
    // A program may hand over a message while it handles one.
    if (!enter || scope.isEntered) return runInContext(own, () => run(own));
    try {
      return enter(begin, scope, run);
    } catch (error) {
      if (scope.isEntered) throw error;
      // The runtime lets nobody in any more: what was kept belonged to a request that is over.
      this.leave(connection);
      return runInContext(own, () => run(own));
    } finally {
      scope.isEntered = false;
      if (context.isTaken) this.leave(connection);
      else context.setCall(undefined);
    }
  }

  /** Nothing more comes over this connection. */
  leave(connection: Connection): void {
    this.#scopes.get(connection)?.context.keep(connection);
    this.#scopes.delete(connection);
  }
}
