import type { Answer } from "../shared";
import { Icon } from "./icons";

/** What a server has answered. */
export function AnswerView({ answer: { failed, parts } }: { answer: Answer }) {
  return (
    <div className={`answer answer-${failed ? "bad" : "good"}`} data-testid="answer" data-failed={failed}>
      <p className="answer-title">
        <Icon name={failed ? "alert" : "check"} />
        {failed ? "The server refused" : "Answer"}
      </p>
      {parts.length === 0 && <p className="none">Nothing was said.</p>}
      {parts.map((part, index) => (
        // Parts have no ids, and never change.
        // oxlint-disable-next-line react/no-array-index-key
        <figure key={index}>
          {part.label && <figcaption>{part.label}</figcaption>}
          {part.kind === "text" ? (
            <pre tabIndex={0} role="group" aria-label={part.label || "Text"}>
              {part.text}
            </pre>
          ) : (
            <img src={part.source} alt={part.label} />
          )}
        </figure>
      ))}
    </div>
  );
}
