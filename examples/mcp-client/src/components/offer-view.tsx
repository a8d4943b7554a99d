import { useId, useState, type FormEvent } from "react";
import { startOf, type Field, type Offer } from "../offers";
import type { Answer } from "../shared";
import { messageOf } from "../texts";
import { AnswerView } from "./answer-view";
import { Icon, type IconName } from "./icons";

const actions = { tool: "Call", prompt: "Get", resource: "Read" };

interface OfferViewProps {
  offer: Offer;
  icon: IconName;
  onUse: (offer: Offer, args: Record<string, unknown>) => Promise<Answer>;
}

/** A tool, a prompt or a resource: what it is, and on request what it takes and answers. */
export function OfferView({ offer, icon, onUse }: OfferViewProps) {
  const { kind, name, title, description, fields } = offer;
  return (
    <details className="offer" data-testid="offer" data-name={name}>
      <summary>
        <Icon name={icon} />
        <span className="offer-title">
          <strong>{title}</strong>
          {title !== name && <code>{name}</code>}
          {description && <span className="offer-description">{description}</span>}
        </span>
        <Icon name="chevron" />
      </summary>
      <div className="offer-body">
        {kind !== "resource" && fields.length > 0 && <Fields fields={fields} />}
        <Trial offer={offer} onUse={onUse} />
      </div>
    </details>
  );
}

function Fields({ fields }: { fields: Field[] }) {
  return (
    <dl className="fields">
      {fields.map(({ name, type, description, isRequired }) => (
        <div key={name}>
          <dt>
            <code>{name}</code> <span className="type">{type}</span>
            {!isRequired && <span className="optional"> optional</span>}
          </dt>
          {description && <dd>{description}</dd>}
        </div>
      ))}
    </dl>
  );
}

/** Uses it with the arguments that are written there, and shows the answer. */
function Trial({ offer, onUse }: Omit<OfferViewProps, "icon">) {
  const id = useId();
  const [text, setText] = useState(() =>
    offer.kind === "resource" ? String(offer.fields[0]?.example) : startOf(offer)
  );
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [answer, setAnswer] = useState<Answer>();

  const run = async (event: FormEvent) => {
    event.preventDefault();
    setProblem("");
    setAnswer(undefined);
    setBusy(true);
    try {
      setAnswer(await onUse(offer, offer.kind === "resource" ? { uri: text } : parse(text)));
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="trial" aria-label={offer.title} onSubmit={run}>
      <label htmlFor={`${id}-arguments`}>{offer.kind === "resource" ? "URI" : "Arguments"}</label>
      <textarea
        id={`${id}-arguments`}
        rows={Math.min(Math.max(text.split("\n").length, 1), 12)}
        spellCheck={false}
        autoComplete="off"
        aria-describedby={problem ? `${id}-problem` : undefined}
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      <button type="submit" className="button button-primary" disabled={isBusy}>
        {isBusy && <span className="spinner" aria-hidden="true" />}
        {actions[offer.kind]}
      </button>
      <div role="status">{answer && <AnswerView answer={answer} />}</div>
      <p id={`${id}-problem`} className="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`The arguments are not JSON: ${messageOf(error)}`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error('The arguments have to be an object, like { "name": "value" }');
  }
  return value as Record<string, unknown>;
}
