import type { Schema, SchemaDefinition } from "agents/capability";
import type { ClientToolSchema } from "../protocol/frames";

export const requestContextSchema: SchemaDefinition = {
  tables: ["cf_ai_chat_request_context"],
  migrations: ["CREATE TABLE IF NOT EXISTS cf_ai_chat_request_context (key TEXT PRIMARY KEY, value TEXT NOT NULL)"]
};

interface Context {
  body: Record<string, unknown> | undefined;
  clientTools: ClientToolSchema[] | undefined;
}

/** What came with the last request. A continuation, perhaps after an eviction, runs with it too. */
export class RequestContext {
  readonly #schema: Schema;
  #texts: Map<string, string> | undefined;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  get last(): Context {
    const body = this.#known.get("lastBody");
    const clientTools = this.#known.get("lastClientTools");
    return { body: body && JSON.parse(body), clientTools: clientTools && JSON.parse(clientTools) };
  }

  /** Writes only what differs from the last request. */
  remember(body: Record<string, unknown>, clientTools: ClientToolSchema[] | undefined): void {
    this.#set("lastBody", Object.keys(body).length > 0 ? JSON.stringify(body) : undefined);
    this.#set("lastClientTools", clientTools && JSON.stringify(clientTools));
  }

  clear(): void {
    this.#set("lastBody", undefined);
    this.#set("lastClientTools", undefined);
  }

  /** Forgets the copy: what it was written with did not happen. */
  forget(): void {
    this.#texts = undefined;
  }

  #set(key: string, value: string | undefined): void {
    if (this.#known.get(key) === value) return;
    if (value === undefined) {
      this.#schema.write("DELETE FROM cf_ai_chat_request_context WHERE key = ?", key);
      this.#known.delete(key);
    } else {
      this.#schema.write(
        "INSERT INTO cf_ai_chat_request_context (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key,
        value
      );
      this.#known.set(key, value);
    }
  }

  get #known(): Map<string, string> {
    this.#texts ??= new Map(
      this.#schema
        .read<{ key: string; value: string }>("SELECT key, value FROM cf_ai_chat_request_context")
        .map(({ key, value }) => [key, value])
    );
    return this.#texts;
  }
}
