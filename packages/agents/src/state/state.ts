import { frameHandlers, type Capability } from "../core/capability";
import type { Connection } from "../core/connection";
import type { Schema, SchemaDefinition } from "../core/meta";
import { clientChecks } from "../protocol/decode";
import { AgentError } from "../protocol/errors";
import { stateErrors, type StateErrorFrame, type StateFrame } from "../protocol/frames";

/** Who changed the state: the agent itself, or a client. */
export type StateSource = Connection | "server";

export interface StateDeps {
  schema: Schema;
  /** The state of an instance that has none yet. A function, since a subclass's fields are set after its base class. */
  initial(): unknown;
  /** Throws to keep a state from being stored. */
  validate(next: unknown, source: StateSource): void;
  changed(next: unknown, source: StateSource): void;
  broadcast(frame: string, except: StateSource): void;
  send(connection: Connection, frame: string): void;
  failed(error: unknown): void;
}

export const stateSchema: SchemaDefinition = {
  tables: ["cf_agents_state"],
  migrations: ["CREATE TABLE IF NOT EXISTS cf_agents_state (id TEXT PRIMARY KEY NOT NULL, state TEXT)"]
};

const rowId = "cf_state_row_id";
/** A row of SQLite holds 2 MB; the rest is for its id and header. */
const maxStateBytes = 2_000_000;

/** One JSON value, kept in one row and shown to every client. The row is the truth; this class keeps a copy of it. */
export class State implements Capability {
  readonly name = "state";
  readonly frames = frameHandlers<StateFrame>(
    { cf_agent_state: clientChecks.cf_agent_state },
    {
      cf_agent_state: {
        operation: "state-write",
        handle: (connection, frame) => this.#setFromClient(connection, frame.state),
        refuse: (connection) => this.#refuse(connection, stateErrors.readonly)
      }
    }
  );
  readonly #deps: StateDeps;
  #loaded = false;
  #value: unknown;
  #frame: string | undefined;

  constructor(deps: StateDeps) {
    this.#deps = deps;
  }

  get value(): unknown {
    if (!this.#loaded) this.#load();
    return this.#value;
  }

  /** Validates, stores, remembers, broadcasts, notifies: in this order, and the first step that fails ends it. */
  set(next: unknown, source: StateSource): void {
    this.#deps.validate(next, source);
    const text = serialize(next);
    this.#store(text);
    this.#remember(next, text);
    this.#deps.broadcast(this.#frame!, source);
    try {
      this.#deps.changed(next, source);
    } catch (error) {
      // The state is stored and sent: a notification cannot take that back.
      this.#deps.failed(error);
    }
  }

  onConnect(connection: Connection): void {
    if (this.value !== undefined) this.#deps.send(connection, this.#frame!);
  }

  #setFromClient(connection: Connection, next: unknown): void {
    try {
      this.set(next, connection);
    } catch (error) {
      this.#deps.failed(error);
      this.#refuse(connection, stateErrors.rejected);
    }
  }

  #refuse(connection: Connection, error: string): void {
    const frame: StateErrorFrame = { type: "cf_agent_state_error", error };
    this.#deps.send(connection, JSON.stringify(frame));
  }

  #load(): void {
    const [row] = this.#deps.schema.read<{ state: string | null }>(
      "SELECT state FROM cf_agents_state WHERE id = ?",
      rowId
    );
    if (typeof row?.state === "string" && this.#restore(row.state)) return;
    const initial = this.#deps.initial();
    // A state that was never defined stays undefined, and leaves no row.
    if (initial === undefined) {
      this.#loaded = true;
      return;
    }
    const text = serialize(initial);
    // A row that cannot be read stays as it is until somebody sets the state: it may be all that is left of the old one.
    if (typeof row?.state !== "string") this.#store(text);
    // A value of its own: the class's `initialState` may be one object for all instances.
    this.#remember(JSON.parse(text), text);
  }

  /** Reads the stored state. An unreadable one must not keep the agent from working. */
  #restore(text: string): boolean {
    try {
      this.#remember(JSON.parse(text), text);
      return true;
    } catch (cause) {
      const message =
        "The state in cf_agents_state is not JSON: initialState stands in for it until setState() replaces it";
      this.#deps.failed(new AgentError("STATE_UNREADABLE", message, { cause }));
      return false;
    }
  }

  #store(text: string): void {
    this.#deps.schema.write(
      "INSERT INTO cf_agents_state (id, state) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state",
      rowId,
      text
    );
  }

  #remember(value: unknown, text: string): void {
    this.#value = value;
    this.#frame = `{"type":"cf_agent_state","state":${text}}`;
    this.#loaded = true;
  }
}

function serialize(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new AgentError(
      "STATE_NOT_SERIALIZABLE",
      "The state cannot be written as JSON: it has a circular reference or a bigint",
      { cause }
    );
  }
  if (text === undefined) {
    throw new AgentError(
      "STATE_NOT_SERIALIZABLE",
      `The state must be a JSON value; got ${value === undefined ? "undefined" : `a ${typeof value}`}`
    );
  }
  const bytes = byteLength(text);
  if (bytes > maxStateBytes) {
    throw new AgentError(
      "STATE_TOO_LARGE",
      `The state is ${bytes} bytes of JSON; the limit is ${maxStateBytes}. Keep collections in this.sql, and in the state what clients need at once.`
    );
  }
  return text;
}

/** The length in UTF-8, counted only where a text could be too long. */
function byteLength(text: string): number {
  return text.length * 3 <= maxStateBytes ? text.length : new TextEncoder().encode(text).byteLength;
}
