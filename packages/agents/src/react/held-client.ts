import { AgentClient, type AgentClientOptions, type StateOf } from "../client";
import { QueryCache } from "./query-cache";

/** Options of `useAgent`. Callbacks may change with every render: the latest is called. */
export interface UseAgentOptions<State = unknown> extends AgentClientOptions<State> {
  /** When one of them changes, a `query` function is called again and the connection is made anew. */
  queryDeps?: readonly unknown[];
  /** How long the result of a `query` function is kept while connected, in milliseconds. @default 300000 */
  cacheTtl?: number;
}

/** A client that a component holds as long as its address stays the same, with the options of the latest render. */
export class HeldClient<AgentOrState, State = StateOf<AgentOrState>> {
  readonly client: AgentClient<AgentOrState, State>;
  readonly #key: string;
  readonly #cache = new QueryCache();
  #options: UseAgentOptions<State>;
  #queryDeps: readonly unknown[];

  constructor(options: UseAgentOptions<State>) {
    this.#key = addressKey(options);
    this.#options = options;
    this.#queryDeps = queryDeps(options);
    this.client = new AgentClient<AgentOrState, State>(this.#live(options));
    this.client.addEventListener("close", () => this.#cache.clear());
  }

  isFor(options: UseAgentOptions<State>): boolean {
    return this.#key === addressKey(options);
  }

  /** The options of the latest render. */
  update(options: UseAgentOptions<State>): void {
    this.#options = options;
  }

  /** Connects anew when the query is another one, unless the program has closed the client. */
  followQuery(): void {
    const deps = queryDeps(this.#options);
    if (areSame(this.#queryDeps, deps)) return;
    this.#queryDeps = deps;
    this.#cache.clear();
    if (this.client.shouldReconnect || this.client.connectionError) this.client.reconnect();
  }

  /** The address of the first render; callbacks and query as they are when they are needed. */
  #live(first: UseAgentOptions<State>): AgentClientOptions<State> {
    return new Proxy(first, {
      get: (_, name: keyof UseAgentOptions) => {
        if (name === "startClosed") return true;
        if (name === "query") return this.#query();
        return (name.startsWith("on") ? this.#options : first)[name];
      }
    });
  }

  #query(): AgentClientOptions["query"] {
    const { query, cacheTtl } = this.#options;
    return typeof query === "function" ? () => this.#cache.get(query, Date.now(), cacheTtl) : query;
  }
}

function addressKey({ agent, name, host, path, basePath, prefix, protocol, id }: UseAgentOptions<never>): string {
  return JSON.stringify([agent, name, host, path, basePath, prefix, protocol, id]);
}

function queryDeps({ query, queryDeps: deps = [] }: UseAgentOptions<never>): readonly unknown[] {
  return typeof query === "function" ? deps : [JSON.stringify(query)];
}

function areSame(before: readonly unknown[], after: readonly unknown[]): boolean {
  return before.length === after.length && before.every((value, index) => Object.is(value, after[index]));
}
