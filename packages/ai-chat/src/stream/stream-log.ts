import type { Schema, SchemaDefinition } from "agents/capability";

export const streamLogSchema: SchemaDefinition = {
  tables: ["cf_ai_chat_stream_chunks", "cf_ai_chat_stream_metadata"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_ai_chat_stream_chunks (id TEXT PRIMARY KEY, stream_id TEXT NOT NULL, body TEXT NOT NULL, chunk_index INTEGER NOT NULL, created_at INTEGER NOT NULL);
     CREATE TABLE IF NOT EXISTS cf_ai_chat_stream_metadata (id TEXT PRIMARY KEY, request_id TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, completed_at INTEGER);
     CREATE INDEX IF NOT EXISTS cf_ai_chat_stream_chunks_by_stream ON cf_ai_chat_stream_chunks (stream_id, chunk_index)`
  ]
};

/** A turn that was begun and has not ended. */
export interface OpenStream {
  id: string;
  requestId: string;
  /** When it was begun, in ms since the epoch: its message has this place among the others. */
  atMs: number;
}

const chunksPerRow = 25;

/**
 * The chunks of the turns that are under way. They are packed: a row holds up to 25, one JSON text a line, so that a stream
 * costs few writes. A stream's rows go when its message is stored.
 */
export class StreamLog {
  readonly #schema: Schema;
  readonly #now: () => number;
  readonly #buffers = new Map<string, { stored: number; chunks: string[] }>();

  constructor(schema: Schema, now: () => number) {
    this.#schema = schema;
    this.#now = now;
  }

  begin(stream: OpenStream): void {
    this.#schema.write(
      "INSERT INTO cf_ai_chat_stream_metadata (id, request_id, status, created_at) VALUES (?, ?, 'streaming', ?)",
      stream.id,
      stream.requestId,
      stream.atMs
    );
    this.#buffers.set(stream.id, { stored: 0, chunks: [] });
  }

  /** Adds a chunk, as JSON text. */
  append(id: string, chunk: string): void {
    const buffer = this.#buffers.get(id);
    if (!buffer) return;
    buffer.chunks.push(chunk);
    if (buffer.chunks.length < chunksPerRow) return;
    this.#schema.write(
      "INSERT INTO cf_ai_chat_stream_chunks (id, stream_id, body, chunk_index, created_at) VALUES (?, ?, ?, ?, ?)",
      `${id}:${buffer.stored}`,
      id,
      buffer.chunks.join("\n"),
      buffer.stored,
      this.#now()
    );
    this.#buffers.set(id, { stored: buffer.stored + buffer.chunks.length, chunks: [] });
  }

  /** All chunks so far. A row of an older release holds one. */
  chunks(id: string): string[] {
    const buffer = this.#buffers.get(id);
    const stored = buffer?.stored === 0 ? [] : this.#stored(id);
    return [...stored, ...(buffer?.chunks ?? [])];
  }

  /** Forgets what a stream has said. It is still open: its end has to be told. */
  empty(id: string): void {
    const buffer = this.#buffers.get(id);
    if (!buffer) return;
    if (buffer.stored > 0) this.#schema.write("DELETE FROM cf_ai_chat_stream_chunks WHERE stream_id = ?", id);
    this.#buffers.set(id, { stored: 0, chunks: [] });
  }

  /** Forgets a stream that has ended. */
  end(id: string): void {
    const wroteChunks = this.#buffers.get(id)?.stored !== 0;
    if (wroteChunks) this.#schema.write("DELETE FROM cf_ai_chat_stream_chunks WHERE stream_id = ?", id);
    this.#schema.write("DELETE FROM cf_ai_chat_stream_metadata WHERE id = ?", id);
    this.#buffers.delete(id);
  }

  /** Streams without an end, oldest first. After a wake these are the ones that were cut. */
  open(): OpenStream[] {
    return this.#schema.read<{ id: string; requestId: string; atMs: number }>(
      "SELECT id, request_id AS requestId, created_at AS atMs FROM cf_ai_chat_stream_metadata WHERE status = 'streaming' ORDER BY created_at, rowid"
    );
  }

  /** Forgets all streams: none is under way. */
  clear(): void {
    if (!this.#schema.exists) return;
    this.#schema.write("DELETE FROM cf_ai_chat_stream_chunks");
    this.#schema.write("DELETE FROM cf_ai_chat_stream_metadata");
    this.#buffers.clear();
  }

  #stored(id: string): string[] {
    const query = "SELECT body FROM cf_ai_chat_stream_chunks WHERE stream_id = ? ORDER BY chunk_index";
    return this.#schema.read<{ body: string }>(query, id).flatMap(({ body }) => body.split("\n"));
  }
}
