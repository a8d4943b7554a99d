import { isToolUIPart, type UIMessage } from "ai";
import { memo } from "react";
import { CopyButton } from "./copy-button";
import { Markdown } from "./markdown";
import { ToolCall } from "./tool-call";

type MessageProps = {
  message: UIMessage;
  /** The last message: its approvals can be answered. */
  active: boolean;
  /** A reply is being written into it. */
  busy: boolean;
  assistantName: string;
  onRespond: (approvalId: string, approved: boolean) => void;
};

export const Message = memo(function Message({ message, active, busy, assistantName, onRespond }: MessageProps) {
  const own = message.role === "user";
  const text = textOf(message);
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
            return <ToolCall key={part.toolCallId} part={part} active={active} busy={busy} onRespond={onRespond} />;
          }
          return null;
        })}
      </div>
      {!own && !busy && text !== "" && (
        <div className="message-actions">
          <CopyButton text={text} label="Copy reply" />
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
