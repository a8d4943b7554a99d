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
    this.#chunks.push(chunk);
    if (this.#chunks.length < chunksPerRow && !isStep) return;
    this.#schema.write(
      "INSERT INTO cf_ai_chat_stream_chunks (id, stream_id, body, chunk_index, created_at) VALUES (?, ?, ?, ?, ?)",
      `${this.#id}:${this.#stored}`,
      this.#id,
      this.#chunks.join("\n"),
      this.#stored,
      this.#now()
    );
    this.#rows.push(this.#stored);
    this.#stored += this.#chunks.length;
    this.#chunks = [];
  }

  /** What was said after a chunk. */
  after(seq: number): Numbered[] {
    const numbered: Numbered[] = [];
    if (seq < this.#stored) {
      const first = this.#rows.findLast((index) => index <= seq) ?? 0;
      const query =
        "SELECT body FROM cf_ai_chat_stream_chunks WHERE stream_id = ? AND chunk_index >= ? ORDER BY chunk_index";
      const texts = this.#schema.read<{ body: string }>(query, this.#id, first).flatMap(({ body }) => body.split("\n"));
      texts.forEach((text, index) => numbered.push({ seq: first + index + 1, text }));
    }
    this.#chunks.forEach((text, index) => numbered.push({ seq: this.#stored + index + 1, text }));
    return numbered.filter((chunk) => chunk.seq > seq);
  }

  /** Forgets what was said, after its rows are gone. */
  forget(): void {
    this.#stored = 0;
    this.#rows = [];
    this.#chunks = [];
  }

  /** What is stored of a stream that was cut. A row of an older release holds one chunk. */
  stored(id: string): string[] {
    const query = "SELECT body FROM cf_ai_chat_stream_chunks WHERE stream_id = ? ORDER BY chunk_index";
    return this.#schema.read<{ body: string }>(query, id).flatMap(({ body }) => body.split("\n"));
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
