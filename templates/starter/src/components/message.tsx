import { isToolUIPart, type UIMessage } from "ai";
import { memo, useEffect, useRef, useState } from "react";
import { CopyButton } from "./copy-button";
import { Icon } from "./icons";
import { Markdown } from "./markdown";
import type { MessageActions } from "./message-actions";
import { MessageEditor } from "./message-editor";
import { ToolCall } from "./tool-call";
import { Versions } from "./versions";

type MessageProps = {
  message: UIMessage;
  /** The last message: its approvals can be answered. */
  active: boolean;
  /** A reply is being written into it. */
  busy: boolean;
  assistantName: string;
  actions: MessageActions;
};

export const Message = memo(function Message({ message, active, busy, assistantName, actions }: MessageProps) {
  const own = message.role === "user";
  const text = textOf(message);
  const [editing, setEditing] = useState(false);
  const editButton = useRef<HTMLButtonElement>(null);
  const wasEditing = useRef(false);
  useEffect(() => {
    // The editor had the focus.
    if (wasEditing.current && !editing) editButton.current?.focus();
    wasEditing.current = editing;
  }, [editing]);

  if (editing) {
    return (
      <article className="message message-user" data-testid="message" data-role="user" data-message-id={message.id}>
        <MessageEditor
          text={text}
          onSend={(edited) => actions.edit(message.id, edited)}
          onCancel={() => setEditing(false)}
        />
      </article>
    );
  }
  return (
    <article
      className={`message ${own ? "message-user" : "message-assistant"}`}
      data-testid="message"
      data-role={message.role}
      data-message-id={message.id}
      aria-label={own ? "You" : assistantName}
    >
      {!own && <p className="message-author">{assistantName}</p>}
      <div className="message-body">
        {message.parts.map((part, index) => {
          if (part.type === "text") {
            if (part.text === "") return null;
            return own ? <p key={index}>{part.text}</p> : <Markdown key={index} text={part.text} />;
          }
          if (part.type === "reasoning" && part.text !== "") {
            return (
              <details key={index} className="reasoning">
                <summary>Reasoning</summary>
                <Markdown text={part.text} />
              </details>
            );
          }
          if (isToolUIPart(part)) {
            return (
              <ToolCall key={part.toolCallId} part={part} active={active} busy={busy} onRespond={actions.respond} />
            );
          }
          return null;
        })}
      </div>
      {!busy && (
        <div className="message-actions">
          {own ? (
            <button
              type="button"
              ref={editButton}
              className="action-button"
              aria-label="Edit message"
              title="Edit"
              onClick={() => setEditing(true)}
            >
              <Icon name="pencil" />
            </button>
          ) : (
            <>
              {text !== "" && <CopyButton text={text} label="Copy reply" />}
              <button
                type="button"
                className="action-button"
                aria-label="Answer again"
                title="Answer again"
                onClick={() => actions.regenerate(message.id)}
              >
                <Icon name="refresh" />
              </button>
            </>
          )}
          <Versions messageId={message.id} actions={actions} />
        </div>
      )}
    </article>
  );
});

/** Messages start out empty: there is nothing to draw until the first word or tool call. */
export function hasContent(message: UIMessage): boolean {
  return message.parts.some(
    (part) => ((part.type === "text" || part.type === "reasoning") && part.text !== "") || isToolUIPart(part)
  );
}

/** Whether a busy assistant shows nothing that moves: no text being written, no tool at work. */
export function isWaiting(last: UIMessage | undefined): boolean {
  if (last?.role !== "assistant") return true;
  const part = last.parts.findLast((candidate) => candidate.type !== "step-start");
  if (!part) return true;
  if (isToolUIPart(part)) return part.state !== "input-streaming" && part.state !== "input-available";
  return part.type === "text" ? part.text === "" : false;
}

const textOf = (message: UIMessage) =>
  message.parts
    .map((part) => (part.type === "text" ? part.text : ""))
    .filter(Boolean)
    .join("\n\n");
