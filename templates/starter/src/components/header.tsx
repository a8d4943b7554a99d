import type { ModelInfo } from "../shared";
import { Icon } from "./icons";
import { ThemeButton } from "./theme-button";

export type ConnectionStatus = "connecting" | "connected" | "disconnected";

const connectionTexts: Record<ConnectionStatus, string> = {
  connecting: "Connecting",
  connected: "Connected",
  disconnected: "Reconnecting"
};

type HeaderProps = {
  chatName: string;
  connection: ConnectionStatus;
  model: ModelInfo | undefined;
  canClear: boolean;
  onClear: () => void;
  /** Left out where the panel is always visible. */
  onOpenPreferences: (() => void) | undefined;
};

export function Header({ chatName, connection, model, canClear, onClear, onOpenPreferences }: HeaderProps) {
  return (
    <header className="header">
      <div className="brand">
        <span className="mark">
          <Icon name="chat" />
        </span>
        <h1>Agents starter</h1>
        {chatName !== "default" && <span className="chat-name">{chatName}</span>}
      </div>

      <div className="header-facts">
        {model && <ModelBadge model={model} />}
        <span className="connection" role="status" data-testid="connection-status" data-status={connection}>
          <span className="dot" aria-hidden="true" />
          {connectionTexts[connection]}
        </span>
      </div>

      <div className="header-actions">
        {onOpenPreferences && (
          <button type="button" className="icon-button" aria-label="Preferences" onClick={onOpenPreferences}>
            <Icon name="sliders" />
          </button>
        )}
        <ThemeButton />
        <a className="icon-button" href={`?chat=${newChatName()}`} aria-label="New chat" title="New chat">
          <Icon name="plus" />
        </a>
        <button
          type="button"
          className="icon-button"
          aria-label="Clear history"
          title="Clear history"
          disabled={!canClear}
          onClick={onClear}
        >
          <Icon name="trash" />
        </button>
      </div>
    </header>
  );
}

function ModelBadge({ model }: { model: ModelInfo }) {
  if (!model.demo) {
    return (
      <span className="badge" data-testid="model-badge" data-demo="false" title={model.label}>
        <span className="visually-hidden">Model: </span>
        {model.label}
      </span>
    );
  }
  return (
    <>
      <button
        type="button"
        className="badge badge-demo"
        data-testid="model-badge"
        data-demo="true"
        popoverTarget="model-hint"
      >
        {model.label}
        <span className="badge-more"> — answers by rules</span>
        <Icon name="info" />
      </button>
      <div id="model-hint" className="popover" popover="auto">
        <p>
          No model is configured, so a few fixed rules answer. To connect a real one, put its address in{" "}
          <code>.env</code> and restart:
        </p>
        <pre tabIndex={0}>{"OPENAI_BASE_URL=http://127.0.0.1:11434/v1\nOPENAI_MODEL=qwen3:8b"}</pre>
        <p>The README has the lines for OpenAI, Anthropic and Workers AI.</p>
      </div>
    </>
  );
}

const newChatName = () => Math.random().toString(36).slice(2, 8);
