import { useEffect, useState, type FormEvent, type RefObject } from "react";
import { Icon } from "./icons";
import { TextBox } from "./text-box";

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

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (empty || busy) return;
    onSend(text.trim());
    setText("");
  };

  return (
    <form className="composer" aria-label="New message" onSubmit={submit}>
      <div className="composer-box">
        <TextBox
          ref={ref}
          aria-label="Message"
          aria-describedby="composer-hint"
          placeholder="Write a message"
          rows={1}
          value={text}
          onChange={setText}
          onSubmit={submit}
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
