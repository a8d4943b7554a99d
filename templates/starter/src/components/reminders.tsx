import { useId } from "react";
import type { DueReminder, Reminder } from "../shared";
import { Icon } from "./icons";

/** Reminders whose time has come: at the end of the conversation, until they are dismissed. */
export function DueReminders({ reminders, onDismiss }: { reminders: DueReminder[]; onDismiss: (id: string) => void }) {
  return reminders.map(({ id, text, atMs }) => (
    <article key={id} className="reminder" data-testid="reminder" aria-label="Reminder">
      <Icon name="bell" />
      <p>
        <strong>{text}</strong> <time dateTime={new Date(atMs).toISOString()}>{when(atMs)}</time>
      </p>
      <button type="button" className="button" aria-label={`Dismiss ${text}`} onClick={() => onDismiss(id)}>
        Dismiss
      </button>
    </article>
  ));
}

/** Reminders that wait for their time. */
export function WaitingReminders({ reminders, onCancel }: { reminders: Reminder[]; onCancel: (id: string) => void }) {
  const id = useId();
  return (
    <section className="waiting" data-testid="waiting-reminders" aria-labelledby={id}>
      <h2 id={id}>Reminders</h2>
      {reminders.length === 0 && (
        <p className="preferences-about">None. Ask the assistant to remind you of something.</p>
      )}
      <ul>
        {reminders.map(({ id, text, nextMs, cron }) => (
          <li key={id}>
            <p>
              <strong>{text}</strong>
              <span>{cron ? repeated(cron) : when(nextMs)}</span>
            </p>
            <button
              type="button"
              className="icon-button"
              aria-label={`Cancel reminder: ${text}`}
              title="Cancel"
              onClick={() => onCancel(id)}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The time alone if it is today. */
function when(atMs: number): string {
  const date = new Date(atMs);
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], isToday ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}

/** "0 9 * * 1-5" → "Monday to Friday, 09:00"; whatever is less common, as it is. */
function repeated(cron: string): string {
  const [minute, hour, day, month, weekday] = cron.split(" ");
  const days = weekday === "*" ? "Every day" : weekday === "1-5" ? "Monday to Friday" : undefined;
  const isDaily = days && day === "*" && month === "*" && /^\d+$/.test(`${hour}${minute}`);
  return isDaily ? `${days}, ${hour!.padStart(2, "0")}:${minute!.padStart(2, "0")}` : `Cron: ${cron}`;
}
