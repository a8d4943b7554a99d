import type { ChatStatus, UIMessage } from "ai";
import { useEffect, useEffectEvent, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { Icon } from "./icons";
import { hasContent, isWaiting, Message } from "./message";
import type { MessageActions } from "./message-actions";

type MessageListProps = {
  messages: UIMessage[];
  status: ChatStatus;
  assistantName: string;
  actions: MessageActions;
  /** Loads the messages before the first one; left out where there are none. */
  loadMore: (() => Promise<void>) | undefined;
  /** Shown after the messages: the empty state or an error. */
  children: ReactNode;
};

export function MessageList({ messages, status, assistantName, actions, loadMore, children }: MessageListProps) {
  const busy = status === "submitted" || status === "streaming";
  const shown = messages.filter(hasContent);
  const last = messages.at(-1);
  const { scroller, content, following, jump } = useFollowing(
    messages.findLast(({ role }) => role === "user")?.id,
    shown[0]?.id
  );

  return (
    <div className="conversation">
      {/* While a reply streams, the log is busy: screen readers then announce the whole reply instead of every word. */}
      <div className="log" role="log" aria-label="Conversation" aria-busy={busy} tabIndex={0} ref={scroller}>
        <div className="log-content" ref={content}>
          {loadMore && <Earlier firstId={shown[0]?.id} load={loadMore} />}
          {shown.map((message) => (
            <Message
              key={message.id}
              message={message}
              active={message === last}
              busy={busy && message === last}
              assistantName={assistantName}
              actions={actions}
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

/** Loads what comes before the first message, once a reader comes near to it. */
function Earlier({ firstId, load }: { firstId: string | undefined; load: () => Promise<void> }) {
  const button = useRef<HTMLButtonElement>(null);
  const [loading, setLoading] = useState(false);
  const more = async () => {
    if (loading) return;
    setLoading(true);
    await load();
    setLoading(false);
  };
  const onNear = useEffectEvent(more);

  useEffect(() => {
    const root = button.current!.closest(".log");
    const near = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) void onNear();
      },
      { root, rootMargin: "1000px 0px 0px" }
    );
    near.observe(button.current!);
    return () => near.disconnect();
    // Where a page of messages does not fill the margin, the button has never been out of it.
  }, [firstId]);

  return (
    <button type="button" ref={button} className="button earlier" aria-busy={loading} onClick={() => void more()}>
      {loading ? "Loading earlier messages" : "Earlier messages"}
    </button>
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
 * Keeps the end of the conversation in view, until the reader scrolls up: then what is in view stays there, also when earlier
 * messages come before the first (`firstId`). A new question of theirs (`questionId`) or `jump` goes back to the end.
 */
function useFollowing(questionId: string | undefined, firstId: string | undefined) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [following, setFollowing] = useState(true);
  /** The first message, and where it was when the reader last scrolled. */
  const first = useRef<{ element: Element; top: number }>(undefined);

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
      first.current = placeOfFirst(content.current!);
    };
    const grown = new ResizeObserver(() => {
      if (follows.current) box.scrollTop = box.scrollHeight;
      // It may have become so short that all of it is in view.
      else onScroll();
    });
    box.addEventListener("scroll", onScroll, { passive: true });
    grown.observe(content.current!);
    grown.observe(box);
    return () => {
      box.removeEventListener("scroll", onScroll);
      grown.disconnect();
    };
  }, []);

  // Browsers keep the place themselves, but not at the very top, and not all of them: this adds what is missing.
  useLayoutEffect(() => {
    const before = first.current;
    if (before?.element.isConnected && !follows.current) {
      scroller.current!.scrollTop += before.element.getBoundingClientRect().top - before.top;
    }
    first.current = placeOfFirst(content.current!);
  }, [firstId]);
  useEffect(toEnd, [questionId]);

  return { scroller, content, following, jump };
}

function placeOfFirst(content: HTMLElement) {
  const element = content.querySelector(".message");
  return element ? { element, top: element.getBoundingClientRect().top } : undefined;
}
