import type { SchemaDefinition } from "agents/capability";

const messageIndexes = `
  CREATE INDEX cf_ai_chat_agent_messages_by_place ON cf_ai_chat_agent_messages (created_at);
  CREATE INDEX cf_ai_chat_agent_messages_by_revision ON cf_ai_chat_agent_messages (revision)`;

const turnTables = `
  CREATE TABLE cf_ai_chat_turns (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL, request_id TEXT NOT NULL UNIQUE, operation TEXT NOT NULL, message_id TEXT NOT NULL,
    continues INTEGER NOT NULL, place TEXT NOT NULL, asks TEXT NOT NULL, body TEXT, client_tools TEXT, source TEXT,
    attempts INTEGER NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, first_chunk_ms INTEGER,
    ended_ms INTEGER, outcome TEXT, error TEXT, model TEXT, input_tokens INTEGER, output_tokens INTEGER, total_tokens INTEGER);
  CREATE INDEX cf_ai_chat_turns_open ON cf_ai_chat_turns (n) WHERE ended_ms IS NULL`;

/** What every turn writes: its messages and its record. One schema, since the first question makes all of it. */
export const conversationSchema: SchemaDefinition = {
  tables: ["cf_ai_chat_agent_messages"],
  migrations: [
    "CREATE TABLE IF NOT EXISTS cf_ai_chat_agent_messages (id TEXT PRIMARY KEY, message TEXT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP)",
    // An older release that adds a message leaves its revision empty: then nobody knows how many changes there were.
    `ALTER TABLE cf_ai_chat_agent_messages ADD COLUMN revision INTEGER;
     UPDATE cf_ai_chat_agent_messages SET revision = 1; ${messageIndexes}`,
    turnTables
  ],
  // Each table and index costs more than a row: together a good part of a first turn.
  fresh: `CREATE TABLE cf_ai_chat_agent_messages (id TEXT PRIMARY KEY, message TEXT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, revision INTEGER);
    ${messageIndexes};
    ${turnTables}`
};

/** What a turn writes that says more than fits into a row of it, and what older releases wrote of each stream. */
export const streamSchema: SchemaDefinition = {
  tables: ["cf_ai_chat_stream_chunks", "cf_ai_chat_stream_metadata"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_ai_chat_stream_chunks (id TEXT PRIMARY KEY, stream_id TEXT NOT NULL, body TEXT NOT NULL, chunk_index INTEGER NOT NULL, created_at INTEGER NOT NULL);
     CREATE TABLE IF NOT EXISTS cf_ai_chat_stream_metadata (id TEXT PRIMARY KEY, request_id TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, completed_at INTEGER);
     CREATE INDEX IF NOT EXISTS cf_ai_chat_stream_chunks_by_stream ON cf_ai_chat_stream_chunks (stream_id, chunk_index)`
  ]
};
