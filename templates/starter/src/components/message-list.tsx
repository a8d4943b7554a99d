import type { ChatStatus, UIMessage } from "ai";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { Icon } from "./icons";
import { hasContent, isWaiting, Message } from "./message";

type MessageListProps = {
  messages: UIMessage[];
  status: ChatStatus;
  assistantName: string;
  onRespond: (approvalId: string, approved: boolean) => void;
  /** Shown after the messages: the empty state or an error. */
  children: ReactNode;
};

export function MessageList({ messages, status, assistantName, onRespond, children }: MessageListProps) {
  const { scroller, content, following, jump } = useFollowing(messages.findLast(({ role }) => role === "user")?.id);
  const busy = status === "submitted" || status === "streaming";
  const shown = messages.filter(hasContent);
  const last = messages.at(-1);

  return (
    <div className="conversation">
      {/* While a reply streams, the log is busy: screen readers then announce the whole reply instead of every word. */}
      <div className="log" role="log" aria-label="Conversation" aria-busy={busy} tabIndex={0} ref={scroller}>
        <div className="log-content" ref={content}>
          {shown.map((message) => (
            <Message
              key={message.id}
              message={message}
              active={message === last}
              busy={busy && message === last}
              assistantName={assistantName}
              onRespond={onRespond}
            />
          ))}
          {busy && isWaiting(last) && <Typing assistantName={assistantName} />}
          {children}
        </div>
      </div>
      {!following && (
        <button type="button" className="jump" onClick={jump}>
          <Icon name="arrowDown" />
          Jump to latest
        </button>
      )}
      <p className="visually-hidden" role="status" data-testid="chat-status" data-status={status}>
        {statusText(status, last, assistantName)}
      </p>
    </div>
  );
}

function Typing({ assistantName }: { assistantName: string }) {
  return (
    <div className="typing" data-testid="typing">
      <span className="visually-hidden">{assistantName} is thinking</span>
      <span aria-hidden="true" />
      <span aria-hidden="true" />
      <span aria-hidden="true" />
    </div>
  );
}

function statusText(status: ChatStatus, last: UIMessage | undefined, assistantName: string): string {
  if (status === "submitted" || status === "streaming") return `${assistantName} is replying`;
  if (status === "error") return "The reply failed";
  const waits = last?.parts.some((part) => "state" in part && part.state === "approval-requested");
  return waits ? "Your approval is needed" : "Ready";
}

/**
 * Keeps the end of the conversation in view, until the reader scrolls up. A new question of theirs (`questionId`) or
 * `jump` goes back to the end.
 */
function useFollowing(questionId: string | undefined) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [following, setFollowing] = useState(true);

  const toEnd = () => {
    follows.current = true;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  };
  const jump = () => {
    toEnd();
    scroller.current?.focus({ preventScroll: true });
  };

  useEffect(() => {
    const box = scroller.current!;
    let previousTop = box.scrollTop;
    const onScroll = () => {
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
      // Growing content also leaves the end behind. Only a move upwards is the reader's wish.
      if (atEnd) follows.current = true;
      else if (box.scrollTop < previousTop - 1) follows.current = false;
      previousTop = box.scrollTop;
      setFollowing(follows.current);
    };
    const grown = new ResizeObserver(() => {
      if (follows.current) box.scrollTop = box.scrollHeight;
    });
    box.addEventListener("scroll", onScroll, { passive: true });
    grown.observe(content.current!);
    grown.observe(box);
    return () => {
      box.removeEventListener("scroll", onScroll);
      grown.disconnect();
    };
  }, []);

  useEffect(toEnd, [questionId]);

  return { scroller, content, following, jump };
}
