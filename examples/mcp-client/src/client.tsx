import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Page } from "./components/page";
import "./styles/theme.css";
import "./styles/page.css";

// ?agent=<name> opens another one: every name has servers of its own.
const name = new URLSearchParams(location.search).get("agent")?.trim() || "default";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Page name={name} />
  </StrictMode>
);
