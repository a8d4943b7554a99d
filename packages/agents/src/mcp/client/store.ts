import type { Schema } from "../../core/meta";
import { AgentError, messageOf } from "../../protocol/errors";
import type { ServerRecord } from "./connection";
import type { Resumable } from "./session";
import type { Catalogue, McpClientOptions, MCPServerOptions } from "./types";

/** What is in a row of each server, and of what it offers: one query reads both. */
interface ServerRow {
  id: string;
  name: string;
  server_url: string;
  callback_url: string;
  client_id: string | null;
  auth_url: string | null;
  server_options: string | null;
  hash: string | null;
  body: string | null;
  updated_ms: number | null;
  session: string | null;
}

/** A server that is stored, and what it offers if that is known. */
export interface StoredServer {
  record: ServerRecord;
  catalogue: Catalogue | undefined;
  hash: string | undefined;
  /** When the server was last asked, in ms since the epoch. */
  updatedMs: number | undefined;
  session: Resumable | undefined;
}

// A row holds 2 MB. What is larger is known in memory only, and asked for again in the next life.
const largestCatalogue = 1_800_000;

/** The rows of servers and catalogues. */
export class ServerStore {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** All, in the order in which they were added. */
  load(): StoredServer[] {
    const rows = this.#schema.read<ServerRow>(
      `SELECT s.*, c.hash, c.body, c.updated_ms, c.session FROM cf_agents_mcp_servers s
      LEFT JOIN cf_agents_mcp_catalogues c ON c.server_id = s.id ORDER BY s.rowid`
    );
    return rows.map((row) => ({
      record: {
        id: row.id,
        name: row.name,
        serverUrl: row.server_url,
        callbackUrl: row.callback_url,
        clientId: row.client_id,
        authUrl: row.auth_url,
        options: parse<MCPServerOptions>(row.server_options) ?? {}
      },
      catalogue: parse<Catalogue>(row.body),
      hash: row.hash ?? undefined,
      updatedMs: row.updated_ms ?? undefined,
      session: parse<Resumable>(row.session)
    }));
  }

  save({ id, name, serverUrl, callbackUrl, clientId, authUrl, options }: ServerRecord): void {
    this.#schema.write(
      `INSERT INTO cf_agents_mcp_servers (id, name, server_url, callback_url, client_id, auth_url, server_options)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET name = excluded.name, server_url = excluded.server_url,
        callback_url = excluded.callback_url, client_id = excluded.client_id, auth_url = excluded.auth_url,
        server_options = excluded.server_options`,
      id,
      name,
      serverUrl,
      callbackUrl,
      clientId,
      authUrl,
      optionsText(options)
    );
  }

  saveCatalogue(id: string, hash: string, body: string, nowMs: number): void {
    if (body.length > largestCatalogue) {
      this.#schema.write("DELETE FROM cf_agents_mcp_catalogues WHERE server_id = ?", id);
      return;
    }
    this.#schema.write(
      `INSERT INTO cf_agents_mcp_catalogues (server_id, hash, body, updated_ms) VALUES (?, ?, ?, ?)
      ON CONFLICT (server_id) DO UPDATE SET hash = excluded.hash, body = excluded.body, updated_ms = excluded.updated_ms`,
      id,
      hash,
      body,
      nowMs
    );
  }

  /** The catalogue is what it was. */
  touchCatalogue(id: string, nowMs: number): void {
    this.#schema.change("UPDATE cf_agents_mcp_catalogues SET updated_ms = ? WHERE server_id = ?", nowMs, id);
  }

  saveSession(id: string, session: Resumable | undefined): void {
    const text = session ? JSON.stringify(session) : null;
    this.#schema.change("UPDATE cf_agents_mcp_catalogues SET session = ? WHERE server_id = ?", text, id);
  }

  remove(id: string): void {
    this.#schema.transaction(() => {
      this.#schema.write("DELETE FROM cf_agents_mcp_catalogues WHERE server_id = ?", id);
      this.#schema.write("DELETE FROM cf_agents_mcp_servers WHERE id = ?", id);
    });
  }
}

/**
 * What of a server's options is stored: plain data. Objects of a class, as a validator, do not outlive the instance.
 *
 * @throws MCP_SERVER_INVALID when it refers to itself, or has a value that JSON does not have
 */
export function optionsText({ client, ...rest }: MCPServerOptions): string {
  try {
    const kept =
      client && (JSON.parse(JSON.stringify(client, (_, value: unknown) => plain(value))) as McpClientOptions);
    return JSON.stringify({ ...(kept && { client: kept }), ...rest });
  } catch (cause) {
    throw new AgentError("MCP_SERVER_INVALID", `Options of an MCP server are stored: ${messageOf(cause)}`, { cause });
  }
}

function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? value : undefined;
}

/** What an older release, or somebody by hand, has written in another form is as if it were not there. */
function parse<Value>(text: string | null | undefined): Value | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text) as Value;
  } catch {
    return undefined;
  }
}
