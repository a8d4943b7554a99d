/** What the server and the page agree on. The page imports this file too, so nothing of the server belongs here. */

/** The state of one chat, live in every tab that has it open. */
export type ChatState = {
  assistantName: string;
  /** Used by the weather tool. */
  unit: "C" | "F";
  /** Free text that the model reads with every message. */
  notes: string;
  /** How many messages have been answered. Counted by the server. */
  turns: number;
};

export const initialState: ChatState = { assistantName: "Assistant", unit: "C", notes: "", turns: 0 };

export const limits = { assistantName: 40, notes: 2000 };

/** Which model answers, for the badge in the header. */
export type ModelInfo = { label: string; demo: boolean };

/** A reminder that waits for its time. */
export type Reminder = {
  id: string;
  text: string;
  nextMs: number;
  /** When it comes again and again, and where the clocks are that it goes by. */
  cron?: string;
  timeZone?: string;
};

/** A reminder whose time has come, until the user has seen it. One that repeats is shown once, with its last time. */
export type DueReminder = { id: string; text: string; atMs: number };

export type Reminders = { waiting: Reminder[]; due: DueReminder[] };

/** The agent sends this to all tabs whenever the reminders have changed. */
export type RemindersMessage = { type: "reminders" } & Reminders;

/** Throws if `value` is not a state. It came over the network, so nothing about it can be taken for granted. */
export function assertChatState(value: unknown): asserts value is ChatState {
  if (typeof value !== "object" || value === null) throw new Error("the state must be an object");
  const { assistantName, unit, notes, turns } = value as Record<string, unknown>;
  if (typeof assistantName !== "string" || assistantName.trim() === "" || assistantName.length > limits.assistantName) {
    throw new Error(`assistantName must have 1 to ${limits.assistantName} characters`);
  }
  if (unit !== "C" && unit !== "F") throw new Error("unit must be C or F");
  if (typeof notes !== "string" || notes.length > limits.notes) {
    throw new Error(`notes must have at most ${limits.notes} characters`);
  }
  if (typeof turns !== "number" || !Number.isSafeInteger(turns) || turns < 0)
    throw new Error("turns must be a whole number");
}
