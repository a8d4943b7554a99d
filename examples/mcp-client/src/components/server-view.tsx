import type { MCPServer, MCPServersState } from "agents";
import type { AgentClient } from "agents/client";
import { useState } from "react";
import { offersOf, type Offer } from "../offers";
import type { Toolbox } from "../server";
import { messageOf, plain } from "../texts";
import { Icon, type IconName } from "./icons";
import { OfferView } from "./offer-view";
import { ServerState } from "./server-state";

interface ServerViewProps {
  id: string;
  server: MCPServer;
  mcp: MCPServersState;
  agent: AgentClient<Toolbox>;
}

/** One server: how it is, what can be done about that, and what it offers. */
export function ServerView({ id, server, mcp, agent }: ServerViewProps) {
  const { name, server_url: url, state, error, instructions } = server;
  const [problem, setProblem] = useState("");
  const { tools, prompts, resources } = offersOf(mcp, id);
  const isEmpty = tools.length + prompts.length + resources.length === 0;

  const attempt = async (run: () => Promise<unknown>) => {
    setProblem("");
    try {
      await run();
    } catch (thrown) {
      setProblem(messageOf(thrown));
    }
  };

  const tryAgain = () => void attempt(() => agent.stub.addServer(name, url));

  const signIn = () => {
    // At once: a browser opens a window for a click, and not for an answer that comes later.
    const popup = window.open("", `sign-in-${id}`, "popup,width=520,height=720");
    void attempt(async () => {
      try {
        // A sign-in that has become too old is begun again.
        const { authUrl } = await agent.stub.addServer(name, url);
        if (!authUrl) popup?.close();
        else if (popup) {
          // What opens there is somebody else's page: this one is none of its business.
          popup.opener = null;
          popup.location.href = authUrl;
        } else location.assign(authUrl);
      } catch (thrown) {
        popup?.close();
        throw thrown;
      }
    });
  };

  const use = (offer: Offer, args: Record<string, unknown>) => {
    if (offer.kind === "tool") return agent.stub.callTool(id, offer.name, args);
    if (offer.kind === "resource") return agent.stub.readResource(id, String(args.uri));
    return agent.stub.getPrompt(id, offer.name, args as Record<string, string>);
  };

  return (
    <article className="view" aria-labelledby="view-title" data-testid="view" data-state={state}>
      <header className="view-header">
        <div className="view-names">
          <h2 id="view-title">{name}</h2>
          <p className="address">{url}</p>
        </div>
        <div className="view-actions">
          <span role="status">
            <ServerState state={state} />
          </span>
          <button type="button" className="button" onClick={() => void attempt(() => agent.stub.removeServer(id))}>
            <Icon name="trash" />
            Remove
          </button>
        </div>
      </header>

      {state === "authenticating" && (
        <Notice icon="key" tone="waiting" action="Sign in" onAct={signIn}>
          <strong>{name} wants to know who you are.</strong> You sign in there, in a window of its own, and decide what
          this agent may do.
        </Notice>
      )}
      {state === "failed" && (
        <Notice icon="alert" tone="bad" action="Try again" onAct={tryAgain}>
          <strong>This did not work.</strong> <span data-testid="error">{plain(error ?? "")}</span>
        </Notice>
      )}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {instructions && <p className="instructions">{instructions}</p>}

      <Offers title="Tools" icon="tool" offers={tools} onUse={use} />
      <Offers title="Prompts" icon="quote" offers={prompts} onUse={use} />
      <Offers title="Resources" icon="document" offers={resources} onUse={use} />
      {state === "ready" && isEmpty && <p className="none">It offers nothing.</p>}
    </article>
  );
}

interface NoticeProps {
  icon: IconName;
  tone: "waiting" | "bad";
  action: string;
  onAct: () => void;
  children: React.ReactNode;
}

function Notice({ icon, tone, action, onAct, children }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <Icon name={icon} />
      <p>{children}</p>
      <button type="button" className="button button-primary" onClick={onAct}>
        {action}
      </button>
    </div>
  );
}

interface OffersProps {
  title: string;
  icon: IconName;
  offers: Offer[];
  onUse: React.ComponentProps<typeof OfferView>["onUse"];
}

function Offers({ title, icon, offers, onUse }: OffersProps) {
  if (offers.length === 0) return null;
  return (
    <section className="offers" aria-label={title}>
      <h3>
        {title} <span className="count">{offers.length}</span>
      </h3>
      <ul>
        {offers.map((offer) => (
          <li key={offer.name}>
            <OfferView offer={offer} icon={icon} onUse={onUse} />
          </li>
        ))}
      </ul>
    </section>
  );
}
