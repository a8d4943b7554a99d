import { useId, useState, type FormEvent } from "react";
import { messageOf } from "../texts";
import { Icon } from "./icons";

interface AddServerProps {
  disabled: boolean;
  onAdd: (name: string, url: string) => Promise<void>;
}

export function AddServer({ disabled, onAdd }: AddServerProps) {
  const id = useId();
  const [url, setUrl] = useState("");
  const [name, setName] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  const add = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await onAdd(name, url);
      setUrl("");
      setName("");
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="add" aria-labelledby={`${id}-title`} onSubmit={add}>
      <h2 id={`${id}-title`}>Add a server</h2>
      <div className="field">
        <label htmlFor={`${id}-url`}>Address</label>
        <input
          id={`${id}-url`}
          type="url"
          required
          autoComplete="off"
          spellCheck={false}
          placeholder="https://example.com/mcp"
          aria-describedby={problem ? `${id}-problem` : undefined}
          readOnly={isBusy}
          value={url}
          onChange={({ target }) => setUrl(target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-name`}>
          Name <span className="optional">(optional)</span>
        </label>
        <input
          id={`${id}-name`}
          autoComplete="off"
          maxLength={60}
          readOnly={isBusy}
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
      </div>
      <button type="submit" className="button button-primary" disabled={disabled || isBusy}>
        {isBusy ? <span className="spinner" aria-hidden="true" /> : <Icon name="plus" />}
        {isBusy ? "Connecting" : "Add"}
      </button>
      <p id={`${id}-problem`} className="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
