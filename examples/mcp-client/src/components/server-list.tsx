import type { MCPServer } from "agents";
import { shortAddress } from "../texts";
import { ServerState } from "./server-state";

interface ServerListProps {
  servers: Record<string, MCPServer>;
  chosen: string | undefined;
  onChoose: (id: string) => void;
}

export function ServerList({ servers, chosen, onChoose }: ServerListProps) {
  const entries = Object.entries(servers);
  if (entries.length === 0) return <p className="none">None yet</p>;
  return (
    <ul className="servers">
      {entries.map(([id, server]) => (
        <li key={id}>
          <button
            type="button"
            className="server"
            data-testid="server"
            data-state={server.state}
            aria-current={id === chosen ? "true" : undefined}
            onClick={() => onChoose(id)}
          >
            <span className="server-name">{server.name}</span>
            <ServerState state={server.state} />
            <span className="server-address">{shortAddress(server.server_url)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
