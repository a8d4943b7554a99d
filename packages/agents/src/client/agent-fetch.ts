import { agentUrl, resolveQuery, type AgentAddress, type QuerySource } from "./url";

/** Options of `agentFetch`. */
export interface AgentClientFetchOptions extends AgentAddress {
  /** Query parameters. */
  query?: QuerySource;
  /** What sends the request. @default the global `fetch` */
  fetch?: typeof fetch;
}

/**
 * Sends one HTTP request to an agent. It reaches the agent's `onRequest`.
 *
 * @param options the agent's address
 * @param init as for `fetch`
 * @returns the response
 * @throws CLIENT_OPTIONS_INVALID, or what `fetch` throws
 * @example
 * const response = await agentFetch({ agent: "DataAgent", name: "instance-1", path: "users" }, { method: "POST", body });
 */
export async function agentFetch(options: AgentClientFetchOptions, init?: RequestInit): Promise<Response> {
  const url = agentUrl(options, "http", await resolveQuery(options.query));
  return (options.fetch ?? globalThis.fetch)(url, init);
}
