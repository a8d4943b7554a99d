import type { Query } from "../client";

/** A query, and when it was known. */
export interface LoadedQuery {
  query: Query;
  loadedAtMs: number;
}

const defaultTtlMs = 5 * 60 * 1000;

/** Keeps the result of an async query for a while, so that a connection and the requests after it share one token. */
export class QueryCache {
  #entry: { query: Promise<Query>; expiresAtMs: number } | undefined;

  /** The kept query, or a new one that `load` makes. One that fails is not kept. */
  get(load: () => Query | Promise<Query>, nowMs: number, ttlMs = defaultTtlMs): Promise<Query> {
    if (this.#entry && nowMs < this.#entry.expiresAtMs) return this.#entry.query;
    const query = Promise.resolve(load());
    const entry = { query, expiresAtMs: nowMs + ttlMs };
    this.#entry = entry;
    query.catch(() => {
      if (this.#entry === entry) this.#entry = undefined;
    });
    return query;
  }

  /** Keeps a query that was loaded elsewhere. */
  put({ query, loadedAtMs }: LoadedQuery, ttlMs = defaultTtlMs): void {
    this.#entry = { query: Promise.resolve(query), expiresAtMs: loadedAtMs + ttlMs };
  }

  clear(): void {
    this.#entry = undefined;
  }
}
