import type { UIMessage } from "ai";
import { memo, useEffect, useRef, useState } from "react";
import { Message } from "./message";
import type { MessageActions } from "./message-actions";

const size = 10;
/** What a group is taken to be high that has never been in view. */
const expectedHeightPx = size * 150;

type Shown = {
  messages: UIMessage[];
  /** The last message of the conversation: its approvals can be answered. It may have nothing to show yet. */
  last: UIMessage | undefined;
  /** A reply is being written into it. */
  busy: boolean;
  assistantName: string;
  actions: MessageActions;
};

/**
 * The messages of a conversation in groups, of which only those are there that are near to what is in view: so one of ten thousand
 * messages costs no more than one of twenty.
 */
export function MessageGroups({ messages, last, busy, assistantName, actions }: Shown) {
  // Groups are counted from here in both directions, and so are the same ones when earlier messages come before the first.
  const [origin, setOrigin] = useState(messages[0]?.id);
  const start = Math.max(
    0,
    messages.findIndex(({ id }) => id === origin)
  );
  if (start === 0 && origin !== messages[0]?.id) setOrigin(messages[0]?.id);
  const first = -Math.ceil(start / size);
  const count = Math.ceil((messages.length - start) / size) - first;
  return Array.from({ length: count }, (_, index) => {
    const from = start + (first + index) * size;
    const isLast = index === count - 1;
    return (
      <MessageGroup
        key={`${origin} ${first + index}`}
        messages={messages.slice(Math.max(0, from), from + size)}
        last={isLast ? last : undefined}
        busy={isLast && busy}
        assistantName={assistantName}
        actions={actions}
        isLast={isLast}
        isInView={index >= count - 2}
      />
    );
  });
}

type GroupProps = Shown & {
  isLast: boolean;
  /** To begin with. */
  isInView: boolean;
};

const MessageGroup = memo(function MessageGroup(props: GroupProps) {
  const { messages, last, busy, assistantName, actions, isLast, isInView } = props;
  const element = useRef<HTMLDivElement>(null);
  /** Of a group that is not there. */
  const [heightPx, setHeightPx] = useState(isInView ? undefined : expectedHeightPx);
  const isShown = isLast || heightPx === undefined;

  useEffect(() => {
    const group = element.current!;
    const near = new IntersectionObserver(
      (entries) => {
        const { isIntersecting, boundingClientRect } = entries.at(-1)!;
        if (isIntersecting) setHeightPx(undefined);
        else if (!isUsed(group)) setHeightPx(boundingClientRect.height);
      },
      { root: group.closest(".log"), rootMargin: "1200px 0px" }
    );
    near.observe(group);
    return () => near.disconnect();
  }, []);

  return (
    <div className="message-group" ref={element} style={isShown ? undefined : { height: heightPx }}>
      {isShown &&
        messages.map((message) => (
          <Message
            key={message.id}
            message={message}
            active={message === last}
            busy={busy && message === last}
            assistantName={assistantName}
            actions={actions}
          />
        ))}
    </div>
  );
}, isSame);

/** Whether something would be lost with it: the focus, a draft, what is selected or folded out. */
function isUsed(group: HTMLElement): boolean {
  const selection = getSelection();
  return (
    group.contains(document.activeElement) ||
    group.querySelector(".editor, details[open]") !== null ||
    (selection?.isCollapsed === false && selection.containsNode(group, true))
  );
}

function isSame(before: GroupProps, after: GroupProps): boolean {
  const { messages } = after;
  return (
    before.last === after.last &&
    before.busy === after.busy &&
    before.isLast === after.isLast &&
    before.assistantName === after.assistantName &&
    before.actions === after.actions &&
    before.messages.length === messages.length &&
    before.messages.every((message, index) => message === messages[index])
  );
}
