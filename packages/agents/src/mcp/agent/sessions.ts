import {
  InitializeRequestSchema,
  type InitializeRequest,
  type JSONRPCResponse,
  type LoggingLevel
} from "@modelcontextprotocol/sdk/types.js";
import type { Schema } from "../../core/meta";
import type { Caller, SessionKind } from "./wire";

/** What was agreed on when a session began. */
export type InitializeParams = InitializeRequest["params"];

/** One client's session. */
export interface Session {
  readonly id: string;
  readonly kind: SessionKind;
  readonly identity: string | undefined;
  /** Of the last request that had some. */
  readonly props: unknown;
  /** Unknown before the client has introduced itself, which it may do later in the older transport. */
  readonly initialize: InitializeParams | undefined;
  /** The version of MCP that both ends have agreed on. */
  readonly version: string | undefined;
  /** The least urgent kind of log messages that the client wants. */
  readonly level: LoggingLevel | undefined;
}

interface SessionRow {
  id: string;
  kind: SessionKind;
  identity: string | null;
  props: string | null;
  initialize: string | null;
  version: string | null;
  level: string | null;
  used_ms: number;
}

export interface SessionsDeps {
  readonly schema: Schema;
  now(): number;
}

// A session that nobody has used for so long is over. Clients begin a new one when they are told so.
const idleMs = 30 * 24 * 60 * 60_000;
// How often the time of the last use is written down.
const touchMs = 60 * 60_000;

/** The sessions of one object: most have one, and those whose name the application has chosen may have many. */
export class Sessions {
  readonly #deps: SessionsDeps;
  readonly #known = new Map<string, Session>();
  readonly #touchedMs = new Map<string, number>();

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
  }

  begin(caller: Caller, kind: SessionKind): Session {
    const { session: id, identity } = caller;
    const nowMs = this.#deps.now();
    this.#deps.schema.write(
      `INSERT INTO cf_agents_mcp_sessions (id, kind, identity, props, used_ms) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET initialize = NULL, version = NULL, level = NULL, props = excluded.props`,
      id,
      kind,
      identity ?? null,
      textOf(caller.props),
      nowMs
    );
    this.#known.delete(id);
    return this.get(id)!;
  }

  /** The session with this id. */
  get(id: string): Session | undefined {
    const known = this.#known.get(id);
    if (known) return known;
    const [row] = this.#deps.schema.read<SessionRow>("SELECT * FROM cf_agents_mcp_sessions WHERE id = ?", id);
    if (!row) return undefined;
    const session = sessionOf(row);
    this.#touchedMs.set(id, row.used_ms);
    this.#known.set(id, session);
    return session;
  }

  /** The session of this caller, unless it is somebody else's. Takes down its props. */
  of(caller: Caller): Session | undefined {
    const session = this.get(caller.session);
    if (!session || session.identity !== caller.identity) return undefined;
    this.#touch(session.id);
    const props = textOf(caller.props);
    if (props === null || props === textOf(session.props)) return session;
    return this.#change(session, "props", caller.props, props);
  }

  #touch(id: string): void {
    const nowMs = this.#deps.now();
    if (nowMs - (this.#touchedMs.get(id) ?? 0) < touchMs) return;
    this.#touchedMs.set(id, nowMs);
    this.#deps.schema.change("UPDATE cf_agents_mcp_sessions SET used_ms = ? WHERE id = ?", nowMs, id);
  }

  /** Those that nobody has used for a month. */
  idle(): string[] {
    const before = this.#deps.now() - idleMs;
    return this.#deps.schema
      .read<{ id: string }>("SELECT id FROM cf_agents_mcp_sessions WHERE used_ms < ?", before)
      .map(({ id }) => id);
  }

  all(): Session[] {
    return this.#deps.schema
      .read<SessionRow>("SELECT * FROM cf_agents_mcp_sessions ORDER BY used_ms DESC")
      .map((row) => this.get(row.id) ?? sessionOf(row));
  }

  introduce(session: Session, message: unknown): Session {
    // As the SDK reads it: what older clients say of themselves is put into the words of today.
    const { params } = InitializeRequestSchema.parse(message);
    return this.#change(session, "initialize", params, JSON.stringify(params));
  }

  /** The server has answered the initialization. */
  agree(id: string, answer: JSONRPCResponse): void {
    const session = this.get(id);
    const version = "result" in answer ? answer.result.protocolVersion : undefined;
    if (session && typeof version === "string") this.#change(session, "version", version, version);
  }

  setLevel(session: Session, level: LoggingLevel): Session {
    return this.#change(session, "level", level, level);
  }

  #change<Key extends "props" | "initialize" | "version" | "level">(
    session: Session,
    key: Key,
    value: Session[Key],
    text: string
  ): Session {
    this.#deps.schema.change(`UPDATE cf_agents_mcp_sessions SET ${key} = ? WHERE id = ?`, text, session.id);
    const changed = { ...(this.get(session.id) ?? session), [key]: value };
    this.#known.set(session.id, changed);
    return changed;
  }

  end(id: string): void {
    this.#known.delete(id);
    this.#deps.schema.change("DELETE FROM cf_agents_mcp_subscriptions WHERE session = ?", id);
    this.#deps.schema.change("DELETE FROM cf_agents_mcp_sessions WHERE id = ?", id);
  }

  // --- what they watch ---

  subscribe(session: string, uri: string): void {
    this.#deps.schema.write("INSERT OR IGNORE INTO cf_agents_mcp_subscriptions VALUES (?, ?)", session, uri);
  }

  unsubscribe(session: string, uri: string): void {
    this.#deps.schema.change("DELETE FROM cf_agents_mcp_subscriptions WHERE session = ? AND uri = ?", session, uri);
  }

  subscribers(uri: string): string[] {
    return this.#deps.schema
      .read<{ session: string }>("SELECT session FROM cf_agents_mcp_subscriptions WHERE uri = ?", uri)
      .map(({ session }) => session);
  }
}

const textOf = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

function sessionOf(row: SessionRow): Session {
  return {
    id: row.id,
    kind: row.kind,
    identity: row.identity ?? undefined,
    props: row.props === null ? undefined : JSON.parse(row.props),
    initialize: row.initialize === null ? undefined : (JSON.parse(row.initialize) as InitializeParams),
    version: row.version ?? undefined,
    // Nothing else is written there.
    level: (row.level ?? undefined) as LoggingLevel | undefined
  };
}
