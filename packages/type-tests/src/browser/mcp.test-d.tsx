// Pages that show MCP servers.
import type { MCPServersState } from "agents";
import { useAgent } from "agents/react";
import { useState } from "react";

// proves mcp-client#onMcpUpdate
export function Dashboard() {
  const [mcpState, setMcpState] = useState<MCPServersState>({ prompts: [], resources: [], servers: {}, tools: [] });
  useAgent({
    agent: "my-agent",
    name: "session-id",
    onMcpUpdate: (mcpServers: MCPServersState) => setMcpState(mcpServers)
  });
  return (
    <ul>
      {Object.entries(mcpState.servers).map(([id, server]) => (
        <li key={id}>
          {server.name}: {server.state} {server.error}
          {server.state === "authenticating" && server.auth_url && (
            <button onClick={() => window.open(server.auth_url!, "_blank")}>Authorize</button>
          )}
        </li>
      ))}
      {mcpState.tools.map((tool) => (
        <li key={`${tool.serverId}-${tool.name}`}>{tool.name}</li>
      ))}
    </ul>
  );
}
