import type { CapabilityKit } from "agents/capability";
import type { UIMessage } from "ai";
import { maxRowBytes } from "./fit-row";
import { storedMessage } from "./stored-message";

/** A message as such a release has stored it, and when. */
export interface SessionMessage {
  message: UIMessage;
  atMs: number;
}

type Row = { id: string; content: string; more: number; atMs: number };

/**
 * The conversation of a database that a later release of other implementations has written: those keep it in tables of
 * sessions. It is taken over once; the tables stay as they are.
 */
export class SessionHistory {
  readonly #schema;
  readonly #taken;

  constructor(kit: Pick<CapabilityKit, "schema">) {
    // The migration only makes it have a version, by which is known that it was taken over.
    this.#schema = kit.schema("chat-sessions", { tables: ["cf_agents_session_messages"], migrations: ["SELECT 1"] });
    this.#taken = kit.schema("chat-sessions", { tables: [], migrations: [] });
  }

  /** Whether there is one that was not taken over. */
  get isWaiting(): boolean {
    return this.#schema.exists && !this.#taken.exists;
  }

  /** Reads it, in order. After this it is not waiting any more. */
  take(): SessionMessage[] {
    const rows = this.#schema.read<Row>(
      "SELECT id, content, content_chunks AS more, created_at AS atMs FROM cf_agents_session_messages WHERE session_id = '' AND type = 'message' ORDER BY seq"
    );
    // One bad row hides one message, not the conversation.
    return rows.flatMap((row) => {
      const message = storedMessage(row.id, this.#withAttachments(row.content + this.#rest(row)));
      return message ? [{ message, atMs: row.atMs }] : [];
    });
  }

  /** What did not fit into the message's row. SQLite could not put it together: no text of its own may be that long. */
  #rest({ id, more }: Row): string {
    if (more === 0) return "";
    const chunks = this.#schema.read<{ content: string }>(
      "SELECT content FROM cf_agents_session_message_chunks WHERE session_id = '' AND id = ? ORDER BY idx",
      id
    );
    return chunks.map(({ content }) => content).join("");
  }

  /** Files are stored beside the messages, which say `attachment:sha256:…` where the file's URL was. */
  #withAttachments(content: string): string {
    const whole = content.replace(/"attachment:sha256:([0-9a-f]{64})"/g, (reference, hash: string) => {
      const url = this.#attachment(hash);
      return url === undefined ? reference : JSON.stringify(url);
    });
    return whole === content || new TextEncoder().encode(whole).length <= maxRowBytes ? whole : content;
  }

  #attachment(hash: string): string | undefined {
    const [file] = this.#schema.read<{ type: string }>(
      "SELECT media_type AS type FROM cf_agents_session_attachment_meta WHERE hash = ?",
      hash
    );
    if (!file) return undefined;
    const chunks = this.#schema.read<{ data: ArrayBuffer }>(
      "SELECT data FROM cf_agents_session_attachment_chunks WHERE hash = ? ORDER BY idx",
      hash
    );
    const bytes = chunks.map(({ data }) =>
      Array.from(new Uint8Array(data), (byte) => String.fromCharCode(byte)).join("")
    );
    return `data:${file.type};base64,${btoa(bytes.join(""))}`;
  }
}
