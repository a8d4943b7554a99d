import type { Schema } from "agents/capability";

/** A stream of an older release that has not ended. */
export interface OpenStream {
  id: string;
  requestId: string;
  /** When it was begun, in ms since the epoch: its message has this place among the others. */
  atMs: number;
}

/** A chunk, as JSON text, and its number in its turn. */
export interface Numbered {
  seq: number;
  text: string;
}

const chunksPerRow = 25;
/** In characters, of up to three bytes: SQLite keeps 2 MB a row. */
const maxRowLength = 500_000;

/**
 * The chunks of the turn that is speaking: one at a time does. They are packed: a row holds up to 25, one JSON text a line, so that
 * a stream costs few writes; what must not be lost is written at once. The rows go when the turn's message is stored.
 */
export class StreamLog {
  readonly #schema: Schema;
  readonly #now: () => number;
  #id = "";
  #stored = 0;
  /** The index of the first chunk of each row. */
  #rows: number[] = [];
  #chunks: string[] = [];
  /** Of these. */
  #length = 0;

  constructor(schema: Schema, now: () => number) {
    this.#schema = schema;
    this.#now = now;
  }

  begin(id: string): void {
    this.#id = id;
    this.forget();
  }

  /** The number of the last chunk; 0 for none. */
  get seq(): number {
    return this.#stored + this.#chunks.length;
  }

  /** Whether there may be rows, perhaps of an earlier life. */
  get exists(): boolean {
    return this.#schema.exists;
  }

  /** Whether there are rows to delete at the end. */
  get hasRows(): boolean {
    return this.#stored > 0;
  }

  /**
   * Adds a chunk, as JSON text.
   *
   * @param isStep it has to be known after a crash
   */
  append(chunk: string, isStep = false): void {
    if (this.#length + chunk.length > maxRowLength) this.#store();
    this.#chunks.push(chunk);
    this.#length += chunk.length + 1;
    if (this.#chunks.length === chunksPerRow || isStep || this.#length > maxRowLength) this.#store();
  }

  #store(): void {
    if (this.#chunks.length === 0) return;
    piecesOf(this.#chunks.join("\n")).forEach((piece, index) =>
      this.#schema.write(
        "INSERT INTO cf_ai_chat_stream_chunks (id, stream_id, body, chunk_index, created_at) VALUES (?, ?, ?, ?, ?)",
        `${this.#id}:${this.#stored}${index === 0 ? "" : `:${index}`}`,
        this.#id,
        piece,
        this.#stored,
        this.#now()
      )
    );
    this.#rows.push(this.#stored);
    this.#stored += this.#chunks.length;
    this.#chunks = [];
    this.#length = 0;
  }

  /** What was said after a chunk. */
  after(seq: number): Numbered[] {
    const numbered: Numbered[] = [];
    if (seq < this.#stored) {
      const first = this.#rows.findLast((index) => index <= seq) ?? 0;
      this.stored(this.#id, first).forEach((text, index) => numbered.push({ seq: first + index + 1, text }));
    }
    this.#chunks.forEach((text, index) => numbered.push({ seq: this.#stored + index + 1, text }));
    return numbered.filter((chunk) => chunk.seq > seq);
  }

  /** Forgets what was said, after its rows are gone. */
  forget(): void {
    this.#stored = 0;
    this.#rows = [];
    this.#chunks = [];
    this.#length = 0;
  }

  /** What is stored of a stream, from the row of a chunk on. A row of an older release holds one chunk. */
  stored(id: string, first = 0): string[] {
    const query =
      "SELECT body, chunk_index AS first FROM cf_ai_chat_stream_chunks WHERE stream_id = ? AND chunk_index >= ? ORDER BY chunk_index, rowid";
    const whole = new Map<number, string>();
    for (const row of this.#schema.read<{ body: string; first: number }>(query, id, first))
      whole.set(row.first, (whole.get(row.first) ?? "") + row.body);
    return [...whole.values()].flatMap((body) => body.split("\n"));
  }

  /** Streams of an older release without an end, oldest first. After a wake these are the ones that were cut. */
  open(): OpenStream[] {
    return this.#schema.read<{ id: string; requestId: string; atMs: number }>(
      "SELECT id, request_id AS requestId, created_at AS atMs FROM cf_ai_chat_stream_metadata WHERE status = 'streaming' ORDER BY created_at, rowid"
    );
  }

  /** Forgets the streams of older releases, and what was said in turns that were cut. */
  clear(): void {
    if (!this.#schema.exists) return;
    this.#schema.write("DELETE FROM cf_ai_chat_stream_metadata; DELETE FROM cf_ai_chat_stream_chunks");
    this.forget();
  }
}

/** A chunk that is too long for a row has several, under one number. No character is cut in two. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length; from += pieces.at(-1)!.length)
    pieces.push(text.slice(from, from + maxRowLength).replace(/(?<=.)[\uD800-\uDBFF]$/s, ""));
  return pieces;
}
