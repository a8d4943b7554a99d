import { AgentError, type AgentErrorCode } from "../protocol/errors";
import type { StateAckFrame, StatePatchFrame, StateRejectFrame, StateSentFrame } from "../protocol/frames";
import { applyPatch } from "../protocol/json-patch";
import { extended, stateText } from "./client-frames";

export interface StateModelDeps<State> {
  /** Has `take` called for a write when its turn to be sent comes. */
  queue(id: string, text: string): void;
  /** Takes a write out of those that wait, if nothing waits behind it. @returns whether it did */
  unqueue(id: string): boolean;
  /** Sends a frame now. Only while connected to an agent that takes part in the extensions. */
  send(text: string): void;
  /** There is another state to show. `undefined`: the agent has none. */
  changed(state: State | undefined, source: "server" | "client"): void;
  /** A write was refused, or it is not known what became of it. */
  refused(error: AgentError): void;
}

type Write<State> = {
  id: string;
  state: State;
  /** Its frame, as documented. What the program does with the object afterwards changes nothing. */
  text: string;
  /** The revision without which it is not stored, and the epoch to which that belongs. */
  ifRevision: number | undefined;
  epoch: string | undefined;
  /** Lost: sent on a connection that broke before the answer. */
  phase: "waiting" | "sent" | "lost";
};

/**
 * What a client knows of the state: the agent's as of one revision, and its own writes on top, from the oldest to the newest,
 * that the agent has not answered yet. The newest is what the program sees, so that no older state hides it.
 *
 * An agent without revisions answers no write: to it, a write counts as stored when it is sent.
 */
export class StateModel<State> {
  readonly #deps: StateModelDeps<State>;
  #base: State | undefined;
  /** The frame of our own write that is the base: patches are made for what the agent has read, not for our object. */
  #baseText: string | undefined;
  #epoch: string | undefined;
  #revision = 0;
  #writes: Write<State>[] = [];
  #writeCount = 0;
  #isExtended = false;
  #isGreeted = false;
  /** On this connection the agent has sent its state. */
  #isKnown = false;
  #isPulling = false;
  /** A write went out that is newer than the state which an agent without revisions is about to send. */
  #isAhead = false;

  constructor(deps: StateModelDeps<State>) {
    this.#deps = deps;
  }

  /** What to show. */
  get state(): State | undefined {
    const newest = this.#writes.at(-1);
    return newest ? newest.state : this.#base;
  }

  /** The revision that is known, if the agent counts them. */
  get revision(): number | undefined {
    return this.#epoch === undefined ? undefined : this.#revision;
  }

  /**
   * Shows a write and sends it. Where the one before still waits, and nothing after it, it takes its place.
   *
   * @param ifRevision `true` for what is shown now: the known revision and our own writes since
   * @throws STATE_NOT_SERIALIZABLE
   */
  write(state: State, ifRevision?: number | true): void {
    const text = stateText(state);
    const before = this.#writes.at(-1);
    const isReplaceable = ifRevision === undefined && before?.ifRevision === undefined && before?.phase === "waiting";
    if (isReplaceable && this.#deps.unqueue(before.id)) this.#writes.pop();
    const id = `w${++this.#writeCount}`;
    if (ifRevision === true) ifRevision = this.#revision + this.#writes.length;
    this.#writes.push({ id, state, text, ifRevision, epoch: this.#epoch, phase: "waiting" });
    this.#deps.queue(id, text);
    // Unless it has been refused already.
    if (this.state === state) this.#deps.changed(state, "client");
  }

  /** The frame of a write whose turn to be sent has come. `undefined` if there is none any more. */
  take(id: string, isExtended: boolean): string | undefined {
    const write = this.#writes.find((other) => other.id === id);
    if (!write) return undefined;
    const { text, ifRevision } = write;
    if (ifRevision !== undefined && !(isExtended && write.epoch === this.#epoch)) {
      const reason = isExtended ? "the state has begun anew" : "this agent counts no revisions";
      this.#refuse([write], new AgentError("STATE_CONFLICT", `The write needs revision ${ifRevision}: ${reason}`));
      return undefined;
    }
    if (isExtended) {
      write.phase = "sent";
      const ifEpoch = ifRevision === undefined ? undefined : (write.epoch ?? "");
      return extended(text, { writeId: id, ifRevision, ifEpoch });
    }
    this.#writes = this.#writes.filter((other) => other !== write);
    this.#rebase(write.state, undefined, 0, text);
    this.#isAhead = !this.#isGreeted;
    return text;
  }

  /** A write cannot be sent. */
  refuse(id: string, error: AgentError): void {
    this.#refuse(
      this.#writes.filter((write) => write.id === id),
      error
    );
  }

  // --- the connection's life ---

  /** A connection to an agent that takes part in the extensions, or does not. */
  connected(isExtended: boolean): void {
    this.#isExtended = isExtended;
    // It took us for another client when it was sent this write, and does not answer it.
    if (isExtended && this.#isAhead) return this.#pull();
    if (isExtended) return;
    const lost = this.#writes.findLast(({ phase }) => phase === "lost");
    if (lost) this.#rebase(lost.state, undefined, 0, lost.text);
    this.#writes = this.#writes.filter(({ phase }) => phase !== "lost");
  }

  /** What the agent tells every new connection is through: if it has a state, it is known. */
  greeted(): void {
    this.#isGreeted = true;
    this.#isAhead = false;
    if (!this.#isExtended) return;
    const before = this.state;
    if (!this.#isKnown && !this.#isPulling) this.#rebase(undefined, undefined, 0);
    const unknown = this.#settleLost();
    if (this.state !== before) this.#deps.changed(this.state, "server");
    for (let n = 0; n < unknown; n++) this.#deps.refused(unknownFate());
  }

  /**
   * The connection is gone, and with it the answers to what was sent.
   *
   * @param canRepeat the connection did not break because of what was sent
   */
  disconnected(canRepeat: boolean): void {
    this.#isExtended = this.#isGreeted = this.#isKnown = this.#isPulling = this.#isAhead = false;
    const sent = this.#writes.filter(({ phase }) => phase !== "waiting");
    for (const write of sent) write.phase = "lost";
    if (!canRepeat && sent.length > 0) this.#refuse(sent, unknownFate());
  }

  /** The connection led to another instance. */
  forget(): void {
    const before = this.state;
    // What was sent was meant for the one before.
    this.#writes = this.#writes.filter(({ phase }) => phase !== "lost");
    if (!this.#isAhead && !this.#isKnown) this.#rebase(undefined, undefined, 0);
    if (this.state !== before) this.#deps.changed(this.state, "server");
  }

  // --- what the agent sends ---

  received({ state, epoch, revision = 0 }: StateSentFrame): void {
    if (this.#isAhead) return;
    this.#isKnown = true;
    this.#isPulling = false;
    // What the agent's type says.
    this.#rebase(state as State, epoch, revision);
    if (this.#writes.length === 0) this.#deps.changed(this.state, "server");
  }

  patched({ epoch, from, to, patch }: StatePatchFrame): void {
    if (this.#isAt(epoch, from)) {
      const patched = applyPatch(this.#baseAsRead(), patch);
      if (!patched) return this.#pull();
      this.#rebase(patched.value as State, epoch, to);
      if (this.#writes.length === 0) this.#deps.changed(this.state, "server");
    } else this.#pull();
  }

  acknowledged({ writeId, epoch, revision }: StateAckFrame): void {
    const before = this.state;
    const index = this.#writes.findIndex(({ id }) => id === writeId);
    const write = this.#writes[index];
    if (write) {
      // Answers come in order: what was sent before is stored or refused as well.
      this.#writes = this.#writes.slice(index + 1);
      if (epoch !== this.#epoch || revision > this.#revision) this.#rebase(write.state, epoch, revision, write.text);
    } else if (!this.#isAt(epoch, revision)) this.#pull();
    if (this.state !== before) this.#deps.changed(this.state, "server");
  }

  rejected({ writeId, code, message, epoch, revision, state }: StateRejectFrame): void {
    this.#rebase(state as State | undefined, epoch, revision);
    this.refuse(writeId, new AgentError(code, message));
  }

  // --- inside ---

  /** Takes writes back, and tells. */
  #refuse(writes: readonly Write<State>[], error: AgentError): void {
    const newest = this.#writes.at(-1);
    const isShown = newest && !writes.includes(newest);
    this.#writes = this.#writes.filter((write) => !writes.includes(write));
    if (!isShown) this.#deps.changed(this.state, "server");
    this.#deps.refused(error);
  }

  /**
   * Decides about writes that were sent on a connection that broke, from the newest on. If the state is what it wrote, a write was
   * stored; if not, it is sent again, unless a newer one makes it needless. One that depends on its revision is only sent again
   * if that is still the revision: otherwise it may have been stored, and changed since.
   *
   * @returns how many there are of which that is all that can be said
   */
  #settleLost(): number {
    if (!this.#writes.some(({ phase }) => phase === "lost")) return 0;
    const text = this.#base === undefined ? undefined : stateText(this.#base);
    const kept: Write<State>[] = [];
    let unknown = 0;
    let isCovered = false;
    for (const write of this.#writes.toReversed()) {
      const { phase, ifRevision } = write;
      const isConditional = ifRevision !== undefined;
      if (phase !== "waiting") {
        if (isCovered) continue;
        if (write.text === text) {
          isCovered = true;
          continue;
        }
        if (isConditional && !this.#isAt(write.epoch, ifRevision)) {
          unknown++;
          continue;
        }
      }
      kept.unshift(write);
      isCovered ||= !isConditional;
    }
    this.#writes = kept;
    for (const { id, phase } of kept) {
      const again = phase === "lost" && this.take(id, true);
      if (again) this.#deps.send(again);
    }
    return unknown;
  }

  #isAt(epoch: string | undefined, revision: number): boolean {
    return epoch === this.#epoch && revision === this.#revision;
  }

  #rebase(state: State | undefined, epoch: string | undefined, revision: number, text?: string): void {
    this.#base = state;
    this.#baseText = text;
    this.#epoch = epoch;
    this.#revision = revision;
  }

  #baseAsRead(): unknown {
    return this.#baseText === undefined ? this.#base : (JSON.parse(this.#baseText) as { state: unknown }).state;
  }

  #pull(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    this.#deps.send('{"type":"cf_agent_state_pull"}');
  }
}

const unknownFate = (): AgentError =>
  new AgentError(
    "CONNECTION_CLOSED" satisfies AgentErrorCode,
    "Connection closed: it is not known whether the state was stored"
  );
