import type { MCPServersState } from "agents";
import { useAgent } from "agents/react";
import { useRef, useState } from "react";
import type { Toolbox } from "../server";
import { AddServer } from "./add-server";
import { Icon } from "./icons";
import { ServerList } from "./server-list";
import { ServerView } from "./server-view";
import { ThemeButton } from "./theme-button";
import { Welcome } from "./welcome";

const connectionTexts = { connecting: "Connecting", connected: "Connected", disconnected: "Reconnecting" };

/** The servers of one agent, as the agent tells of them. */
export function Page({ name }: { name: string }) {
  const [connection, setConnection] = useState<keyof typeof connectionTexts>("connecting");
  const [mcp, setMcp] = useState<MCPServersState>();
  const [chosen, setChosen] = useState<string>();
  const main = useRef<HTMLElement>(null);

  const agent = useAgent<Toolbox>({
    agent: "Toolbox",
    name,
    onOpen: () => setConnection("connected"),
    onClose: () => setConnection("disconnected"),
    onMcpUpdate: setMcp
  });

  const servers = mcp?.servers ?? {};
  const id = chosen !== undefined && servers[chosen] ? chosen : Object.keys(servers)[0];
  const server = id === undefined ? undefined : servers[id];
  const choose = (serverId: string) => {
    setChosen(serverId);
    // Where it is below the list.
    if (matchMedia("(max-width: 799px)").matches) main.current?.scrollIntoView();
  };
  const add = async (serverName: string, url: string) => {
    const added = await agent.stub.addServer(serverName, url);
    setChosen(added.id);
  };

  return (
    <div className="page">
      <header className="header">
        <span className="mark">
          <Icon name="plug" />
        </span>
        <h1>Toolbox</h1>
        {name !== "default" && <span className="agent-name">{name}</span>}
        <span className="connection" role="status" data-testid="connection-status" data-status={connection}>
          <span className="dot" aria-hidden="true" />
          {connectionTexts[connection]}
        </span>
        <ThemeButton />
      </header>

      <nav className="side" aria-labelledby="servers-title">
        <h2 id="servers-title">Servers</h2>
        <ServerList servers={servers} chosen={id} onChoose={choose} />
      </nav>

      <main ref={main} className="main">
        {mcp && id !== undefined && server && (
          <ServerView
            // Another server has a view of its own: nothing that was typed is for it.
            key={id}
            id={id}
            server={server}
            mcp={mcp}
            agent={agent}
          />
        )}
        {mcp && !server && <Welcome />}
      </main>

      <AddServer disabled={connection !== "connected"} onAdd={add} />
    </div>
  );
}
