import type { UIMessage } from "ai";
import { connect, type TestConnection } from "../../../agents/src/test/kit";
import { MessageBuilder } from "../messages/message-builder";
import type {
  ChatDeltaFrame,
  ChatOperationFrame,
  ChatResponseFrame,
  ChatServerFrame,
  ChatSnapshotFrame
} from "../protocol/frames";

type Stub = { fetch(request: Request): Promise<Response> };

/**
 * The least that a client of the extensions does: it applies what fits, asks where something does not, and sends again what was
 * not answered.
 */
export class ChatReplica {
  readonly id: string;
  epoch = "";
  revision = 0;
  messages: UIMessage[] = [];
  readonly pending = new Map<string, ChatOperationFrame>();
  /** Operations; answers to calls are accepted too, by the id of the call. */
  readonly accepted = new Set<string>();
  readonly refused = new Map<string, string>();
  syncs = 0;
  /** More than one end of a turn on one connection that nobody asked for again. */
  readonly problems: string[] = [];
  readonly #performed = new Set<string>();
  #connection: TestConnection | undefined;
  #turn: { id: string; attempt: number; seq: number; builder: MessageBuilder } | undefined;
  #ends = new Set<string>();
  #askedAgain = new Set<string>();
  #isSyncing = false;
  #life = 0;
  /** Is told of each state that it has, with the revision. */
  readonly #took: (revision: string, messages: UIMessage[]) => void;

  constructor(id: string, took: (revision: string, messages: UIMessage[]) => void) {
    this.id = id;
    this.#took = took;
  }

  async connect(stub: Stub): Promise<void> {
    const life = ++this.#life;
    this.#isSyncing = false;
    this.#ends = new Set();
    this.#askedAgain = new Set(this.pending.keys());
    if (this.#turn) this.#askedAgain.add(this.#turn.id);
    this.#connection = await connect(stub, `_agents_ext=1&_pk=${this.id}`, {}, (data) => {
      if (life === this.#life) this.#receive(JSON.parse(String(data)) as ChatServerFrame);
    });
    for (const frame of this.pending.values()) this.#send(frame);
  }

  perform(frame: ChatOperationFrame): void {
    this.#performed.add(frame.id);
    this.pending.set(frame.id, frame);
    this.#send(frame);
  }

  again(): void {
    for (const frame of this.pending.values()) {
      this.#askedAgain.add(frame.id);
      this.#send(frame);
    }
  }

  send(frame: object): void {
    this.#send(frame);
  }

  /** Until the server has answered all that was sent so far. */
  async barrier(): Promise<void> {
    await Promise.race([this.#connection!.settled(), this.#connection!.closed]);
  }

  get isSettled(): boolean {
    return this.pending.size === 0 && !this.#isSyncing;
  }

  /** Asks for what it does not have; a client does so after each reconnect. */
  sync(): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    this.syncs++;
    const { epoch, revision } = this;
    const turn = this.#turn && { turnId: this.#turn.id, seq: this.#turn.seq };
    if (turn) this.#askedAgain.add(turn.turnId);
    this.#send({ type: "cf_agent_chat_sync", ...(epoch && { epoch, revision }), limit: 500, ...turn });
  }

  #send(frame: object): void {
    try {
      this.#connection!.send(frame);
    } catch {
      // It was cut; it comes again.
    }
  }

  #receive(frame: ChatServerFrame): void {
    // What comes before the answer is part of it: without what was there before, it means nothing.
    if (this.#isSyncing && (frame.type === "cf_agent_chat_delta" || frame.type === "cf_agent_use_chat_response")) {
      if (frame.type === "cf_agent_use_chat_response" && frame.done) this.#heard(frame);
      return;
    }
    switch (frame.type) {
      case "cf_agent_chat_snapshot":
        if (frame.messages) return this.#snapshot(frame, frame.messages);
        if (frame.epoch !== this.epoch || frame.revision !== this.revision || frame.turn || this.#turn) this.sync();
        return;
      case "cf_agent_chat_delta":
        return this.#delta(frame);
      case "cf_agent_use_chat_response":
        return frame.done ? this.#done(frame) : this.#chunk(frame);
      case "cf_agent_chat_accepted":
        if (this.#performed.has(frame.id)) this.accepted.add(frame.id);
        this.pending.delete(frame.id);
        if (frame.revision > this.revision || frame.epoch !== this.epoch) this.sync();
        return;
      case "cf_agent_chat_refused":
        this.refused.set(frame.id, frame.code);
        this.pending.delete(frame.id);
        return;
      case "cf_agent_chat_messages":
      case "cf_agent_message_updated":
      case "cf_agent_chat_clear":
      case "cf_agent_stream_resuming":
        this.problems.push(`${this.id} was sent a ${frame.type}`);
    }
  }

  #snapshot(frame: ChatSnapshotFrame, messages: UIMessage[]): void {
    this.#isSyncing = false;
    const { epoch, revision, reset, removed = [], after = {}, turn } = frame;
    if (reset) this.messages = messages;
    else
      this.#apply(
        removed,
        messages.map((message) => ({ message, after: after[message.id] }))
      );
    this.#have(epoch, revision);
    const { attempt = 1 } = turn ?? {};
    if (!turn) this.#turn = undefined;
    else if (this.#turn?.id !== turn.id || this.#turn.attempt !== attempt || this.#turn.seq > turn.seq) {
      const before = this.#turn;
      this.#turn = { id: turn.id, attempt, seq: 0, builder: this.#builder(turn.messageId) };
      // The chunks that follow are those after what it had of another attempt.
      if (before?.id === turn.id && before.seq > 0) this.sync();
    }
  }

  #delta({ epoch, from, revision, upsert, removed }: ChatDeltaFrame): void {
    if (epoch === this.epoch && revision <= this.revision) return;
    if (epoch !== this.epoch || from !== this.revision) return this.sync();
    const known = new Set(this.messages.map(({ id }) => id));
    this.#apply(
      removed,
      upsert.filter(({ message, changed }) => !changed || known.has(message.id))
    );
    this.#have(epoch, revision);
  }

  #chunk({ turnId = "", seq = 0, body }: ChatResponseFrame): void {
    const chunk = JSON.parse(body) as { type: string; messageId?: string };
    if (this.#turn?.id !== turnId) {
      if (seq !== 1) return this.sync();
      this.#turn = { id: turnId, attempt: 1, seq: 0, builder: this.#builder(chunk.messageId ?? "") };
    }
    if (seq > this.#turn.seq + 1) return this.sync();
    if (seq <= this.#turn.seq) return;
    this.#turn.seq = seq;
    this.#turn.builder.apply(chunk as never);
  }

  #heard({ id, turnId = "" }: ChatResponseFrame): void {
    if (this.#ends.has(turnId) && !this.#askedAgain.has(id) && !this.#askedAgain.has(turnId))
      this.problems.push(`${this.id} heard twice that ${id} is over`);
    this.#ends.add(turnId);
  }

  #done(frame: ChatResponseFrame): void {
    const { turnId, seq, epoch = "", revision = 0, outcome } = frame;
    this.#heard(frame);
    const turn = this.#turn?.id === turnId ? this.#turn : undefined;
    if (turn) this.#turn = undefined;
    if (epoch === this.epoch && revision <= this.revision) return;
    const isWhole = turn && seq === turn.seq + 1 && outcome === "completed";
    if (!isWhole || epoch !== this.epoch || revision !== this.revision + 1) return this.sync();
    this.#apply([], [{ message: turn.builder.message }]);
    this.#have(epoch, revision);
  }

  #builder(messageId: string): MessageBuilder {
    const known = this.messages.find(({ id }) => id === messageId);
    return new MessageBuilder(known ?? { id: messageId, role: "assistant", parts: [] });
  }

  #apply(
    removed: readonly string[],
    upserted: readonly { message: UIMessage; after?: string | null | undefined }[]
  ): void {
    const messages = this.messages.filter(({ id }) => !removed.includes(id));
    for (const { message, after } of upserted) {
      const known = messages.findIndex(({ id }) => id === message.id);
      if (known >= 0) messages[known] = message;
      else if (after === null) messages.unshift(message);
      else if (after === undefined) messages.push(message);
      else messages.splice(messages.findIndex(({ id }) => id === after) + 1 || messages.length, 0, message);
    }
    this.messages = messages;
  }

  #have(epoch: string, revision: number): void {
    this.epoch = epoch;
    this.revision = revision;
    this.#took(`${epoch}:${revision}`, this.messages);
  }
}
