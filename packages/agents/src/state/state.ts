import { frameHandlers, type Capability, type FrameHandlers } from "../core/capability";
import { hasFlag, type Connection } from "../core/connection";
import { sendFrame } from "../core/connections";
import type { Schema, SchemaDefinition } from "../core/meta";
import { clientChecks } from "../protocol/decode";
import { AgentError, type AgentErrorCode } from "../protocol/errors";
import {
  stateErrors,
  type StateAckFrame,
  type StateErrorFrame,
  type StateFrame,
  type StatePullFrame,
  type StateRejectFrame
} from "../protocol/frames";
import { diffTexts } from "./diff";
import type { MarkedText } from "./diff-walk";
import { serialize } from "./serialize";

/** Who changed the state: the agent itself, or a client. */
export type StateSource = Connection | "server";

/** The agent, as its state sees it. */
export interface StateDeps {
  readonly schema: Schema;
  /** The state of an instance that has none yet. A function, since a subclass's fields are set after its base class. */
  initial(): unknown;
  /** Throws to keep a state from being stored. */
  validate(next: unknown, source: StateSource): void;
  changed(next: unknown, source: StateSource): void;
  /** Sends everybody but `except` the frame that they understand. */
  broadcast(frameFor: (connection: Connection) => string, except: StateSource): void;
  failed(error: unknown): void;
}

export const stateSchema: SchemaDefinition = {
  tables: ["cf_agents_state"],
  migrations: [
    "CREATE TABLE IF NOT EXISTS cf_agents_state (id TEXT PRIMARY KEY NOT NULL, state TEXT)",
    // An older release that writes the row leaves these empty: then nobody knows how many changes there were.
    "ALTER TABLE cf_agents_state ADD COLUMN epoch TEXT; ALTER TABLE cf_agents_state ADD COLUMN revision INTEGER"
  ]
};

interface Row {
  state: string | null;
  epoch: string | null;
  revision: number | null;
}

/** The state as it is stored. */
interface Stored extends MarkedText {
  epoch: string;
  revision: number;
  /** The epoch is not in the row, which an older release has written: it ends with the first change. */
  isAdopted?: true;
}

const rowId = "cf_state_row_id";
/** Why a client's write is refused, and the text that all clients know for it. */
const refusals = {
  CONNECTION_READONLY: stateErrors.readonly,
  STATE_REFUSED: stateErrors.rejected,
  STATE_REJECTED: stateErrors.rejected,
  STATE_TOO_LARGE: stateErrors.rejected,
  STATE_CONFLICT: stateErrors.rejected
} satisfies Partial<Record<AgentErrorCode, string>>;
type Refusal = keyof typeof refusals;

/** One JSON value, kept in one row and shown to every client. The row is the truth; this class keeps a copy of it. */
export class State implements Capability {
  static readonly #frames: FrameHandlers = frameHandlers<StateFrame | StatePullFrame, State>(
    { cf_agent_state: clientChecks.cf_agent_state, cf_agent_state_pull: clientChecks.cf_agent_state_pull },
    {
      cf_agent_state: {
        operation: () => ({ type: "state-write" }),
        handle: (state, connection, frame, text) => state.#write(connection, frame, text),
        refuse: (state, connection, frame) =>
          state.#refuse(connection, frame, hasFlag(connection, "readonly") ? "CONNECTION_READONLY" : "STATE_REFUSED")
      },
      cf_agent_state_pull: { handle: (state, connection) => state.onConnect(connection) }
    }
  );

  readonly name = "state";
  readonly frames = State.#frames;
  readonly #deps: StateDeps;
  #isLoaded = false;
  #value: unknown;
  #stored: Stored | undefined;

  constructor(deps: StateDeps) {
    this.#deps = deps;
  }

  get value(): unknown {
    if (!this.#isLoaded) this.#load();
    return this.#value;
  }

  /**
   * Validates, stores, remembers, broadcasts, notifies: in this order, and the first step that fails ends it. A validation may
   * change the object that it is given: what counts is what that is afterwards.
   *
   * @param answer tells whoever wrote it, before anybody else hears of it
   */
  set(next: unknown, source: StateSource, answer?: (after: Stored) => void): void {
    this.#deps.validate(next, source);
    const text = serialize(next);
    if (!this.#isLoaded) this.#read();
    const before = this.#stored;
    const epoch = before && !before.isAdopted ? before.epoch : newEpoch();
    const after: Stored = { text, epoch, revision: (before?.revision ?? 0) + 1 };
    this.#store(after);
    this.#remember(next, after);
    answer?.(after);
    this.#deps.broadcast(this.#framesFor(before, after), source);
    try {
      this.#deps.changed(next, source);
    } catch (error) {
      // The state is stored and sent: a notification cannot take that back.
      this.#deps.failed(error);
    }
  }

  onConnect(connection: Connection): void {
    if (this.value !== undefined && this.#stored) this.#sendWhole(connection, this.#stored);
  }

  #sendWhole(connection: Connection, stored: Stored): void {
    sendFrame(connection, hasFlag(connection, "extended") ? extendedFrame(stored) : plainFrame(stored));
  }

  /** What each connection is sent of a change. A frame is built when the first connection needs it. */
  #framesFor(before: Stored | undefined, after: Stored): (connection: Connection) => string {
    let plain: string | undefined;
    let extended: string | undefined;
    return (connection) =>
      hasFlag(connection, "extended")
        ? (extended ??= patchFrame(before, after) ?? extendedFrame(after))
        : (plain ??= plainFrame(after));
  }

  #write(connection: Connection, frame: StateFrame, text: string): void {
    try {
      if (!this.#isExpected(frame)) return this.#refuse(connection, frame, "STATE_CONFLICT");
      this.set(frame.state, connection, (after) => this.#answer(connection, frame.writeId, text, after));
    } catch (error) {
      this.#deps.failed(error);
      this.#refuse(connection, frame, refusalOf(error));
    }
  }

  /** Whether the state is the one on which a write depends. */
  #isExpected({ ifRevision, ifEpoch }: StateFrame): boolean {
    if (ifRevision === undefined) return true;
    // The first look at a state stores the initial one, as revision 1.
    const { epoch, revision } = (this.value !== undefined && this.#stored) || { epoch: "", revision: 0 };
    return ifRevision === revision && (ifEpoch === undefined || ifEpoch === epoch);
  }

  /** Tells the writer that its state is stored, and which, where validating has made another one of it. */
  #answer(connection: Connection, writeId: string | undefined, text: string, after: Stored): void {
    if (writeId !== undefined && hasFlag(connection, "extended")) {
      const { epoch, revision } = after;
      const frame: StateAckFrame = { type: "cf_agent_state_ack", writeId, epoch, revision };
      sendFrame(connection, JSON.stringify(frame));
    }
    if (!holdsState(text, after.text)) this.#sendWhole(connection, after);
  }

  #refuse(connection: Connection, { writeId }: StateFrame, code: Refusal): void {
    const message = refusals[code];
    if (writeId === undefined || !hasFlag(connection, "extended")) {
      const frame: StateErrorFrame = { type: "cf_agent_state_error", error: message };
      return sendFrame(connection, JSON.stringify(frame));
    }
    if (!this.#isLoaded) this.#load();
    // What the client is to show instead of what it wrote: as it is stored, whatever the program does to `this.state`.
    const { text, epoch = "", revision = 0 } = this.#stored ?? {};
    const frame: StateRejectFrame = { type: "cf_agent_state_reject", writeId, code, message, epoch, revision };
    const head = JSON.stringify(frame);
    sendFrame(connection, text === undefined ? head : `${head.slice(0, -1)},"state":${text}}`);
  }

  /** Reads the stored state, if there is one. */
  #read(): "restored" | "unreadable" | "missing" {
    const query = "SELECT state, epoch, revision FROM cf_agents_state WHERE id = ?";
    const [row] = this.#deps.schema.read<Row>(query, rowId);
    if (typeof row?.state !== "string") return "missing";
    return this.#restore(row.state, row) ? "restored" : "unreadable";
  }

  #load(): void {
    const found = this.#read();
    if (found === "restored") return;
    const initial = this.#deps.initial();
    // A state that was never defined stays undefined, and leaves no row.
    if (initial === undefined) {
      this.#isLoaded = true;
      return;
    }
    const first: Stored = { text: serialize(initial), epoch: newEpoch(), revision: 1 };
    // A row that cannot be read stays as it is until somebody sets the state: it may be all that is left of the old one.
    if (found === "missing") this.#store(first);
    // A value of its own: the class's `initialState` may be one object for all instances.
    this.#remember(JSON.parse(first.text), first);
  }

  /** Reads the stored state. An unreadable one must not keep the agent from working. */
  #restore(text: string, { epoch, revision }: Row): boolean {
    try {
      const known = epoch !== null && revision !== null;
      const adopted: Stored = { text, epoch: epochOf(text), revision: 0, isAdopted: true };
      this.#remember(JSON.parse(text), known ? { text, epoch, revision } : adopted);
      return true;
    } catch (cause) {
      const message =
        "The state in cf_agents_state is not JSON: initialState stands in for it until setState() replaces it";
      this.#deps.failed(new AgentError("STATE_UNREADABLE", message, { cause }));
      return false;
    }
  }

  #store({ text, epoch, revision }: Stored): void {
    this.#deps.schema.write(
      `INSERT INTO cf_agents_state (id, state, epoch, revision) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, epoch = excluded.epoch, revision = excluded.revision`,
      rowId,
      text,
      epoch,
      revision
    );
  }

  #remember(value: unknown, stored: Stored): void {
    this.#value = value;
    this.#stored = stored;
    this.#isLoaded = true;
  }
}

const refusalOf = (error: unknown): Refusal =>
  AgentError.isInstance(error) && Object.hasOwn(refusals, error.code) ? (error.code as Refusal) : "STATE_REJECTED";

const newEpoch = (): string => crypto.randomUUID().slice(0, 8);

/** The epoch of a row without one. The same after each wake: nobody has changed the state meanwhile. */
function epochOf(text: string): string {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return `${text.length}-${hash >>> 0}`;
}

const frameHead = '{"type":"cf_agent_state","state":';

/** Whether the text of a frame has this state in it. Our own clients write it as we do; others may space and escape. */
const holdsState = (frame: string, state: string): boolean =>
  (frame.startsWith(frameHead) && frame.startsWith(state, frameHead.length)) ||
  JSON.stringify((JSON.parse(frame) as StateFrame).state) === state;

// The text that was stored goes into the frames as it is.
const plainFrame = ({ text }: Stored): string => `{"type":"cf_agent_state","state":${text}}`;

const extendedFrame = ({ text, epoch, revision }: Stored): string =>
  `{"type":"cf_agent_state","epoch":"${epoch}","revision":${revision},"state":${text}}`;

function patchFrame(before: Stored | undefined, after: Stored): string | undefined {
  const patch = before?.epoch === after.epoch && diffTexts(before, after);
  if (!patch) return undefined;
  return `{"type":"cf_agent_state_patch","epoch":"${after.epoch}","from":${before.revision},"to":${after.revision},"patch":${patch}}`;
}
