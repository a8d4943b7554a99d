import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ChatPage } from "./components/chat-page";
import "./styles/theme.css";
import "./styles/app.css";

// ?chat=<name> opens another chat: every name is an agent of its own.
const chatName = new URLSearchParams(location.search).get("chat")?.trim() || "default";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <ChatPage name={chatName} />
  </StrictMode>
);
