import type { Catalogue, MCPConnectionState } from "./types";

/** A server, as its connection knows it. */
interface Known {
  readonly id: string;
  readonly name: string;
  readonly record: { readonly serverUrl: string };
  readonly connectionState: MCPConnectionState;
  readonly connectionError: string | null;
  readonly catalogue: Catalogue;
}

const limit = 100;

/** Servers, as `inspect()` of an agent tells them. */
export function inspectedServers(servers: readonly Known[]) {
  const first = servers.slice(0, limit).map(({ id, name, record, connectionState, connectionError, catalogue }) => ({
    id,
    name,
    url: record.serverUrl,
    state: connectionState,
    tools: catalogue.tools.length,
    ...(connectionError !== null && { error: connectionError })
  }));
  return { mcpServers: { total: servers.length, first } };
}
