import type { SchemaDefinition } from "./core/meta";

/** The servers as deployed data has them, and beside them what they offer. */
export const mcpClientSchema: SchemaDefinition = {
  tables: ["cf_agents_mcp_servers"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_agents_mcp_servers (
      id TEXT PRIMARY KEY NOT NULL,
      name TEXT NOT NULL,
      server_url TEXT NOT NULL,
      callback_url TEXT NOT NULL,
      client_id TEXT,
      auth_url TEXT,
      server_options TEXT
    );
    CREATE TABLE cf_agents_mcp_catalogues (
      server_id TEXT PRIMARY KEY NOT NULL,
      hash TEXT NOT NULL,
      body TEXT NOT NULL,
      updated_ms INTEGER NOT NULL,
      session TEXT
    )`
  ]
};
