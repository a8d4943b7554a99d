import { useEffect, useLayoutEffect, useState, type FormEvent, type KeyboardEvent, type RefObject } from "react";
import { Icon } from "./icons";

type ComposerProps = {
  ref: RefObject<HTMLTextAreaElement | null>;
  busy: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
};

export function Composer({ ref, busy, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState("");
  const empty = text.trim() === "";

  // Ready to type, except where that would open an on-screen keyboard.
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) ref.current?.focus();
  }, [ref]);

  // As high as its text, up to the limit that the style sheet sets.
  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  }, [ref, text]);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (empty || busy) return;
    onSend(text.trim());
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter also accepts a suggestion of an input method, which must not send.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  };

  return (
    <form className="composer" aria-label="New message" onSubmit={submit}>
      <div className="composer-box">
        <textarea
          ref={ref}
          aria-label="Message"
          aria-describedby="composer-hint"
          placeholder="Write a message"
          rows={1}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {busy ? (
          <button type="button" className="send-button" aria-label="Stop" title="Stop" onClick={onStop}>
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" className="send-button" aria-label="Send message" title="Send message" disabled={empty}>
            <Icon name="arrowUp" />
          </button>
        )}
      </div>
      <p id="composer-hint" className="composer-hint">
        <kbd>Enter</kbd> sends, <kbd>Shift</kbd> + <kbd>Enter</kbd> starts a new line
      </p>
    </form>
  );
}
