import { applyPatch, type JsonPatch } from "../protocol/json-patch";
import { connect, type TestConnection } from "./kit";

type Connectable = Parameters<typeof connect>[0];
type Frame = {
  type: string;
  id: string;
  state?: unknown;
  epoch?: string;
  revision: number;
  from: number;
  to: number;
  patch: JsonPatch;
  writeId: string;
};

/** What a replica does wrong, once, to show that a test sees it. */
export type Flaw = "skips a patch" | "skips an acknowledgement" | "loses a patch";

/** The least that a client of ours does to follow the state: the model that real clients have to be as good as. */
export class Replica {
  readonly name: string;
  /** What the server has, as far as this client knows. */
  state: unknown;
  patches = 0;
  pulls = 0;
  rejections = 0;
  #epoch: string | undefined;
  #revision = -1;
  #connection!: TestConnection;
  #writes = 0;
  #life = 0;
  #isPulling = false;
  #flaw: Flaw | undefined;
  /** Writes that have no answer, in the order in which they were sent. */
  readonly #unanswered = new Map<string, unknown>();

  /** Told of each state that this client has taken for the server's. */
  readonly #took: (revision: string, state: unknown) => void;

  constructor(name: string, took: (revision: string, state: unknown) => void = () => {}, flaw?: Flaw) {
    this.name = name;
    this.#took = took;
    this.#flaw = flaw;
  }

  /** Opens a connection; again after the last one was cut. */
  async connect(stub: Connectable): Promise<void> {
    // Nobody knows what became of them: the state that comes first tells.
    this.#unanswered.clear();
    this.#isPulling = false;
    // Frames of the connection before this one may still be on their way.
    const life = ++this.#life;
    this.#connection = await connect(stub, `_agents_ext=1&_pk=${this.name}`, {}, (data) => {
      if (life === this.#life) this.#receive(JSON.parse(data as string) as Frame);
    });
  }

  /** What the client shows: its latest write, until it is answered. */
  get shown(): unknown {
    return [...this.#unanswered.values()].at(-1) ?? this.state;
  }

  get isSettled(): boolean {
    return this.#unanswered.size === 0 && !this.#isPulling;
  }

  write(state: unknown, ifRevision: boolean): void {
    const writeId = `${this.name}-${++this.#writes}`;
    this.#unanswered.set(writeId, state);
    const revision = ifRevision && this.#revision >= 0 ? { ifRevision: this.#revision } : {};
    this.#connection.send({ type: "cf_agent_state", state, writeId, ...revision });
  }

  /** Waits until the agent has answered what was sent before. */
  async barrier(): Promise<void> {
    await this.#connection.settled();
  }

  #receive(frame: Frame): void {
    switch (frame.type) {
      case "cf_agent_state":
        this.#isPulling = false;
        return this.#take(frame.state, frame.epoch, frame.revision);
      case "cf_agent_state_patch":
        return this.#patch(frame);
      case "cf_agent_state_ack": {
        if (this.#has("skips an acknowledgement")) return;
        const written = this.#unanswered.get(frame.writeId);
        this.#unanswered.delete(frame.writeId);
        return this.#take(written, frame.epoch, frame.revision);
      }
      case "cf_agent_state_reject":
        this.rejections++;
        this.#unanswered.delete(frame.writeId);
        return this.#take(frame.state, frame.epoch, frame.revision);
    }
  }

  #patch({ epoch, from, to, patch }: Frame): void {
    if (this.#has("loses a patch")) return;
    if (epoch !== this.#epoch || from !== this.#revision) return this.#pull();
    const patched = applyPatch(this.state, patch);
    if (!patched) throw new Error(`${this.name}: the patch from ${from} to ${to} does not fit`);
    this.patches++;
    this.#take(this.#has("skips a patch") ? this.state : patched.value, epoch, to);
  }

  #take(state: unknown, epoch: string | undefined, revision = -1): void {
    this.state = state;
    this.#epoch = epoch;
    this.#revision = revision;
    if (epoch !== undefined) this.#took(`${epoch} ${revision}`, state);
  }

  #pull(): void {
    this.pulls++;
    this.#isPulling = true;
    this.#connection.send({ type: "cf_agent_state_pull" });
  }

  #has(flaw: Flaw): boolean {
    if (this.#flaw !== flaw) return false;
    this.#flaw = undefined;
    return true;
  }
}
