import type { Schema, SchemaDefinition } from "agents/capability";
import type { UIMessage } from "ai";
import { isMessage } from "../protocol/checks";
import { fitRow } from "./fit-row";
import type { Changes } from "./reconcile";
import type { SessionHistory } from "./session-history";

export const transcriptSchema: SchemaDefinition = {
  tables: ["cf_ai_chat_agent_messages"],
  migrations: [
    "CREATE TABLE IF NOT EXISTS cf_ai_chat_agent_messages (id TEXT PRIMARY KEY, message TEXT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP)"
  ]
};

/** A place in the order of messages: a UTC time as SQLite writes it, to the millisecond. */
export type Place = string;

export const placeAt = (atMs: number): Place => new Date(atMs).toISOString().slice(0, 23).replace("T", " ");
export const timeOf = (place: Place): number => Date.parse(`${place.replace(" ", "T")}Z`);

interface Entry {
  message: UIMessage;
  place: Place;
}

/** The messages of a conversation: one row each, and a copy in memory once somebody asked for them. */
export class Transcript {
  readonly #schema: Schema;
  readonly #history: SessionHistory;
  readonly #now: () => number;
  /** How many messages are kept; without a limit, all. */
  readonly #limit: () => number | undefined;
  #entries: Entry[] | undefined;
  #messages: UIMessage[] | undefined;
  #lastPlaceMs = 0;

  constructor(schema: Schema, history: SessionHistory, now: () => number, limit: () => number | undefined) {
    this.#schema = schema;
    this.#history = history;
    this.#now = now;
    this.#limit = limit;
  }

  get messages(): UIMessage[] {
    return (this.#messages ??= this.#list.map(({ message }) => message));
  }

  get last(): UIMessage | undefined {
    return this.messages.at(-1);
  }

  /** The next place in the order. An answer takes its place when it is asked for: later questions come after it. */
  reserve(): Place {
    const latest = timeOf(this.#list.at(-1)?.place ?? "") || 0;
    this.#lastPlaceMs = Math.max(this.#now(), this.#lastPlaceMs + 1, latest + 1);
    return placeAt(this.#lastPlaceMs);
  }

  /** Removes and upserts, together with whatever `alongside` writes: rows first, then the copy. */
  change({ removed, upserted }: Changes, alongside?: () => void): void {
    const gone = new Set(removed);
    const entries = new Map(
      this.#list.filter(({ message }) => !gone.has(message.id)).map((entry) => [entry.message.id, entry])
    );
    const added = upserted.map((message) => {
      return { message: fitRow(message), place: entries.get(message.id)?.place ?? this.reserve() };
    });
    for (const entry of added) entries.set(entry.message.id, entry);
    const { kept, dropped } = this.#cap(inOrder([...entries.values()]));
    this.#commit([...removed, ...dropped], added, alongside);
    this.#remember(kept);
  }

  /** Adds or replaces one message. A new one goes to `place`. */
  put(message: UIMessage, place: Place, alongside?: () => void): void {
    const index = this.#list.findIndex((entry) => entry.message.id === message.id);
    const entry = { message: fitRow(message), place: this.#list[index]?.place ?? place };
    const { kept, dropped } = this.#cap(index < 0 ? inOrder([...this.#list, entry]) : this.#list.with(index, entry));
    this.#commit(dropped, [entry], alongside);
    this.#remember(kept);
  }

  /** Those of these messages that are not stored just so. What an application holds of a message it may have changed in place. */
  changed(messages: readonly UIMessage[]): UIMessage[] {
    if (this.#history.isWaiting) this.#takeOver();
    const query = "SELECT id, message FROM cf_ai_chat_agent_messages WHERE id IN (SELECT value FROM json_each(?))";
    const ids = JSON.stringify(messages.map(({ id }) => id));
    const stored = new Map(
      this.#schema.read<{ id: string; message: string }>(query, ids).map(({ id, message }) => [id, message])
    );
    return messages.filter((message) => stored.get(message.id) !== JSON.stringify(message));
  }

  clear(): void {
    if (this.#history.isWaiting) this.#takeOver();
    if (this.#schema.exists) this.#schema.write("DELETE FROM cf_ai_chat_agent_messages");
    this.#remember([]);
  }

  /** Makes the messages of another release ours, before anything else is read or written. */
  #takeOver(): void {
    this.#schema.transaction(() => {
      let lastMs = 0;
      const entries = this.#history.take().map(({ message, atMs }) => {
        lastMs = Math.max(atMs, lastMs + 1);
        return { message: fitRow(message), place: placeAt(lastMs) };
      });
      this.#commit([], entries);
    });
  }

  #commit(removed: readonly string[], added: readonly Entry[], alongside?: () => void): void {
    this.#schema.transaction(() => {
      for (const { message, place } of added) {
        this.#schema.write(
          "INSERT INTO cf_ai_chat_agent_messages (id, message, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET message = excluded.message",
          message.id,
          JSON.stringify(message),
          place
        );
      }
      if (removed.length > 0) {
        this.#schema.write(
          "DELETE FROM cf_ai_chat_agent_messages WHERE id IN (SELECT value FROM json_each(?))",
          JSON.stringify(removed)
        );
      }
      alongside?.();
    });
  }

  /** The newest messages, as many as are kept, and the ids of the others. */
  #cap(entries: Entry[]): { kept: Entry[]; dropped: string[] } {
    const limit = this.#limit();
    const excess = limit === undefined ? 0 : Math.max(0, entries.length - Math.max(1, Math.floor(limit)));
    return { kept: entries.slice(excess), dropped: entries.slice(0, excess).map(({ message }) => message.id) };
  }

  #remember(entries: Entry[]): void {
    this.#entries = entries;
    this.#messages = undefined;
  }

  get #list(): Entry[] {
    if (!this.#entries) {
      if (this.#history.isWaiting) this.#takeOver();
      const query = "SELECT message, created_at AS place FROM cf_ai_chat_agent_messages ORDER BY created_at, rowid";
      const rows = this.#schema.read<{ message: string; place: Place }>(query);
      // One bad row hides one message, not the conversation.
      this.#entries = rows.flatMap(({ message, place }) => {
        const parsed = parse(message);
        return isMessage(parsed) ? [{ message: parsed, place }] : [];
      });
    }
    return this.#entries;
  }
}

/** A stable sort: equal places, as an older release wrote them, stay in the order of their rows. */
const inOrder = (entries: Entry[]): Entry[] =>
  entries.sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
