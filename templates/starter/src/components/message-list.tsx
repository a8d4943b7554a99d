import type { ChatStatus, UIMessage } from "ai";
import { useEffect, useEffectEvent, useRef, useState, type ReactNode } from "react";
import { Icon } from "./icons";
import { hasContent, isWaiting } from "./message";
import type { MessageActions } from "./message-actions";
import { MessageGroups } from "./message-groups";

type MessageListProps = {
  messages: UIMessage[];
  status: ChatStatus;
  assistantName: string;
  actions: MessageActions;
  /** Loads the messages before the first one; left out where there are none, or no connection. */
  loadMore: (() => Promise<void>) | undefined;
  /** Shown after the messages: the empty state or an error. */
  children: ReactNode;
};

export function MessageList({ messages, status, assistantName, actions, loadMore, children }: MessageListProps) {
  const busy = status === "submitted" || status === "streaming";
  const shown = messages.filter(hasContent);
  const last = messages.at(-1);
  const { scroller, content, following, jump } = useFollowing(messages.findLast(({ role }) => role === "user")?.id);

  return (
    <div className="conversation">
      {/* While a reply streams, the log is busy: screen readers then announce the whole reply instead of every word. */}
      <div className="log" role="log" aria-label="Conversation" aria-busy={busy} tabIndex={0} ref={scroller}>
        <div className="log-content" ref={content}>
          {loadMore && <Earlier load={loadMore} />}
          <MessageGroups messages={shown} last={last} busy={busy} assistantName={assistantName} actions={actions} />
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
function Earlier({ load }: { load: () => Promise<void> }) {
  const button = useRef<HTMLButtonElement>(null);
  const [loading, setLoading] = useState(false);
  const [loaded, setLoaded] = useState(0);
  const more = async () => {
    if (loading) return;
    setLoading(true);
    await load();
    setLoading(false);
    setLoaded((count) => count + 1);
  };
  const onNear = useEffectEvent(more);

  // Again after each page: one may be so short that the button stays near.
  useEffect(() => {
    const near = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) void onNear();
      },
      { root: button.current!.closest(".log"), rootMargin: "1000px 0px 0px" }
    );
    near.observe(button.current!);
    return () => near.disconnect();
  }, [loaded]);

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
 * Keeps the end of the conversation in view, until the reader scrolls up: then what is in view stays there, whatever comes or changes
 * above it. A new question of theirs (`questionId`) or `jump` goes back to the end.
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
    let height = box.scrollHeight;
    let read: { message: Element; top: number } | undefined;
    const onScroll = () => {
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
      // Growing content also leaves the end behind. Only a move upwards is the reader's wish.
      if (atEnd) follows.current = true;
      else if (box.scrollTop < previousTop - 1) follows.current = false;
      setFollowing(follows.current);
      const hasChanged = box.scrollHeight !== height;
      // Something above may have changed before this was told of the move: then the move is all that is known.
      if (read && !follows.current && hasChanged) read.top += previousTop - box.scrollTop;
      else read = follows.current ? undefined : firstInView(box);
      previousTop = box.scrollTop;
    };
    const changed = new ResizeObserver(() => {
      height = box.scrollHeight;
      if (follows.current) {
        box.scrollTop = box.scrollHeight;
        return;
      }
      // Browsers that do this by themselves do not at the very top, and are told not to (`overflow-anchor`).
      if (read?.message.isConnected) box.scrollTop += read.message.getBoundingClientRect().top - read.top;
      onScroll();
    });
    box.addEventListener("scroll", onScroll, { passive: true });
    changed.observe(content.current!);
    changed.observe(box);
    return () => {
      box.removeEventListener("scroll", onScroll);
      changed.disconnect();
    };
  }, []);

  useEffect(toEnd, [questionId]);

  return { scroller, content, following, jump };
}

/** The first message of which something is in view, and where it is. */
function firstInView(box: HTMLElement) {
  const { top: edge } = box.getBoundingClientRect();
  for (const message of box.querySelectorAll(".message")) {
    const { top, bottom } = message.getBoundingClientRect();
    if (bottom > edge) return { message, top };
  }
  return undefined;
}
