import type { Schema, SchemaDefinition } from "agents/capability";
import type { UIMessage } from "ai";
import { isMessage } from "../protocol/checks";
import type { Entry, Place } from "./transcript";

export const branchesSchema: SchemaDefinition = {
  tables: [],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_ai_chat_branches (id TEXT PRIMARY KEY, branch TEXT NOT NULL, parent_id TEXT NOT NULL, message TEXT NOT NULL, created_at TEXT NOT NULL);
     CREATE INDEX IF NOT EXISTS cf_ai_chat_branches_by_parent ON cf_ai_chat_branches (parent_id);
     CREATE INDEX IF NOT EXISTS cf_ai_chat_branches_by_branch ON cf_ai_chat_branches (branch);
     CREATE TRIGGER IF NOT EXISTS cf_ai_chat_branches_renamed AFTER INSERT ON cf_ai_chat_agent_messages
       WHEN EXISTS (SELECT 1 FROM cf_ai_chat_branches WHERE id = new.id)
     BEGIN
       UPDATE cf_ai_chat_branches SET message = json_set(message, '$.id', id || '~' || lower(hex(randomblob(4)))) WHERE id = new.id;
       UPDATE cf_ai_chat_branches SET parent_id = (SELECT json_extract(message, '$.id') FROM cf_ai_chat_branches WHERE id = new.id) WHERE parent_id = new.id;
       UPDATE cf_ai_chat_branches SET id = json_extract(message, '$.id') WHERE id = new.id;
     END`
  ]
};

/**
 * What was replaced by an edit or another answer: the rest of the conversation from there on, as it was. A branch hangs on the
 * message before it (the parent, empty for none); the transcript itself has only the active path, for older releases to read. A
 * message of a branch gets another id when a client brings one with its id back: a trigger sees to that, since it is rare.
 */
export class Branches {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /**
   * Keeps these messages of the transcript as a branch, before they are removed from it.
   *
   * @param reused the id of one of them that another message is about to have: the one that is kept gets a new id
   */
  archive(ids: readonly string[], parentId: string | undefined, reused?: string): void {
    if (ids.length === 0) return;
    const renamed = reused === undefined ? "" : `${reused}~${crypto.randomUUID().slice(0, 8)}`;
    this.#schema.write(
      `INSERT OR REPLACE INTO cf_ai_chat_branches (id, branch, parent_id, message, created_at)
       SELECT iif(id = ?1, ?2, id), ?3, ?4, iif(id = ?1, json_set(message, '$.id', ?2), message), created_at
       FROM cf_ai_chat_agent_messages WHERE id IN (SELECT value FROM json_each(?5)) ORDER BY created_at, rowid`,
      reused ?? "",
      renamed,
      crypto.randomUUID(),
      parentId ?? "",
      JSON.stringify(ids)
    );
    if (reused !== undefined) {
      this.#schema.write("UPDATE cf_ai_chat_branches SET parent_id = ? WHERE parent_id = ?", renamed, reused);
    }
  }

  /** The first message of each branch that hangs on a message, the oldest first. */
  alternatives(parentId: string | undefined): Entry[] {
    return this.#entries(
      "SELECT message, min(created_at) AS place FROM cf_ai_chat_branches WHERE parent_id = ? GROUP BY branch ORDER BY place",
      parentId ?? ""
    );
  }

  /** On which branch a message is, and the message on which that hangs. */
  find(messageId: string): { branch: string; parentId: string | undefined } | undefined {
    const query = "SELECT branch, parent_id AS parentId FROM cf_ai_chat_branches WHERE id = ?";
    const [row] = this.#schema.read<{ branch: string; parentId: string }>(query, messageId);
    return row && { branch: row.branch, parentId: row.parentId === "" ? undefined : row.parentId };
  }

  entries(branch: string): Entry[] {
    return this.#entries(
      "SELECT message, created_at AS place FROM cf_ai_chat_branches WHERE branch = ? ORDER BY created_at, rowid",
      branch
    );
  }

  remove(branch: string): void {
    this.#schema.write("DELETE FROM cf_ai_chat_branches WHERE branch = ?", branch);
  }

  /** Forgets all branches that hang on messages that are gone, or on each other's. */
  forget(removed: readonly string[]): void {
    if (removed.length === 0 || !this.#schema.exists) return;
    this.#schema.write(
      `WITH RECURSIVE gone (id) AS (
         SELECT value FROM json_each(?) UNION SELECT branches.id FROM cf_ai_chat_branches AS branches JOIN gone ON branches.parent_id = gone.id
       ) DELETE FROM cf_ai_chat_branches WHERE parent_id IN (SELECT id FROM gone)`,
      JSON.stringify(removed)
    );
  }

  /** The oldest messages have gone, and nothing can come in their places. */
  dropped(ids: readonly string[]): void {
    if (ids.length > 0) this.forget(["", ...ids]);
  }

  clear(): void {
    if (this.#schema.exists) this.#schema.write("DELETE FROM cf_ai_chat_branches");
  }

  #entries(query: string, value: string): Entry[] {
    const rows = this.#schema.read<{ message: string; place: Place }>(query, value);
    return rows.flatMap(({ message, place }) => {
      const parsed = JSON.parse(message) as UIMessage;
      return isMessage(parsed) ? [{ message: parsed, place }] : [];
    });
  }
}
