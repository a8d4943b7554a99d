import { getToolName, type DynamicToolUIPart, type ToolUIPart } from "ai";
import { useState } from "react";
import { browserTools } from "../browser-tools";
import { Icon, type IconName } from "./icons";

type ToolPart = ToolUIPart | DynamicToolUIPart;

type ToolCallProps = {
  part: ToolPart;
  active: boolean;
  busy: boolean;
  onRespond: (approvalId: string, approved: boolean) => void;
};

/** One tool call: what it is doing, its input and result on request, and the question if it needs approval. */
export function ToolCall({ part, active, busy, onRespond }: ToolCallProps) {
  const name = getToolName(part);
  const { title, detail, icon } = describe(name, part.input);
  const { text, tone } = progress(part, active, busy);
  const asks = part.state === "approval-requested" && active && !part.approval.isAutomatic;

  return (
    <div className={`tool tool-${tone}`} data-testid="tool-call" data-tool={name} data-state={part.state}>
      <details>
        <summary>
          <Icon name={icon} />
          <span className="tool-title">
            {title}
            {detail && <span className="tool-detail"> {detail}</span>}
          </span>
          <span className="tool-progress">
            {tone === "running" && <span className="spinner" aria-hidden="true" />}
            {text}
          </span>
          <Icon name="chevron" />
        </summary>
        <div className="tool-data">
          <Data label="Input" value={part.input} />
          {part.state === "output-available" && <Data label="Result" value={part.output} />}
        </div>
      </details>
      {part.state === "output-error" && <p className="tool-error">{part.errorText}</p>}
      {asks && (
        <Approval
          key={part.approval.id}
          title={title}
          detail={detail}
          onRespond={(approved) => onRespond(part.approval.id, approved)}
        />
      )}
    </div>
  );
}

type ApprovalProps = { title: string; detail: string; onRespond: (approved: boolean) => void };

function Approval({ title, detail, onRespond }: ApprovalProps) {
  const [answered, setAnswered] = useState(false);
  const answer = (approved: boolean) => {
    setAnswered(true);
    onRespond(approved);
  };
  return (
    <div className="approval" data-testid="approval" role="group" aria-label={`Approval for ${title} ${detail}`}>
      <p>
        The assistant wants to run <strong>{title}</strong>
        {detail && (
          <>
            {" with "}
            <strong>{detail}</strong>
          </>
        )}
        . Is that all right?
      </p>
      <div className="approval-buttons">
        <button type="button" className="button button-primary" disabled={answered} onClick={() => answer(true)}>
          Approve
        </button>
        <button type="button" className="button" disabled={answered} onClick={() => answer(false)}>
          Reject
        </button>
      </div>
    </div>
  );
}

function Data({ label, value }: { label: string; value: unknown }) {
  if (value === undefined) return null;
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <>
      <p className="tool-label">{label}</p>
      <pre tabIndex={0} aria-label={label} role="group">
        {text}
      </pre>
    </>
  );
}

type Progress = { text: string; tone: "running" | "done" | "waiting" | "failed" | "idle" };

function progress(part: ToolPart, active: boolean, busy: boolean): Progress {
  switch (part.state) {
    case "input-streaming":
      return busy ? { text: "Preparing", tone: "running" } : { text: "Cancelled", tone: "idle" };
    case "input-available":
      // A tool of the browser runs while the reply pauses; any other stops with the reply.
      return busy || (active && getToolName(part) in browserTools)
        ? { text: "Running", tone: "running" }
        : { text: "Cancelled", tone: "idle" };
    case "approval-requested":
      return active ? { text: "Needs approval", tone: "waiting" } : { text: "Not answered", tone: "idle" };
    case "approval-responded":
      if (!part.approval.approved) return { text: "Declined", tone: "idle" };
      return active ? { text: "Running", tone: "running" } : { text: "Cancelled", tone: "idle" };
    case "output-denied":
      return { text: "Declined", tone: "idle" };
    case "output-error":
      return { text: "Failed", tone: "failed" };
    case "output-available":
      return part.preliminary ? { text: "Running", tone: "running" } : { text: "Done", tone: "done" };
  }
}

/** Friendlier words for the tools of this project. Any other tool is shown by its name. */
function describe(name: string, input: unknown): { title: string; detail: string; icon: IconName } {
  // While the input streams in, any of it may be missing.
  const { city, a, b, operator, description, about } = (input ?? {}) as Record<string, unknown>;
  switch (name) {
    case "getWeather":
      return { title: "Weather", detail: typeof city === "string" ? city : "", icon: "cloud" };
    case "getUserTimezone":
      return { title: "Timezone", detail: "from your browser", icon: "clock" };
    case "calculate":
      return {
        title: "Calculator",
        detail: operator && b !== undefined ? expression(a, String(operator), b) : "",
        icon: "sum"
      };
    case "scheduleReminder":
      return { title: "Reminder", detail: typeof description === "string" ? description : "", icon: "bell" };
    case "listReminders":
      return { title: "Reminders", detail: "", icon: "bell" };
    case "cancelReminders":
      return { title: "Cancel reminders", detail: typeof about === "string" ? about : "", icon: "bell" };
    default:
      return { title: name, detail: "", icon: "tool" };
  }
}

const signs: Record<string, string> = { "*": "×", "/": "÷", "-": "−", "%": "mod" };

const expression = (a: unknown, operator: string, b: unknown) =>
  `${String(a)} ${signs[operator] ?? operator} ${String(b)}`;
