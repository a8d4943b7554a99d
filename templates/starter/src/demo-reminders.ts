import type { DemoCall, Intent } from "./demo-intent";

const askForTime = "When should I remind you? Say “in 10 seconds”, “tomorrow at 9” or “every day at 9”, for instance.";

/**
 * What a message asks for, if it is about reminders.
 *
 * @param now date, time and offset from UTC of where the user is, as the instructions give them; other texts may surround them
 */
export function reminderIntent(text: string, now: string): Intent | undefined {
  if (/\bremind me\b/i.test(text)) {
    const found = timeIn(text, now);
    if (!found) return { kind: "text", text: askForTime };
    return calls("scheduleReminder", { description: descriptionIn(text.replace(found.words, " ")), when: found.when });
  }
  if (!/\breminders?\b/i.test(text)) return undefined;
  if (/\b(cancel|delete|remove|stop|forget)\b/i.test(text)) {
    const about = /\breminders?\s+(?:to|about|for|of)\s+(.+?)[.!?]*$/i.exec(text)?.[1] ?? "";
    return calls("cancelReminders", { about });
  }
  return /\b(what|which|list|show|any|my)\b/i.test(text) ? calls("listReminders", {}) : undefined;
}

const calls = (toolName: string, input: DemoCall["input"]): Intent => ({
  kind: "calls",
  calls: [{ toolName, input, step: 0 }]
});

type When =
  | { type: "delayed"; delayInSeconds: number }
  | { type: "scheduled"; date: string }
  | { type: "cron"; cron: string };

const clock = String.raw`(?:at\s+)?(\d{1,2})(?::(\d\d))?\s*(am|pm)?(?:\s*o['’]clock)?`;
const weekdays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const seconds: Record<string, number> = { second: 1, minute: 60, hour: 3_600, day: 86_400 };

/** When to remind, and the words that say so. */
function timeIn(text: string, now: string): { when: When; words: string } | undefined {
  const delay = /\bin\s+(an?|one|\d+)\s+(second|minute|hour|day)s?\b/i.exec(text);
  if (delay) {
    const count = Number(delay[1]!.replace(/^(an?|one)$/i, "1"));
    const delayInSeconds = count * seconds[delay[2]!.toLowerCase()]!;
    return { words: delay[0], when: { type: "delayed", delayInSeconds } };
  }
  const often = /\bevery\s+(?:(\d+)\s+)?(minute|hour)s?\b/i.exec(text);
  if (often) {
    const step = `*/${often[1] ?? 1}`;
    const cron = often[2]!.toLowerCase() === "minute" ? `${step} * * * *` : `0 ${step} * * *`;
    return { words: often[0], when: { type: "cron", cron } };
  }
  const daily = new RegExp(
    String.raw`\b(?:every\s+(day|morning|weekday|${weekdays.join("|")})|daily)\b(?:\s+${clock})?`,
    "i"
  );
  const repeated = daily.exec(text);
  if (repeated) {
    const [hour, minute] = timeOf(repeated.slice(2)) ?? [9, 0];
    const day = repeated[1]?.toLowerCase() ?? "day";
    const weekday = day === "weekday" ? "1-5" : weekdays.includes(day) ? weekdays.indexOf(day) : "*";
    return { words: repeated[0], when: { type: "cron", cron: `${minute} ${hour} * * ${weekday}` } };
  }
  const once = new RegExp(String.raw`\b(?:(tomorrow|today)(?:\s+${clock})?|at\s+${clock})`, "i").exec(text);
  return once ? onceAt(once, now) : undefined;
}

/** "tomorrow at 9" or "at 17:30": today, or tomorrow if that is over. */
function onceAt(match: RegExpExecArray, now: string): { when: When; words: string } | undefined {
  const [, today, clockTime, offset] = /(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:]*([+-]\d\d:\d\d)/.exec(now) ?? [];
  const time = timeOf(match.slice(2)) ?? timeOf(match.slice(5)) ?? (match[1] ? [9, 0] : undefined);
  if (!today || !time) return undefined;
  const local = time.map((part) => String(part).padStart(2, "0")).join(":");
  const isTomorrow = match[1]?.toLowerCase() === "tomorrow" || local <= clockTime!;
  const day = new Date(Date.parse(today) + (isTomorrow ? 86_400_000 : 0)).toISOString().slice(0, 10);
  return { words: match[0], when: { type: "scheduled", date: `${day}T${local}:00${offset}` } };
}

/** "9", "9:30", "5 pm" → hour and minute. */
function timeOf([hours, minutes = "0", half]: (string | undefined)[]): [hour: number, minute: number] | undefined {
  if (hours === undefined) return undefined;
  const hour = half ? (Number(hours) % 12) + (half.toLowerCase() === "pm" ? 12 : 0) : Number(hours);
  return hour < 24 && Number(minutes) < 60 ? [hour, Number(minutes)] : undefined;
}

/** "please remind me to stretch" → "stretch" */
function descriptionIn(text: string): string {
  const words = text
    .replace(/^.*?\bremind me\b/i, "")
    .trim()
    .replace(/^(?:to|about|that|of)\s+/i, "")
    .replace(/[\s.!?,]+$/, "")
    .replace(/\s+/g, " ");
  const description = words || "Here is the reminder that you asked for";
  return description[0]!.toUpperCase() + description.slice(1);
}

/** What came of a call about reminders. */
export function describeReminders(toolName: string, value: Record<string, unknown>): string {
  if (toolName === "cancelReminders") {
    const cancelled = value.cancelled as string[];
    return cancelled.length === 0 ? "There is no such reminder." : `Cancelled:\n\n${list(cancelled)}`;
  }
  const reminders = toolName === "listReminders" ? (value.reminders as Described[]) : [value as Described];
  if (reminders.length === 0) return "There are no reminders. Try “Remind me in 10 seconds to stretch”.";
  const lines = reminders.map(
    ({ text, next, cron }) => `**${text}**, ${cron ? `from ${readable(next)} on` : readable(next)}`
  );
  return toolName === "listReminders"
    ? list(lines)
    : `I will remind you: ${lines[0]}. It comes even if you close this page.`;
}

type Described = { text: string; next: string; cron?: string };

const list = (lines: string[]) => lines.map((line) => `- ${line}`).join("\n");

/** "Saturday 2026-11-21T17:15:56+01:00" → "Saturday 2026-11-21 at 17:15:56" */
const readable = (next: string) => next.replace(/T([\d:]{8}).*$/, " at $1");
