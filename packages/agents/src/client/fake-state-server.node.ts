import type { JsonPatch, PatchOperation } from "../protocol/json-patch";

/** One end's view of the line to a client: frames in order, until it is cut. */
export interface Line {
  /** Whether the client takes part in the extensions. */
  isExtended: boolean;
  isReadonly: boolean;
  send(frame: object): void;
}

type Received = { type: string; state?: unknown; writeId?: string; ifRevision?: number; ifEpoch?: string };

/** What an agent does with its state, as `docs/protocol.md` says, in the fewest words. */
export class FakeStateServer {
  epoch = "e1";
  revision = 0;
  text: string | undefined;
  /** Every state that was stored. */
  readonly stored: string[] = [];
  readonly #lines = new Set<Line>();
  /** Whether this change is sent as a patch, where that is possible. */
  readonly #prefersPatch: () => boolean;

  constructor(prefersPatch: () => boolean) {
    this.#prefersPatch = prefersPatch;
  }

  connect(line: Line): void {
    this.#lines.add(line);
    if (line.isExtended) {
      line.send({ type: "cf_agent_hello", version: 1, connection: "c", heartbeatMs: 25_000, maxFrameBytes: 2 ** 25 });
    }
    line.send({ type: "cf_agent_identity", name: "default", agent: "counter" });
    if (this.text !== undefined) line.send(this.#whole(line));
    line.send({ type: "cf_agent_mcp_servers", mcp: { servers: {}, tools: [], prompts: [], resources: [] } });
  }

  disconnect(line: Line): void {
    this.#lines.delete(line);
  }

  receive(line: Line, frame: Received): void {
    if (frame.type === "cf_agent_state_pull") return line.send(this.#whole(line));
    if (frame.type !== "cf_agent_state") throw new Error(`What is ${frame.type}?`);
    const { state, writeId } = frame;
    const refusal = this.#refusal(line, frame);
    if (refusal) return line.send(this.#reject(line, refusal, writeId));
    const before = this.text;
    this.#store(JSON.stringify(state));
    if (writeId !== undefined) {
      line.send({ type: "cf_agent_state_ack", writeId, epoch: this.epoch, revision: this.revision });
    }
    this.#broadcast(before, line);
  }

  /** The agent itself sets its state. */
  set(state: unknown): void {
    const before = this.text;
    this.#store(JSON.stringify(state));
    this.#broadcast(before);
  }

  /** A change that nobody hears of, as when a message is lost: revisions go on behind the clients' backs. */
  setUnheard(state: unknown): void {
    this.#store(JSON.stringify(state));
  }

  /** The database begins anew, without a state, or with one that an older release has written. */
  beginAnew(state?: unknown): void {
    this.epoch = `e${Number(this.epoch.slice(1)) + 1}`;
    this.revision = state === undefined ? 0 : 1;
    this.text = JSON.stringify(state);
  }

  #refusal(line: Line, { state, ifRevision, ifEpoch }: Received): [code: string, message: string] | undefined {
    if (line.isReadonly) return ["CONNECTION_READONLY", "Connection is readonly"];
    const epoch = this.text === undefined ? "" : this.epoch;
    const isExpected = ifRevision === undefined || (ifRevision === this.revision && ifEpoch === epoch);
    if (!isExpected) return ["STATE_CONFLICT", `Not ${ifRevision}`];
    return (state as { bad?: true }).bad ? ["STATE_REJECTED", "State update rejected"] : undefined;
  }

  #reject(line: Line, [code, message]: [string, string], writeId: string | undefined): object {
    if (!line.isExtended) return { type: "cf_agent_state_error", error: message };
    const at = { epoch: this.epoch, revision: this.revision };
    const state = this.text === undefined ? {} : { state: JSON.parse(this.text) };
    return { type: "cf_agent_state_reject", writeId, code, message, ...at, ...state };
  }

  #store(text: string): void {
    this.text = text;
    this.revision++;
    this.stored.push(text);
  }

  #whole(line: Line): object {
    const state = { type: "cf_agent_state", state: JSON.parse(this.text ?? "null") };
    return line.isExtended ? { ...state, epoch: this.epoch, revision: this.revision } : state;
  }

  #broadcast(before: string | undefined, except?: Line): void {
    const { epoch, revision } = this;
    const patch = before !== undefined && this.#prefersPatch() && diff(JSON.parse(before), JSON.parse(this.text!));
    for (const line of this.#lines) {
      if (line === except) continue;
      if (!line.isExtended || !patch) line.send(this.#whole(line));
      else line.send({ type: "cf_agent_state_patch", epoch, from: revision - 1, to: revision, patch });
    }
  }
}

/** A patch from one JSON value to another: arrays as a whole, objects field by field. */
function diff(before: unknown, after: unknown, path = ""): JsonPatch {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isPlain(before) || !isPlain(after)) return [{ op: "replace", path, value: after }];
  const patch: PatchOperation[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const inner = `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!Object.hasOwn(after, key)) patch.push({ op: "remove", path: inner });
    else if (!Object.hasOwn(before, key)) patch.push({ op: "add", path: inner, value: after[key] });
    else patch.push(...diff(before[key], after[key], inner));
  }
  return patch;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
