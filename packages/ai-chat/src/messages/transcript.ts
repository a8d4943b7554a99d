import type { Schema } from "agents/capability";
import type { UIMessage } from "ai";
import { fitRow } from "./fit-row";
import { placeIn } from "./place-in";
import type { Changes } from "./reconcile";
import type { SessionHistory } from "./session-history";
import { storedMessage } from "./stored-message";
import type { Watch } from "./watch";

/** A place in the order of messages: a UTC time as SQLite writes it, to the millisecond. */
export type Place = string;

export const placeAt = (atMs: number): Place => new Date(atMs).toISOString().slice(0, 23).replace("T", " ");
const timeOf = (place: Place): number => Date.parse(`${place.replace(" ", "T")}Z`);

export interface Entry {
  message: UIMessage;
  place: Place;
}

/** Which transcript this is. Revisions of two epochs do not compare. */
export interface Head {
  epoch: string;
  revision: number;
}

/** What one change did, from one revision to the next. */
export interface Change extends Head {
  from: number;
  /** As they are stored. */
  upserted: UIMessage[];
  /** The ids of those that are new. */
  added: ReadonlySet<string>;
  removed: string[];
}

/** What a client does not have. */
export interface Since extends Head {
  /** It has to forget what it has. */
  reset: boolean;
  removed: string[];
  /** The last messages, in order: from the first one that changed or, after a reset, as many as are wanted. */
  messages: UIMessage[];
  /** The id of the message before the first of these. */
  before: string | undefined;
}

/** What is written together with a change, before and after its rows. A throw undoes all of it. */
export interface Alongside {
  before?(): void;
  /** @param added the ids of the messages that are new */
  after?(added: ReadonlySet<string>): void;
}

/**
 * What is stored of a transcript beside its messages. The revision is that of the last change, so it is the highest that a message has,
 * or that of the last removal.
 */
interface Note {
  epoch: string;
  /** The revision of the last removal. */
  removedAt: number;
}

interface State extends Head, Note {}

const none: State = { epoch: "", revision: 0, removedAt: 0 };
const rememberedRemovals = 100;
const batchSize = 25;
/** About how much is sent of a conversation at once. */
const maxPageLength = 1_000_000;

/**
 * The messages of a conversation: one row each, in the order of their places. Rows are the truth. There is a copy of all of them
 * in memory once somebody asked for all.
 */
export class Transcript {
  readonly #schema: Schema;
  readonly #history: SessionHistory;
  readonly #now: () => number;
  /** How many messages are kept; without a limit, all. */
  readonly #limit: () => number | undefined;
  readonly #watch: Watch | undefined;
  #state: State | undefined;
  /** The last message, if it is known. */
  #last: { entry: Entry | undefined } | undefined;
  #entries: Entry[] | undefined;
  #messages: UIMessage[] | undefined;
  #count: number | undefined;
  #lastPlaceMs = 0;
  /** The latest removals, oldest first. What was removed up to `#forgottenAt` is not known any more. */
  #removals: { revision: number; ids: string[] }[] = [];
  #forgottenAt = 0;

  constructor(
    schema: Schema,
    history: SessionHistory,
    now: () => number,
    limit: () => number | undefined,
    watch?: Watch
  ) {
    this.#schema = schema;
    this.#history = history;
    this.#now = now;
    this.#limit = limit;
    this.#watch = watch;
  }

  // --- reading ---

  get head(): Head {
    const { epoch, revision } = this.#loaded;
    return { epoch, revision };
  }

  /** All of them. */
  get messages(): UIMessage[] {
    return (this.#messages ??= this.#list.map(({ message }) => message));
  }

  get last(): UIMessage | undefined {
    return this.#lastEntry?.message;
  }

  get(id: string): UIMessage | undefined {
    return this.entry(id)?.message;
  }

  entry(id: string): Entry | undefined {
    if (this.#last?.entry?.message.id === id) return this.#last.entry;
    if (this.#entries) return this.#entries.findLast(({ message }) => message.id === id);
    this.#ready();
    return this.#entriesOf(
      "SELECT id, message, created_at AS place FROM cf_ai_chat_agent_messages WHERE id = ?",
      id
    )[0];
  }

  /** The ids of all of them, in order. */
  ids(): string[] {
    this.#ready();
    const query = "SELECT id FROM cf_ai_chat_agent_messages ORDER BY created_at, rowid";
    return this.#schema.read<{ id: string }>(query).map((row) => row.id);
  }

  /** The id of the message before this one. */
  previous(id: string): string | undefined {
    if (this.#entries)
      return this.#entries[this.#entries.findLastIndex(({ message }) => message.id === id) - 1]?.message.id;
    this.#ready();
    const query = `SELECT id FROM cf_ai_chat_agent_messages WHERE (created_at, rowid) < ${placeOf} ORDER BY created_at DESC, rowid DESC LIMIT 1`;
    return this.#schema.read<{ id: string }>(query, id)[0]?.id;
  }

  /** The id of the message after this one; of the first, after none. */
  next(id: string | undefined): string | undefined {
    this.#ready();
    const place = id === undefined ? "" : `WHERE (created_at, rowid) > ${placeOf}`;
    const query = `SELECT id FROM cf_ai_chat_agent_messages ${place} ORDER BY created_at, rowid LIMIT 1`;
    return this.#schema.read<{ id: string }>(query, ...(id === undefined ? [] : [id]))[0]?.id;
  }

  /** This message and all after it. */
  from(id: string): string[] {
    this.#ready();
    const query = `SELECT id FROM cf_ai_chat_agent_messages WHERE (created_at, rowid) >= ${placeOf} ORDER BY created_at, rowid`;
    return this.#schema.read<{ id: string }>(query, id).map((row) => row.id);
  }

  /** The ids of a message and, if it is a question, of what answers it. */
  withAnswers(id: string): string[] {
    this.#ready();
    const query = `SELECT id, message, created_at AS place FROM cf_ai_chat_agent_messages WHERE (created_at, rowid) >= ${placeOf} ORDER BY created_at, rowid LIMIT ${batchSize}`;
    const rows = this.#entriesOf(query, id);
    const isQuestion = rows[0]?.message.role === "user";
    const end = rows.findIndex(({ message }, index) => index > 0 && (!isQuestion || message.role !== "assistant"));
    return rows.slice(0, end < 0 ? rows.length : end).map(({ message }) => message.id);
  }

  /** The messages before one (or the last ones), as many as are wanted and may be sent at once. */
  page(before: string | undefined, limit: number): { messages: UIMessage[]; hasMore: boolean } {
    this.#ready();
    const messages: UIMessage[] = [];
    let length = 0;
    for (let cursor = before; ;) {
      const count = Math.min(batchSize, limit - messages.length) + 1;
      const rows = this.#schema.read<{ id: string; message: string }>(
        `SELECT id, message FROM cf_ai_chat_agent_messages ${cursor === undefined ? "" : `WHERE (created_at, rowid) < ${placeOf}`} ORDER BY created_at DESC, rowid DESC LIMIT ${count}`,
        ...(cursor === undefined ? [] : [cursor])
      );
      for (const row of rows.slice(0, count - 1)) {
        length += row.message.length;
        if (messages.length > 0 && length > maxPageLength) return { messages: messages.toReversed(), hasMore: true };
        const message = storedMessage(row.id, row.message);
        if (message) messages.push(message);
        cursor = row.id;
      }
      const hasMore = rows.length === count;
      if (!hasMore || messages.length >= limit) return { messages: messages.toReversed(), hasMore };
    }
  }

  /** What somebody does not have who has a revision, or nothing. */
  since(known: Partial<Head>, limit: number): Since & { hasMore: boolean } {
    const head = this.head;
    const { epoch, revision } = known;
    const isKnown =
      epoch === head.epoch && revision !== undefined && revision <= head.revision && revision >= this.#forgottenAt;
    const changed = isKnown ? this.#changedSince(revision, limit) : undefined;
    if (changed && isKnown) {
      const removed = this.#removals.flatMap((removal) => (removal.revision > revision ? removal.ids : []));
      return { ...head, ...changed, reset: false, removed, hasMore: false };
    }
    return { ...head, ...this.page(undefined, limit), reset: true, removed: [], before: undefined };
  }

  /** All from the first message that changed, unless these are too many. */
  #changedSince(revision: number, limit: number): Pick<Since, "messages" | "before"> | undefined {
    if (revision === this.head.revision) return { messages: [], before: undefined };
    const [first] = this.#schema.read<{ id: string }>(
      "SELECT id FROM cf_ai_chat_agent_messages WHERE revision > ? ORDER BY created_at, rowid LIMIT 1",
      revision
    );
    if (!first) return { messages: [], before: undefined };
    const query = `SELECT id, message, created_at AS place FROM cf_ai_chat_agent_messages WHERE (created_at, rowid) >= ${placeOf} ORDER BY created_at, rowid LIMIT ${limit + 1}`;
    const rows = this.#schema.read<Row>(query, first.id);
    if (rows.length > limit || rows.reduce((length, row) => length + row.message.length, 0) > maxPageLength)
      return undefined;
    return { messages: entriesOf(rows).map(({ message }) => message), before: this.previous(first.id) };
  }

  /** Those of these messages that are not stored just so. What an application holds of a message it may have changed in place. */
  changed(messages: readonly UIMessage[]): UIMessage[] {
    this.#ready();
    const query = "SELECT id, message FROM cf_ai_chat_agent_messages WHERE id IN (SELECT value FROM json_each(?))";
    const ids = JSON.stringify(messages.map(({ id }) => id));
    const stored = new Map(
      this.#schema.read<{ id: string; message: string }>(query, ids).map(({ id, message }) => [id, message])
    );
    return messages.filter((message) => stored.get(message.id) !== JSON.stringify(message));
  }

  // --- writing ---

  /** The next place in the order. An answer takes its place when it is asked for: later questions come after it. */
  reserve(): Place {
    const latest = timeOf(this.#lastEntry?.place ?? "") || 0;
    this.#lastPlaceMs = Math.max(this.#now(), this.#lastPlaceMs + 1, latest + 1);
    return placeAt(this.#lastPlaceMs);
  }

  /** Removes, then upserts, together with whatever `alongside` writes: rows first, then what is in memory. */
  change({ removed, upserted }: Changes, alongside?: Alongside): Change {
    return this.#commit(
      removed,
      upserted.map((message) => ({ message, place: this.reserve() })),
      alongside
    );
  }

  /** Adds or replaces one message. A new one goes to `place`. */
  put(message: UIMessage, place: Place, alongside?: Alongside): Change {
    return this.#commit([], [{ message, place }], alongside);
  }

  /** Removes messages, and puts others in the places that they had. */
  exchange(removed: readonly string[], entries: readonly Entry[], alongside?: Alongside): Change {
    return this.#commit(removed, entries, alongside);
  }

  /** Removes all, together with whatever `alongside` writes. */
  clear(alongside: () => void): void {
    const { epoch, revision } = this.#loaded;
    this.#schema.transaction(() => {
      if (epoch !== "") {
        this.#schema.write("DELETE FROM cf_ai_chat_agent_messages");
        this.#note({ epoch, removedAt: revision + 1 });
      }
      alongside();
      this.#watch?.cleared();
    });
    this.#state = this.#last = this.#messages = this.#count = undefined;
    this.#entries = [];
    this.#removals = [];
  }

  #commit(removed: readonly string[], entries: readonly Entry[], alongside: Alongside = {}): Change {
    const before = this.#loaded;
    const isChange = removed.length > 0 || entries.length > 0;
    const revision = before.revision + (isChange ? 1 : 0);
    // The first message of all begins the epoch.
    const state = { ...before, revision, epoch: before.epoch || (isChange ? crypto.randomUUID() : "") };
    const added = new Set<string>();
    let dropped: string[] = [];
    const stored: Entry[] = [];
    // Until it is counted again: a throw undoes the rows.
    const count = this.#count;
    this.#count = undefined;
    this.#transaction(() => {
      alongside.before?.();
      if (removed.length > 0) {
        this.#schema.write(
          "DELETE FROM cf_ai_chat_agent_messages WHERE id IN (SELECT value FROM json_each(?))",
          JSON.stringify(removed)
        );
      }
      for (const { message: given, place } of entries) {
        const message = fitRow(this.#watch?.storing(given) ?? given);
        const [row] = this.#schema.write<{ place: Place }>(
          `INSERT INTO cf_ai_chat_agent_messages (id, message, created_at, revision) VALUES (?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET message = excluded.message, revision = excluded.revision RETURNING created_at AS place`,
          message.id,
          JSON.stringify(message),
          place,
          revision
        );
        if (row!.place === place && !this.#isInMemory(message.id, removed)) added.add(message.id);
        stored.push({ message, place: row!.place });
      }
      alongside.after?.(added);
      if (isChange)
        dropped = this.#dropExcess(count === undefined || removed.length > 0 ? undefined : count + added.size);
      if (removed.length > 0 || dropped.length > 0) state.removedAt = revision;
      if (isChange && (state.epoch !== before.epoch || state.removedAt !== before.removedAt)) this.#note(state);
      const replaced = stored.flatMap(({ message }) => (added.has(message.id) ? [] : [message]));
      this.#watch?.stored([...removed, ...dropped], replaced, dropped);
    });
    this.#state = state;
    const gone = [...removed, ...dropped];
    const kept = dropped.length === 0 ? stored : stored.filter(({ message: { id } }) => !dropped.includes(id));
    this.#remember(gone, kept);
    const upserted = kept.map(({ message }) => message);
    return { ...this.head, from: before.revision, upserted, added, removed: gone };
  }

  /** The application may look at what is being changed. If that is undone, nothing of it stays in memory. */
  #transaction(run: () => void): void {
    try {
      this.#schema.transaction(run);
    } catch (error) {
      this.#state = this.#last = this.#entries = this.#messages = this.#count = undefined;
      throw error;
    }
  }

  #note({ epoch, removedAt }: Note): void {
    this.#schema.note = { epoch, removedAt } satisfies Note;
  }

  #isInMemory(id: string, removed: readonly string[]): boolean {
    if (removed.includes(id)) return false;
    return this.#last?.entry?.message.id === id || this.#entries?.some(({ message }) => message.id === id) === true;
  }

  /** Deletes the oldest messages beyond those that are kept. */
  #dropExcess(known: number | undefined): string[] {
    const limit = this.#limit();
    if (limit === undefined) return [];
    const query = "SELECT count(*) AS n FROM cf_ai_chat_agent_messages";
    const count = known ?? this.#schema.read<{ n: number }>(query)[0]?.n ?? 0;
    const excess = Math.max(0, count - Math.max(1, Math.floor(limit)));
    this.#count = count - excess;
    if (excess === 0) return [];
    return this.#schema
      .write<{ id: string }>(
        "DELETE FROM cf_ai_chat_agent_messages WHERE id IN (SELECT id FROM cf_ai_chat_agent_messages ORDER BY created_at, rowid LIMIT ?) RETURNING id",
        excess
      )
      .map(({ id }) => id);
  }

  /** Makes what is in memory agree with the rows. */
  #remember(removed: readonly string[], stored: readonly Entry[]): void {
    const { revision } = this.#state!;
    if (removed.length > 0) {
      this.#removals.push({ revision, ids: [...removed] });
      if (this.#removals.length > rememberedRemovals) this.#forgottenAt = this.#removals.shift()!.revision;
    }
    const gone = new Set(removed);
    this.#messages = undefined;
    if (this.#entries) {
      const entries = gone.size > 0 ? this.#entries.filter(({ message }) => !gone.has(message.id)) : [...this.#entries];
      for (const entry of stored) placeIn(entry, entries);
      this.#entries = entries;
      this.#last = { entry: entries.at(-1) };
      return;
    }
    let last = this.#last?.entry;
    if (last && gone.has(last.message.id)) last = undefined;
    const isKnown = this.#last !== undefined && (last !== undefined || this.#last.entry === undefined);
    for (const entry of stored) {
      if (last === undefined ? isKnown : entry.place >= last.place || entry.message.id === last.message.id)
        last = entry;
    }
    this.#last = isKnown ? { entry: last } : undefined;
  }

  // --- what is in memory ---

  /** Before anything is read or written. */
  #ready(): void {
    if (this.#history.isWaiting) this.#takeOver();
  }

  /** Makes the messages of another release ours. */
  #takeOver(): void {
    this.#schema.transaction(() => {
      let lastMs = 0;
      const entries = this.#history.take().map(({ message, atMs }) => {
        lastMs = Math.max(atMs, lastMs + 1);
        return { message, place: placeAt(lastMs) };
      });
      this.#commit([], entries);
    });
  }

  get #loaded(): State {
    if (!this.#state) {
      this.#ready();
      this.#load();
    }
    return this.#state!;
  }

  #load(): void {
    if (!this.#schema.exists) {
      this.#state = none;
      this.#last = { entry: undefined };
      return;
    }
    const [row] = this.#schema.read<Partial<Row> & { revision: number; isForeign: number }>(
      `SELECT newest.id, message, created_at AS place, (SELECT ifnull(max(revision), 0) FROM cf_ai_chat_agent_messages) AS revision,
         EXISTS (SELECT 1 FROM cf_ai_chat_agent_messages WHERE revision IS NULL) AS isForeign
       FROM (SELECT 0) LEFT JOIN (SELECT id, message, created_at FROM cf_ai_chat_agent_messages ORDER BY created_at DESC, rowid DESC LIMIT 1) AS newest`
    );
    const note = this.#schema.note as Note | undefined;
    const revision = Math.max(row!.revision, note?.removedAt ?? 0);
    this.#state = note && !row!.isForeign ? { ...note, revision } : this.#beginEpoch(revision);
    this.#forgottenAt = this.#state.removedAt;
    if (row!.message == null) this.#last = { entry: undefined };
    else {
      // What cannot be read is hidden; then the last message is another one.
      const [entry] = entriesOf([{ id: row!.id!, message: row!.message, place: row!.place! }]);
      this.#last = entry && { entry };
    }
  }

  /** An older release has written since, or all there is: clients cannot know what. */
  #beginEpoch(latest: number): State {
    const revision = latest + 1;
    const state = { epoch: crypto.randomUUID(), revision, removedAt: revision };
    this.#schema.transaction(() => {
      this.#schema.write("UPDATE cf_ai_chat_agent_messages SET revision = ? WHERE revision IS NULL", revision);
      this.#note(state);
    });
    return state;
  }

  get #lastEntry(): Entry | undefined {
    void this.#loaded;
    this.#last ??= { entry: this.#list.at(-1) };
    return this.#last.entry;
  }

  get #list(): Entry[] {
    if (!this.#entries) {
      this.#ready();
      this.#entries = this.#entriesOf(
        "SELECT id, message, created_at AS place FROM cf_ai_chat_agent_messages ORDER BY created_at, rowid"
      );
    }
    return this.#entries;
  }

  #entriesOf(query: string, ...values: string[]): Entry[] {
    return entriesOf(this.#schema.read<Row>(query, ...values));
  }
}

type Row = { id: string; message: string; place: Place };

const placeOf = "(SELECT created_at, rowid FROM cf_ai_chat_agent_messages WHERE id = ?)";

/** One bad row hides one message, not the conversation. */
const entriesOf = (rows: readonly Row[]): Entry[] =>
  rows.flatMap((row) => {
    const message = storedMessage(row.id, row.message);
    return message ? [{ message, place: row.place }] : [];
  });
