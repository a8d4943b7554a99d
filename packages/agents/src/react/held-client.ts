import { AgentClient, type AgentClientOptions, type StateOf } from "../client";
import { isEqual } from "../client/equal";
import { claimQuery, firstQuery } from "./first-query";
import { QueryCache, type LoadedQuery } from "./query-cache";

/** Options of `useAgent`. Callbacks may change with every render: the latest is called. */
export interface UseAgentOptions<State = unknown> extends AgentClientOptions<State> {
  /**
   * Whether there is a connection. While it is false nothing is connected or loaded; when it becomes false, the connection is
   * closed, and calls without an answer reject with CONNECTION_CLOSED. @default true
   */
  enabled?: boolean;
  /**
   * What a `query` function depends on. When one of them changes, it is called again and the connection is made anew. Plain
   * objects and arrays are compared by what is in them.
   */
  queryDeps?: readonly unknown[];
  /** How long the result of a `query` function is kept while connected, in milliseconds. @default 300000 */
  cacheTtl?: number;
}

/** A client that a component holds as long as its address stays the same, with the options of the latest render. */
export class HeldClient<AgentOrState, State = StateOf<AgentOrState>> {
  readonly client: AgentClient<AgentOrState, State>;
  readonly #address: readonly unknown[];
  readonly #cache = new QueryCache();
  #options: UseAgentOptions<State>;
  #queryDeps: readonly unknown[];
  /** Whether the component waits for a query before it is there. */
  #waits: boolean;

  constructor(options: UseAgentOptions<State>, waits: boolean) {
    this.#address = addressOf(options);
    this.#options = options;
    this.#queryDeps = queryDeps(options);
    this.#waits = waits;
    this.client = new AgentClient<AgentOrState, State>(this.#live());
    this.client.addEventListener("close", () => this.#cache.clear());
  }

  isFor(options: UseAgentOptions<State>): boolean {
    return isEqual(this.#address, addressOf(options));
  }

  /** The query to connect with for the first time. Suspends the component until it is there. */
  firstQuery(options: UseAgentOptions<State>): LoadedQuery | undefined {
    const { query } = options;
    if (!this.#waits || !connectsByItself(options) || typeof query !== "function") return undefined;
    return firstQuery([this.#address, queryDeps(options)], query);
  }

  /** The component is there, with the options of the latest render. */
  update(options: UseAgentOptions<State>, first: LoadedQuery | undefined): void {
    this.#options = options;
    if (connectsByItself(options)) this.#waits = false;
    if (!first) return;
    this.#queryDeps = queryDeps(options);
    this.#cache.put(first, options.cacheTtl);
    claimQuery(first);
  }

  /** Connects anew when the query is another one, unless the program has closed the client. */
  followQuery(): void {
    const deps = queryDeps(this.#options);
    if (isEqual(this.#queryDeps, deps)) return;
    this.#queryDeps = deps;
    this.#cache.clear();
    const { enabled = true } = this.#options;
    if (enabled && (this.client.shouldReconnect || this.client.connectionError)) this.client.reconnect();
  }

  /** Closes the client. What it loads then is not what it had, even if it had no connection yet. */
  close(): void {
    this.client.close();
    this.#cache.clear();
  }

  /** All as it is when it is needed: the address is that of the first render, or this is not its client. */
  #live(): AgentClientOptions<State> {
    return new Proxy(this.#options, {
      get: (_, name: keyof UseAgentOptions) => {
        if (name === "startClosed") return true;
        return name === "query" ? this.#query() : this.#options[name];
      }
    });
  }

  #query(): AgentClientOptions["query"] {
    const { query, cacheTtl } = this.#options;
    return typeof query === "function" ? () => this.#cache.get(query, Date.now(), cacheTtl) : query;
  }
}

const connectsByItself = ({ enabled = true, startClosed }: UseAgentOptions<never>): boolean => enabled && !startClosed;

function addressOf({ agent, name, host, path, basePath, prefix, protocol, id }: UseAgentOptions<never>): unknown[] {
  return [agent, name, host, path, basePath, prefix, protocol, id];
}

function queryDeps({ query, queryDeps: deps = [] }: UseAgentOptions<never>): readonly unknown[] {
  return typeof query === "function" ? deps : [JSON.stringify(query)];
}
