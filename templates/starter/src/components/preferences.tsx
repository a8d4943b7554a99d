import { useEffect, useId, useRef, useState } from "react";
import { limits, type ChatState } from "../shared";

type PreferencesProps = {
  state: ChatState;
  disabled: boolean;
  /** Why the agent refused the last change, if it did. */
  problem: string;
  onChange: (change: Partial<ChatState>) => void;
  onReset: () => Promise<unknown>;
};

/** The state of the agent. Every tab of this chat shows it and may change it; the agent keeps it and reads it too. */
export function Preferences({ state, disabled, problem, onChange, onReset }: PreferencesProps) {
  const id = useId();
  const [resetFailed, setResetFailed] = useState("");
  const name = useDraft(state.assistantName, (assistantName) => {
    if (assistantName.trim() !== "") onChange({ assistantName });
  });
  const notes = useDraft(state.notes, (text) => onChange({ notes: text }));

  const reset = () => {
    setResetFailed("");
    name.discard();
    notes.discard();
    onReset().catch((error: Error) => setResetFailed(error.message));
  };

  return (
    <section className="preferences" data-testid="state-panel" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>Preferences</h2>
      <p className="preferences-about">Shared live with every tab of this chat, and with the model.</p>

      <div className="field">
        <label htmlFor={`${id}-name`}>Assistant name</label>
        <input
          id={`${id}-name`}
          type="text"
          autoComplete="off"
          maxLength={limits.assistantName}
          disabled={disabled}
          {...name.field}
        />
      </div>

      <fieldset className="field" disabled={disabled}>
        <legend>Temperature unit</legend>
        <div className="segments">
          {(["C", "F"] as const).map((unit) => (
            <label key={unit}>
              <input
                type="radio"
                name={`${id}-unit`}
                value={unit}
                checked={state.unit === unit}
                onChange={() => onChange({ unit })}
              />
              <span>{unit === "C" ? "Celsius" : "Fahrenheit"}</span>
            </label>
          ))}
        </div>
      </fieldset>

      <div className="field">
        <label htmlFor={`${id}-notes`}>Shared notes</label>
        <textarea
          id={`${id}-notes`}
          rows={6}
          maxLength={limits.notes}
          placeholder="Anything the assistant should keep in mind"
          disabled={disabled}
          {...notes.field}
        />
      </div>

      <p className="turns">
        Messages answered <output data-testid="turns">{state.turns}</output>
      </p>

      <button type="button" className="button" disabled={disabled} onClick={reset}>
        Reset preferences
      </button>
      {(problem || resetFailed) && (
        <p className="tool-error" role="alert">
          {problem || resetFailed}
        </p>
      )}
    </section>
  );
}

/** A text field over a shared value. What is being typed here wins over what others send, until it has been sent itself. */
function useDraft(value: string, push: (text: string) => void) {
  const [draft, setDraft] = useState<string>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const unsent = useRef<string>(undefined);
  const latestPush = useRef(push);
  useEffect(() => {
    latestPush.current = push;
  });

  const send = () => {
    clearTimeout(timer.current);
    if (unsent.current !== undefined) latestPush.current(unsent.current);
    unsent.current = undefined;
  };
  const discard = () => {
    clearTimeout(timer.current);
    unsent.current = undefined;
    setDraft(undefined);
  };

  useEffect(() => {
    if (unsent.current === undefined) setDraft(undefined);
  }, [value]);
  useEffect(() => send, []);

  return {
    discard,
    field: {
      value: draft ?? value,
      onChange: (event: { target: { value: string } }) => {
        setDraft(event.target.value);
        unsent.current = event.target.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(send, 250);
      },
      onBlur: () => {
        send();
        setDraft(undefined);
      }
    }
  };
}
