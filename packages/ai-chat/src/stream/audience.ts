import type { Connection } from "agents";
import { hasFlag, send, type CapabilityKit } from "agents/capability";
import type { UIMessage } from "ai";
import type { Change, Transcript } from "../messages/transcript";
import {
  noResponseText,
  type ChatDeltaFrame,
  type ChatResponseFrame,
  type ChatServerFrame,
  type LiveTurn,
  type TurnOutcome
} from "../protocol/frames";

export interface AudienceDeps {
  connections: CapabilityKit["connections"];
  transcript: Transcript;
  /** The turn that is under way. */
  live(): LiveTurn | undefined;
}

/** A turn, as its frames name it. */
export interface Spoken {
  readonly id: string;
  readonly requestId: string;
  readonly source: Connection | undefined;
  /** It goes on with a message instead of beginning one. */
  readonly continuation: boolean;
  /** How often it was begun. */
  readonly attempts?: number;
}

export interface TurnDone {
  outcome: TurnOutcome;
  /** Why it failed, where the chunks do not say it. */
  error: string | undefined;
  /** The number of its last chunk, if that is known. */
  seq: number | undefined;
}

/** More than these are not told one by one. */
const maxPlaced = 3;

const isExtended = (connection: Connection): boolean => hasFlag(connection, "extended");

/**
 * The connections that follow the conversation. Each is told what happens in the frames that its client knows: those of the
 * documented protocol, or revisions and numbered chunks.
 */
export class Audience {
  readonly #deps: AudienceDeps;
  /**
   * Documented clients that were offered the stream of a request and have not asked for it yet: they get no chunks of it. A
   * reconnecting client keeps its id.
   */
  readonly #offered = new Map<Connection, string>();

  constructor(deps: AudienceDeps) {
    this.#deps = deps;
  }

  forget(connection: Connection): void {
    this.#offered.delete(connection);
  }

  // --- the stream ---

  /** Tells documented clients that there is a stream which they can have. */
  offer(connection: Connection, asked: boolean): void {
    const live = this.#deps.live();
    if (live) {
      this.#offered.set(connection, live.requestId);
      this.send(connection, { type: "cf_agent_stream_resuming", id: live.requestId });
    } else if (asked) {
      this.send(connection, { type: "cf_agent_stream_resume_none" });
    }
  }

  /** Sends everything so far; what follows is live. No chunk can come between, since nothing here waits. */
  resume(connection: Connection, requestId: string, chunks: () => Iterable<{ text: string }>): void {
    const live = this.#deps.live();
    const frame = { type: "cf_agent_use_chat_response", id: requestId, replay: true } as const;
    if (live?.requestId !== requestId) {
      // It ended while the client was asking: the transcript has it all.
      this.send(connection, { type: "cf_agent_chat_messages", messages: this.#deps.transcript.messages });
      this.send(connection, { ...frame, body: "", done: true });
      return;
    }
    this.#offered.delete(connection);
    const continuation = live.continuation ? { continuation: true } : {};
    for (const { text } of chunks()) this.send(connection, { ...frame, ...continuation, body: text, done: false });
    this.send(connection, { ...frame, ...continuation, body: "", done: false, replayComplete: true });
  }

  chunk(turn: Spoken, seq: number, text: string): void {
    // Once for all connections, around a body that is made into text once: of all frames, most are these.
    const body = JSON.stringify(text);
    let extended: string | undefined;
    let documented: string | undefined;
    this.#broadcast(
      (connection) =>
        isExtended(connection) ? (extended ??= chunkText(turn, body, seq)) : (documented ??= chunkText(turn, body)),
      this.#isLate
    );
  }

  /** Sends one client the chunks that it does not have. */
  chunksTo(connection: Connection, turn: Spoken, chunks: Iterable<{ seq: number; text: string }>): void {
    for (const { seq, text } of chunks) {
      this.send(connection, {
        type: "cf_agent_use_chat_response",
        id: turn.requestId,
        ...numberOf(turn, seq),
        body: text,
        done: false,
        ...(turn.continuation && { continuation: true })
      });
    }
  }

  done(turn: Spoken, done: TurnDone): void {
    const documented = JSON.stringify(doneFrame(turn, done));
    let extended: string | undefined;
    this.#broadcast(
      (connection) => (isExtended(connection) ? (extended ??= this.#extendedDone(turn, done)) : documented),
      this.#isLate
    );
  }

  /** Tells one client how a turn ended of whose end it has not heard. */
  doneTo(connection: Connection, turn: Spoken, done: TurnDone): void {
    send(connection, this.#extendedDone(turn, done));
  }

  #extendedDone(turn: Spoken, done: TurnDone): string {
    const { outcome, seq } = done;
    return JSON.stringify({
      ...doneFrame(turn, done),
      turnId: turn.id,
      ...(seq !== undefined && { seq: seq + 1 }),
      outcome,
      ...this.#deps.transcript.head
    } satisfies ChatResponseFrame);
  }

  // --- the transcript ---

  /** Tells clients of the extensions what a change did. */
  delta(change: Change, except?: Connection): void {
    if (change.from === change.revision) return;
    let text: string | undefined;
    this.#broadcast(
      () => (text ??= this.#deltaText(change)),
      (connection) => !isExtended(connection) || connection === except
    );
  }

  /** Sends documented clients the whole list, all but the one that has it. */
  list(except?: Connection): void {
    let text: string | undefined;
    const live = this.#deps.live()?.requestId;
    for (const [connection, requestId] of this.#offered) if (requestId !== live) this.#offered.delete(connection);
    this.#broadcast(
      () =>
        (text ??= JSON.stringify({
          type: "cf_agent_chat_messages",
          messages: this.#deps.transcript.messages
        } satisfies ChatServerFrame)),
      (connection) => isExtended(connection) || connection === except
    );
  }

  /** Tells everybody what a change did. */
  changed(change: Change, source?: Connection): void {
    this.delta(change);
    this.list(source);
  }

  /** Tells everybody that one message is another. */
  updated(change: Change, message: UIMessage): void {
    this.delta(change);
    this.#documented({ type: "cf_agent_message_updated", message });
  }

  /** Tells everybody that there is nothing left. To the source as well: a list that was on its way to it must not be what it has. */
  cleared(): void {
    let text: string | undefined;
    const reset = () =>
      JSON.stringify({
        type: "cf_agent_chat_snapshot",
        ...this.#deps.transcript.head,
        reset: true,
        messages: [],
        hasMore: false
      } satisfies ChatServerFrame);
    this.#broadcast(
      () => (text ??= reset()),
      (connection) => !isExtended(connection)
    );
    this.#documented({ type: "cf_agent_chat_clear" });
  }

  /** Tells clients of the extensions where the conversation is: whoever is behind, asks. */
  heads(): void {
    const text = JSON.stringify(this.#head());
    this.#broadcast(text, (connection) => !isExtended(connection));
  }

  headTo(connection: Connection): void {
    this.send(connection, this.#head());
  }

  #head(): ChatServerFrame {
    const turn = this.#deps.live();
    return { type: "cf_agent_chat_snapshot", ...this.#deps.transcript.head, ...(turn && { turn }) };
  }

  #deltaText(change: Change): string {
    const { transcript } = this.#deps;
    const { epoch, revision, from, upserted, added, removed } = change;
    const isPlaced = upserted.filter(({ id }) => id !== transcript.last?.id).length <= maxPlaced;
    // Many at once, in the middle: cheaper to ask for.
    if (!isPlaced) return JSON.stringify(this.#head());
    const upsert = upserted.map((message): ChatDeltaFrame["upsert"][number] => {
      if (!added.has(message.id)) return { message, changed: true };
      if (message.id === transcript.last?.id) return { message };
      return { message, after: transcript.previous(message.id) ?? null };
    });
    return JSON.stringify({
      type: "cf_agent_chat_delta",
      epoch,
      from,
      revision,
      upsert,
      removed
    } satisfies ChatServerFrame);
  }

  // --- sending ---

  send(connection: Connection, frame: ChatServerFrame): void {
    send(connection, JSON.stringify(frame));
  }

  readonly #isLate = (connection: Connection): boolean => this.#offered.has(connection);

  #documented(frame: ChatServerFrame): void {
    this.#broadcast(JSON.stringify(frame), isExtended);
  }

  #broadcast(frame: string | ((connection: Connection) => string), except?: (connection: Connection) => boolean): void {
    this.#deps.connections.broadcastFrame(frame, except);
  }
}

/** Which chunk of which attempt it is. */
const numberOf = ({ id, attempts = 1 }: Spoken, seq: number) => ({
  turnId: id,
  seq,
  ...(attempts > 1 && { attempt: attempts })
});

/** A frame with a chunk, whose body is JSON text already. Numbered, it is one of the extensions. */
function chunkText(turn: Spoken, body: string, seq?: number): string {
  const { id, requestId, continuation, attempts = 1 } = turn;
  const attempt = attempts > 1 ? `,"attempt":${attempts}` : "";
  const number = seq === undefined ? "" : `,"turnId":"${id}","seq":${seq}${attempt}`;
  const more = continuation ? ',"continuation":true' : "";
  return `{"type":"cf_agent_use_chat_response"${number},"id":${JSON.stringify(requestId)},"body":${body},"done":false${more}}`;
}

/** The end of a turn as documented clients know it. */
function doneFrame({ requestId, continuation }: Spoken, { outcome, error }: TurnDone): ChatResponseFrame {
  const frame: ChatResponseFrame = { type: "cf_agent_use_chat_response", id: requestId, body: "", done: true };
  if (outcome === "empty") frame.body = noResponseText;
  if (error !== undefined) {
    frame.body = error;
    frame.error = true;
  }
  return continuation ? { ...frame, continuation: true } : frame;
}
