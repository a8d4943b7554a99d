import { AIChatAgent, type OnChatMessageOptions } from "@cloudflare/ai-chat";
import { callable, routeAgentRequest, type Schedule } from "agents";
import { convertToModelMessages, pruneMessages, stepCountIs, streamText, type UIMessage } from "ai";
import { chooseModel } from "./model";
import { localTime, readTimeZone } from "./local-time";
import {
  assertChatState,
  initialState,
  type ChatState,
  type DueReminder,
  type ModelInfo,
  type Reminder,
  type Reminders,
  type RemindersMessage
} from "./shared";
import { createTools } from "./tools";

/** One instance for every chat, each with its own database: messages and state are there after any restart. */
export class ChatAgent extends AIChatAgent<Env, ChatState> {
  initialState = initialState;

  onStart() {
    this.sql`CREATE TABLE IF NOT EXISTS due_reminders (id TEXT PRIMARY KEY, text TEXT NOT NULL, at_ms INTEGER NOT NULL)`;
  }

  /** Runs for every user message, and again when a tool result or an approval comes in. */
  async onChatMessage(_onFinish: unknown, options?: OnChatMessageOptions) {
    if (this.messages.at(-1)?.role === "user") this.setState({ ...this.state, turns: this.state.turns + 1 });

    // The page sends it along with every message.
    const timeZone = readTimeZone(options?.body?.timeZone);
    const messages = await convertToModelMessages(recent(this.messages), {
      // A call that was cut off (by Stop, or by a tab that closed) has no result, which models reject.
      ignoreIncompleteToolCalls: true
    });
    const result = streamText({
      model: chooseModel(this.env).model,
      instructions: instructions(this.state, timeZone),
      // Tool calls of long ago cost tokens and rarely matter.
      messages: pruneMessages({ messages, toolCalls: "before-last-20-messages" }),
      tools: createTools(this, timeZone),
      stopWhen: stepCountIs(5),
      abortSignal: options?.abortSignal
    });
    return result.toUIMessageStreamResponse({
      // Shown in the page. Replace it with a fixed text if your provider's errors say more than users should read.
      onError: (error) => (error instanceof Error ? error.message : String(error))
    });
  }

  /** Runs before a state is stored. What it throws rejects the change. */
  validateStateChange(next: ChatState, source: unknown) {
    assertChatState(next);
    if (source !== "server" && next.turns !== this.state.turns) throw new Error("turns is counted by the server");
  }

  /** Called by the page: `agent.stub.resetPreferences()`. */
  @callable()
  resetPreferences(): ChatState {
    this.setState({ ...initialState, turns: this.state.turns });
    return this.state;
  }

  /** Called by the page when it connects, to show which model answers. */
  @callable()
  describeModel(): ModelInfo {
    return chooseModel(this.env).info;
  }

  // --- reminders ---

  /** Called by a tool. `when` is a delay in seconds, a date, or a cron expression that goes by the clocks of a time zone. */
  async remind(text: string, when: number | Date | string, timeZone: string): Promise<Reminder> {
    const options = typeof when === "string" ? { timeZone } : {};
    const schedule = await this.schedule(when, "showReminder", { text }, options);
    this.#remindersChanged();
    return reminderOf(schedule);
  }

  /** Called when a reminder is due; again, if the server was killed before it knew that this was done. */
  showReminder({ text }: { text: string }, { id, timeMs }: Schedule) {
    this.sql`INSERT INTO due_reminders (id, text, at_ms) VALUES (${id}, ${text}, ${timeMs})
      ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms`;
    this.#remindersChanged();
  }

  /** Called by the page when it connects, and by a tool. */
  @callable()
  listReminders(): Reminders {
    const due = this.sql<DueReminder>`SELECT id, text, at_ms AS atMs FROM due_reminders ORDER BY at_ms`;
    const waiting = this.getSchedules<{ text: string }>()
      // The one that is being shown does not wait any more, unless it repeats.
      .filter(({ callback, type, timeMs }) => callback === "showReminder" && (type === "cron" || timeMs > Date.now()))
      .map(reminderOf);
    return { waiting, due };
  }

  /** Called by the page and by a tool. */
  @callable()
  async cancelReminder(id: string): Promise<boolean> {
    const cancelled = await this.cancelSchedule(id);
    this.#remindersChanged();
    return cancelled;
  }

  /** Called by the page: the user has seen it. */
  @callable()
  dismissReminder(id: string) {
    this.sql`DELETE FROM due_reminders WHERE id = ${id}`;
    this.#remindersChanged();
  }

  #remindersChanged() {
    const message: RemindersMessage = { type: "reminders", ...this.listReminders() };
    this.broadcast(JSON.stringify(message));
  }
}

/** What the model reads of a conversation: its end, from a question on. What is stored stays complete, however long it becomes. */
function recent(messages: UIMessage[]): UIMessage[] {
  const end = messages.slice(-200);
  return end.slice(
    Math.max(
      0,
      end.findIndex(({ role }) => role === "user")
    )
  );
}

function reminderOf(schedule: Schedule<{ text: string }>): Reminder {
  const { id, payload, timeMs: nextMs } = schedule;
  const { cron, timeZone } = schedule.type === "cron" ? schedule : {};
  return { id, text: payload.text, nextMs, cron, timeZone };
}

function instructions({ assistantName, unit, notes }: ChatState, timeZone: string): string {
  return [
    `You are a helpful assistant. Your name is "${assistantName}".`,
    "You can check the weather, find out the user's timezone, run calculations, and remind the user of things. Answer in Markdown.",
    `Where the user is (${timeZone}), it is now ${localTime(Date.now(), timeZone)}.`,
    `The user prefers temperatures in ${unit === "C" ? "Celsius" : "Fahrenheit"}.`,
    notes.trim() === "" ? "" : `The user keeps these notes for you:\n<notes>\n${notes.trim()}\n</notes>`
  ]
    .filter(Boolean)
    .join("\n");
}

export default {
  async fetch(request, env) {
    // /agents/chat-agent/<name> reaches the chat of that name. Everything else is the page, which is served as static assets.
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;
