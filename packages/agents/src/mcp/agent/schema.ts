import type { SchemaDefinition } from "../../core/meta";

/** The tables of an MCP server. They are made when the first session begins. */
export const mcpSchema: SchemaDefinition = {
  tables: [
    "cf_agents_mcp_sessions",
    "cf_agents_mcp_calls",
    "cf_agents_mcp_waits",
    "cf_agents_mcp_events",
    "cf_agents_mcp_subscriptions"
  ],
  migrations: [
    `CREATE TABLE cf_agents_mcp_sessions (
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, identity TEXT, props TEXT, initialize TEXT, version TEXT, level TEXT,
      used_ms INTEGER NOT NULL);
    CREATE TABLE cf_agents_mcp_calls (
      id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, stream INTEGER, client_id TEXT NOT NULL,
      message TEXT, attempt INTEGER NOT NULL);
    CREATE INDEX cf_agents_mcp_calls_by_session ON cf_agents_mcp_calls (session);
    CREATE TABLE cf_agents_mcp_waits (
      id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, call INTEGER NOT NULL, key TEXT NOT NULL, answer TEXT);
    CREATE INDEX cf_agents_mcp_waits_by_call ON cf_agents_mcp_waits (call);
    CREATE TABLE cf_agents_mcp_events (
      id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, stream INTEGER NOT NULL, part INTEGER NOT NULL,
      more INTEGER NOT NULL, data TEXT NOT NULL, sent INTEGER NOT NULL, at_ms INTEGER NOT NULL);
    CREATE INDEX cf_agents_mcp_events_by_stream ON cf_agents_mcp_events (session, stream, id);
    CREATE TABLE cf_agents_mcp_subscriptions (session TEXT NOT NULL, uri TEXT NOT NULL, PRIMARY KEY (session, uri))
      WITHOUT ROWID`
  ]
};

/** The most that one value may have, in characters: a row has at most 2,000,000 bytes, and a character up to three. */
export const maxText = 600_000;
