import type { Catalogue, CatalogueKind, MCPClientConnection, Of } from "./types";

/**
 * Items of one kind of all connections, each with the id of its server.
 *
 * @example const tools = getNamespacedData(this.mcp.mcpConnections, "tools");
 */
export function getNamespacedData<Kind extends CatalogueKind>(
  connections: Readonly<Record<string, MCPClientConnection>>,
  kind: Kind
): Of<Catalogue[Kind][number]>[] {
  return Object.entries(connections).flatMap(([serverId, connection]) => {
    const items: readonly Catalogue[Kind][number][] = connection[kind];
    return items.map((item) => ({ ...item, serverId }));
  });
}
