import { useEffect, useRef, useState } from "react";
import { TextBox } from "./text-box";

type MessageEditorProps = { text: string; onSend: (text: string) => void; onCancel: () => void };

/** A question while it is being changed. What is sent takes its place, and that of the answers to it. */
export function MessageEditor({ text: original, onSend, onCancel }: MessageEditorProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(original);
  const edited = text.trim();

  useEffect(() => {
    box.current?.focus();
    box.current?.setSelectionRange(original.length, original.length);
  }, [original]);

  const submit = () => {
    if (edited === "") return;
    if (edited === original) onCancel();
    else onSend(edited);
  };

  return (
    <form
      className="editor"
      aria-label="Edit message"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <TextBox
        ref={box}
        aria-label="Edited message"
        rows={1}
        value={text}
        onChange={setText}
        onSubmit={submit}
        onCancel={onCancel}
      />
      <div className="editor-buttons">
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={edited === ""}>
          Send
        </button>
      </div>
    </form>
  );
}
