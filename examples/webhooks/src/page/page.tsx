import { useAgent } from "agents/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import type { RepositoryState } from "../events";

const repository = new URLSearchParams(location.search).get("repository") ?? "octocat/hello-world";

function Page() {
  const { state } = useAgent<RepositoryState>({
    agent: "Repository",
    name: repository.toLowerCase().replace("/", ".")
  });
  return (
    <main>
      <h1>{state?.fullName ?? repository}</h1>
      <p className="quiet" role="status">
        {state ? `${state.total} events, ${state.stars} stars` : "Connecting …"}
      </p>
      {state?.total === 0 && <p>Nothing has happened here yet. This page shows it as it does.</p>}
      <ul className="events" aria-label="Latest events">
        {state?.latest.map(({ id, type, actor, title, url, receivedAt }) => (
          <li key={id}>
            <strong>{type}</strong> by {actor}{" "}
            <time className="quiet" dateTime={new Date(receivedAt).toISOString()}>
              {new Date(receivedAt).toLocaleTimeString()}
            </time>
            <br />
            {url ? <a href={url}>{title || url}</a> : title}
          </li>
        ))}
      </ul>
      <form>
        <label>
          Another repository
          <input name="repository" placeholder="owner/name" required pattern="[\w\-]+/[\w.\-]+" />
        </label>
        <button>Watch</button>
      </form>
    </main>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Page />
  </StrictMode>
);
