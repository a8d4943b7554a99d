import { AgentError } from "../protocol/errors";
import type { Connection } from "./connection";
import { currentContext, EntryContext, runInContext, type AgentContext, type Entry } from "./context";
import { isThenable } from "./thenable";

/**
 * - `constructing`: the constructors of subclasses may still run; calls are their own
 * - `idle`: constructed; whatever is called now comes from outside
 * - `starting`: `onStart` runs; it may call anything, others wait for it
 * - `started`
 */
type Phase = "constructing" | "idle" | "starting" | "started";

export interface GateDeps {
  /** Makes the instance ready: everything that must be over before any other code of the agent runs. */
  start(props: unknown): void | PromiseLike<void>;
  /** The one path of errors; never throws. */
  failed(error: unknown, context: AgentContext): void | Promise<void>;
  /** Resolves after `delayMs`, unless the signal is aborted first. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
}

const startTimeoutMs = 30_000;

/**
 * What is left to do of an event when its context has been left: the answer to it. Inside, the runtime carries the context along
 * with all that a socket is asked to send, which is a good part of what a call costs.
 */
export interface Departure {
  [departure](): void;
}

// A symbol, which nothing has that a program returns. To extend a class would cost every call something.
export const departure: unique symbol = Symbol("agents.departure");

function depart(last: unknown): void {
  if (typeof last === "object" && last !== null && departure in last) (last as Departure)[departure]();
}

/**
 * The one way into an instance. Whatever comes from outside waits until the instance has started, runs with its context,
 * and has its errors reported.
 */
export class Gate {
  readonly #self: object;
  readonly #deps: GateDeps;
  readonly #plain: AgentContext;
  #phase: Phase = "constructing";
  #starting: Promise<void> | undefined;
  #props: unknown;

  constructor(self: object, deps: GateDeps) {
    this.#self = self;
    this.#deps = deps;
    this.#plain = new EntryContext(self);
    gates.set(self, this);
    // The runtime delivers the first event after the microtasks of the constructor.
    queueMicrotask(() => this.constructed());
  }

  /** The constructor of the most derived class has returned. */
  constructed(): void {
    if (this.#phase === "constructing" && this.#constructing === 0) this.#phase = "idle";
  }

  #constructing = 0;

  /**
   * Work that the constructor began with `blockConcurrencyWhile`: no event arrives before it is over, so all calls until then
   * are its own.
   */
  holdConstruction<Result>(work: Promise<Result>): Promise<Result> {
    if (this.#phase !== "constructing") return work;
    this.#constructing++;
    const release = () => {
      this.#constructing--;
      this.constructed();
    };
    work.then(release, release);
    return work;
  }

  /** Props for `onStart`, from whoever starts this instance first. */
  offerProps(props: unknown): void {
    if (this.#phase === "constructing" || this.#phase === "idle") this.#props = props;
  }

  #closed: Error | undefined;
  /** Entries that are not over yet. */
  #inside = 0;
  #emptied: (() => void) | undefined;

  /** Lets nobody in any more: callers get this error, events of the runtime are dropped. Those who are inside go on. */
  close(error: Error): void {
    this.#closed = error;
  }

  /** Settles when everybody has left. */
  emptied(): Promise<void> {
    if (this.#inside === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#emptied = resolve));
  }

  #leave(): void {
    if (--this.#inside === 0) this.#emptied?.();
  }

  /** Nobody has come in yet. */
  get isUnused(): boolean {
    return this.#phase === "constructing" || this.#phase === "idle";
  }

  /** Runs an entry from outside. Errors are reported, then thrown to the caller as they are. */
  async enter<Result>(entry: Entry | undefined, run: () => Result | Promise<Result>): Promise<Result> {
    const starting = this.#start();
    if (starting) await starting;
    if (this.#closed) throw this.#closed;
    const context = entry ? EntryContext.of(this.#self, entry) : this.#plain;
    this.#inside++;
    try {
      return await runInContext(context, run);
    } catch (error) {
      await this.#report(error, context);
      throw error;
    } finally {
      this.#leave();
    }
  }

  /** Runs what the instance itself does, and whose errors are handled by whoever asks for it. */
  run<Result>(entry: Entry | undefined, run: () => Result | Promise<Result>): Result | Promise<Result> {
    const starting = this.#start();
    return starting ? starting.then(() => this.#run(entry, run)) : this.#run(entry, run);
  }

  /** What is done at once takes no promise. */
  #run<Result>(entry: Entry | undefined, run: () => Result | Promise<Result>): Result | Promise<Result> {
    if (this.#closed) throw this.#closed;
    const result = runInContext(entry ? EntryContext.of(this.#self, entry) : this.#plain, run);
    return isThenable(result) ? this.#stay(result) : result;
  }

  async #stay<Result>(work: PromiseLike<Result>): Promise<Result> {
    this.#inside++;
    try {
      return await work;
    } finally {
      this.#leave();
    }
  }

  /** Runs an event of a socket. */
  deliver(connection: Connection, run: () => unknown): void | Promise<void> {
    return this.receive(connection, (context) => runInContext(context, run));
  }

  /**
   * Runs a message of a socket: `run` enters the context that it is given, or one like it, when it knows what the message is. The
   * runtime has no use for a result or an error: errors are reported. What is done at once takes no promise, which is a good part of
   * what a message costs. A `Departure` that it ends with has the last word.
   */
  receive(connection: Connection, run: (context: EntryContext) => unknown): void | Promise<void> {
    const starting = this.#start();
    if (starting) return this.#receiveAfter(starting, connection, run);
    if (this.#closed) return;
    const context = new EntryContext(this.#self, connection);
    try {
      const result = run(context);
      if (isThenable(result)) return this.#settle(result, context);
      depart(result);
    } catch (error) {
      return this.#report(error, context);
    }
  }

  async #receiveAfter(
    starting: Promise<void>,
    connection: Connection,
    run: (context: EntryContext) => unknown
  ): Promise<void> {
    try {
      await starting;
    } catch {
      // Reported. There is nobody to run this.
      return;
    }
    await this.receive(connection, run);
  }

  async #settle(result: PromiseLike<unknown>, context: AgentContext): Promise<void> {
    this.#inside++;
    try {
      depart(await result);
    } catch (error) {
      await this.#report(error, context);
    } finally {
      this.#leave();
    }
  }

  /** Runs a method that may be called from inside and outside alike. Inside, a synchronous one stays synchronous. */
  call(run: () => unknown): unknown {
    if (this.#phase === "constructing" || currentContext().agent === this.#self) return run();
    // Nobody inside can be calling: nothing of this instance has run yet, or it runs in `onStart` and has its context.
    if (this.#phase !== "started") return this.enter(undefined, run);
    if (this.#closed) throw this.#closed;
    try {
      const result = runInContext(this.#plain, run);
      // Beside the caller, who gets the promise itself.
      if (result instanceof Promise) void this.#settle(result, this.#plain);
      return result;
    } catch (error) {
      void this.#report(error, this.#plain);
      throw error;
    }
  }

  /** What there is to wait for before anything else of the instance may run. */
  #start(): Promise<void> | undefined {
    if (this.#phase === "started" || this.#closed) return undefined;
    // What `onStart` itself sends through the gate must not wait for it.
    if (this.#phase === "starting" && currentContext().agent === this.#self) return undefined;
    this.#starting ??= this.#runStart();
    return this.#starting && this.#patiently(this.#starting);
  }

  /** Where there is nothing to wait for, no promise is made, and no timer that watches over it. */
  #runStart(): Promise<void> | undefined {
    this.#phase = "starting";
    try {
      const starting = runInContext(this.#plain, () => this.#deps.start(this.#props));
      if (isThenable(starting)) return this.#finishStart(starting);
      this.#phase = "started";
    } catch (error) {
      return this.#finishStart(Promise.reject(error));
    }
  }

  async #finishStart(starting: PromiseLike<void>): Promise<void> {
    this.#inside++;
    try {
      await starting;
      this.#phase = "started";
    } catch (error) {
      // The next entry tries again.
      this.#phase = "idle";
      this.#starting = undefined;
      await this.#report(error, this.#plain);
      throw error;
    } finally {
      this.#leave();
    }
  }

  async #patiently(starting: Promise<void>): Promise<void> {
    const over = new AbortController();
    const tooLong = this.#deps.wait(startTimeoutMs, over.signal).then(() => {
      if (over.signal.aborted) return;
      throw new AgentError(
        "AGENT_START_TIMEOUT",
        `onStart() has not finished after ${startTimeoutMs / 1000} s. Does it wait for a call that comes back to this agent? Begin long work there without awaiting it.`
      );
    });
    try {
      await Promise.race([starting, tooLong]);
    } finally {
      over.abort();
    }
  }

  async #report(error: unknown, context: AgentContext): Promise<void> {
    if (typeof error === "object" && error !== null) {
      // One error that leaves through several gates (a method called by a method) is reported once.
      if (reported.has(error)) return;
      reported.add(error);
    }
    // Inside: what `onError` calls must not wait for a start that has just failed, nor be reported on its own.
    await runInContext(context, () => this.#deps.failed(error, context));
  }
}

const gates = new WeakMap<object, Gate>();
const reported = new WeakSet<object>();
const wrapped = new WeakSet<object>();

/**
 * Leads the methods and getters of a class and its base classes, up to (and without) `base`, through the gate, once a class.
 * Durable Object RPC reaches both. A `Proxy` would break `#private` members.
 */
export function wrapPrototypes(prototype: object, base: object, replaced: Replaced): void {
  for (
    let current = prototype;
    current !== base && current !== null;
    current = Object.getPrototypeOf(current) as object
  ) {
    wrapMembers(current, Object.getOwnPropertyNames(current), replaced);
  }
}

/** Told of each method that got a wrapper: what is known of the method by identity holds for the wrapper too. */
type Replaced = (wrapper: object, method: object) => void;

/** Leads these members of one prototype through the gate, once. */
export function wrapMembers(prototype: object, names: readonly string[], replaced?: Replaced): void {
  if (wrapped.has(prototype)) return;
  wrapped.add(prototype);
  for (const name of names) {
    if (name === "constructor" || entries.has(name) || values.has(name)) continue;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    if (!descriptor?.configurable) continue;
    if (typeof descriptor.value === "function") {
      const method = descriptor.value as Method;
      descriptor.value = wrapMethod(method, name);
      replaced?.(descriptor.value, method);
    } else if (descriptor.get) descriptor.get = wrapGetter(descriptor.get);
    else continue;
    Object.defineProperty(prototype, name, descriptor);
  }
}

// The runtime calls these, and each enters the gate by itself with its own context.
const entries: ReadonlySet<string> = new Set([
  "fetch",
  "alarm",
  "webSocketMessage",
  "webSocketClose",
  "webSocketError"
]);

// Read by what needs no start (`state`, of an instance that has none yet), and so a value also when a class has a getter for it.
const values: ReadonlySet<string> = new Set(["initialState"]);

type Method = (this: object, ...args: unknown[]) => unknown;

/** The methods behind the gate, by what leads to them. Not a property of it, which programs that wrap it would copy or see through. */
const methods = new WeakMap<object, Method>();

/** Calls a method of an agent from inside of it: for whoever is certain to be, the gate need not ask. */
export const callInside = (agent: object, method: Method, args: unknown[]): unknown =>
  (methods.get(method) ?? method).apply(agent, args);

function wrapMethod(method: Method, name: string): Method {
  const through: Method = function (...args) {
    const gate = gates.get(this);
    return gate ? gate.call(() => method.apply(this, args)) : method.apply(this, args);
  };
  Object.defineProperty(through, "name", { value: name });
  methods.set(through, method);
  return through;
}

function wrapGetter(getter: () => unknown): () => unknown {
  return function (this: object) {
    const gate = gates.get(this);
    return gate ? gate.call(() => getter.call(this)) : getter.call(this);
  };
}

/** Lets the constructor of an agent prepare it with `blockConcurrencyWhile`, as that of any Durable Object. */
export function holdConstruction(ctx: DurableObjectState, gate: Gate): void {
  const block = ctx.blockConcurrencyWhile.bind(ctx);
  Object.defineProperty(ctx, "blockConcurrencyWhile", {
    configurable: true,
    writable: true,
    value<Result>(run: () => Promise<Result>): Promise<Result> {
      return gate.holdConstruction(block(run));
    }
  });
}
