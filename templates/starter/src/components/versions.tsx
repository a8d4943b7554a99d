import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Icon } from "./icons";
import type { MessageActions } from "./message-actions";

type Step = -1 | 1;

/** By the id of each version. A version that is shown in place of another knows the others at once. */
const known = new Map<string, string[]>();
/** The button that was pressed belongs to a version that is gone then: the same one of the next has the focus. */
let pressed: { id: string; step: Step } | undefined;

/** Leads to what a message was before it was edited or answered again. Nothing, where there is one version only. */
export function Versions({ messageId, actions }: { messageId: string; actions: MessageActions }) {
  const element = useRef<HTMLDivElement>(null);
  const [versions, setVersions] = useState(() => known.get(messageId) ?? []);
  const { versionsOf } = actions;

  // Asked for when it comes into view: a long conversation would ask for hundreds.
  useEffect(() => {
    const seen = new IntersectionObserver(async (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      const ids = await versionsOf(messageId);
      // None at all: there is no connection. It is asked for again when it comes into view again.
      if (ids.length === 0) return;
      seen.disconnect();
      for (const id of ids) known.set(id, ids);
      setVersions(ids);
    });
    seen.observe(element.current!);
    return () => seen.disconnect();
  }, [messageId, versionsOf]);

  useLayoutEffect(() => {
    if (pressed?.id !== messageId) return;
    const buttons = [...element.current!.querySelectorAll("button")];
    if (pressed.step === -1) buttons.reverse();
    buttons.findLast((button) => !button.disabled)?.focus({ preventScroll: true });
    pressed = undefined;
  }, [messageId]);

  const index = versions.indexOf(messageId);
  const go = (step: Step) => {
    pressed = { id: versions[index + step]!, step };
    actions.showVersion(pressed.id);
  };
  const place = `Version ${index + 1} of ${versions.length}`;

  return (
    <div className="versions" ref={element} role="group" aria-label={versions.length > 1 ? place : undefined}>
      {versions.length > 1 && (
        <>
          <button type="button" aria-label="Previous version" disabled={index === 0} onClick={() => go(-1)}>
            <Icon name="chevronLeft" />
          </button>
          <span aria-hidden="true">
            {index + 1} / {versions.length}
          </span>
          <button
            type="button"
            aria-label="Next version"
            disabled={index === versions.length - 1}
            onClick={() => go(1)}
          >
            <Icon name="chevron" />
          </button>
        </>
      )}
    </div>
  );
}
