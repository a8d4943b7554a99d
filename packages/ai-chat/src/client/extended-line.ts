import type { UIMessage } from "ai";
import type {
  ChatAcceptedFrame,
  ChatDeltaFrame,
  ChatRefusedFrame,
  ChatResponseFrame,
  ChatServerFrame,
  ChatSnapshotFrame
} from "../protocol/frames";
import { isAsking } from "./conversation";
import type { CallAnswer } from "./events";
import type { Asked, Line, LineHost } from "./line";
import { parseChunk, randomId } from "./requests";

/** How many messages a client loads at once. */
const pageSize = 100;

/**
 * A server that counts revisions and chunks. The client says what it has, and gets what it does not have; it sends operations, and
 * those without an answer again.
 */
export class ExtendedLine implements Line {
  readonly #host: LineHost;
  /** How many snapshots are on their way. What comes before one is in it. */
  #awaited = 0;
  /** The conversation is what the server had when it answered on this connection. */
  #isInStep = false;
  #isBeginning = false;
  /** Operations that have been sent and not answered, and operations and answers that have been sent on this connection. */
  readonly #everSent = new Set<string>();
  readonly #sent = new Set<string>();
  /** Those whose turn may have ended while nobody here could hear it. */
  readonly #uncertain = new Set<string>();
  /** A turn that this client is not to follow. */
  #ignored: string | undefined;
  readonly #pages = new Map<string, (frame: { messages: UIMessage[] }) => void>();
  /** The message that the last page which was asked for comes before. */
  #pageEnd: string | undefined;

  /** Where there is a turn, the conversation has it. */
  readonly awaited = undefined;

  constructor(host: LineHost) {
    this.#host = host;
  }

  opened(): void {
    this.#sync();
  }

  /** What the server has, as it says by itself. */
  head(frame: ChatSnapshotFrame): void {
    const { transcript, turn, isLoading } = this.#host.state;
    if (isLoading) return this.#begin(frame, () => this.#sync());
    const isKnown = frame.epoch === transcript.epoch && frame.revision === transcript.revision;
    if (!isKnown || turn || frame.turn || !this.#isInStep) this.#sync();
  }

  lost(): void {
    this.#awaited = 0;
    this.#isInStep = false;
    this.#sent.clear();
    for (const operation of this.#host.state.operations) {
      if (operation.phase === "accepted" && isAsking(operation)) this.#uncertain.add(operation.id);
    }
    for (const settle of this.#pages.values()) settle({ messages: [] });
    this.#pages.clear();
  }

  receive(frame: ChatServerFrame): void {
    switch (frame.type) {
      case "cf_agent_chat_snapshot":
        return frame.messages ? this.#snapshot(frame, frame.messages) : this.head(frame);
      case "cf_agent_chat_delta":
        return this.#delta(frame);
      case "cf_agent_use_chat_response":
        return frame.done ? this.#done(frame) : this.#chunk(frame);
      case "cf_agent_chat_accepted":
        return this.#accepted(frame);
      case "cf_agent_chat_refused":
        return this.#refused(frame);
      case "cf_agent_chat_page":
        // Before a message that has gone meanwhile is nothing; that does not mean that there is no more.
        if (this.#pageEnd === this.#host.state.transcript.messages[0]?.id)
          this.#host.dispatch({ type: "paged", messages: frame.messages, hasMore: frame.hasMore });
        return this.#settlePage(frame.id, frame);
      case "cf_agent_chat_branches":
        return this.#settlePage(frame.id, frame);
      default:
        // What documented clients are told.
        return;
    }
  }

  ask({ operation, extras, clientTools }: Asked): void {
    if (!this.#isInStep) return;
    const { id, kind, messageId, message } = operation;
    const { body, headers } = extras;
    if (this.#everSent.has(id)) this.#uncertain.add(id);
    this.#everSent.add(id);
    this.#sent.add(id);
    this.#host.send(
      {
        type: "cf_agent_chat_operation",
        id,
        operation: kind,
        ...(messageId !== undefined && { messageId }),
        ...(message && { message }),
        ...(Object.keys(body).length > 0 && { body }),
        ...(Object.keys(headers).length > 0 && { headers }),
        ...(clientTools && { clientTools })
      },
      (error) => this.#host.dispatch({ type: "failed", id, error })
    );
  }

  hasSent(id: string): boolean {
    return this.#sent.has(id);
  }

  answer(answer: CallAnswer): void {
    const { toolCallId } = answer;
    if (!this.#isInStep || this.#sent.has(toolCallId)) return;
    this.#sent.add(toolCallId);
    this.#host.send(answer.frame, (error) => {
      this.#host.dispatch({ type: "declined", toolCallId });
      this.#host.failed(error);
    });
  }

  rewrite(messages: readonly UIMessage[]): void {
    // It has no revision that is known here, until the snapshot comes.
    this.#host.dispatch({ type: "listed", messages });
    this.#host.send({ type: "cf_agent_chat_messages", messages: [...messages] }, (error) => this.#host.failed(error));
    this.#sync(true);
  }

  /** Loads the messages before the first. */
  loadMore(limit = pageSize): Promise<unknown> {
    const [first] = this.#host.state.transcript.messages;
    if (!first || !this.#isInStep) return Promise.resolve();
    this.#pageEnd = first.id;
    return this.#request((id) => this.#host.send({ type: "cf_agent_chat_page", id, before: first.id, limit }));
  }

  branches(messageId: string): Promise<UIMessage[]> {
    if (!this.#isInStep) return Promise.resolve([]);
    return this.#request((id) => this.#host.send({ type: "cf_agent_chat_branches", id, messageId }));
  }

  async #request(send: (id: string) => void): Promise<UIMessage[]> {
    const id = randomId();
    const answered = new Promise<{ messages: UIMessage[] }>((resolve) => this.#pages.set(id, resolve));
    send(id);
    return (await answered).messages;
  }

  #settlePage(id: string, frame: { messages: UIMessage[] }): void {
    this.#pages.get(id)?.(frame);
    this.#pages.delete(id);
  }

  // --- keeping in step ---

  /** The first messages: those of the application, or a page of the server's. */
  #begin(frame: ChatSnapshotFrame, load: () => void): void {
    const { resume, loadFirst, loadStored } = this.#host;
    if (!resume) this.#ignored ??= frame.turn?.id;
    if (!loadFirst && loadStored) return load();
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    void this.#loadFirst(frame);
  }

  /** What the application has is taken to be what the server had when it was loaded. */
  async #loadFirst({ epoch, revision }: ChatSnapshotFrame): Promise<void> {
    const messages = await this.#host.loadFirst?.().catch((error: unknown) => {
      this.#host.failed(error instanceof Error ? error : new Error(String(error)));
    });
    if (messages) this.#host.dispatch({ type: "listed", messages });
    this.#host.dispatch({ type: "based", epoch, revision });
    this.#host.dispatch({ type: "loaded" });
    this.#isBeginning = false;
    this.#sync();
  }

  /** Says what is here. `again`: what is on its way does not have everything. */
  #sync(again = false): void {
    if (!this.#host.isOpen || (this.#awaited > 0 && !again)) return;
    this.#awaited++;
    const { transcript, turn } = this.#host.state;
    const { epoch, revision } = transcript;
    this.#host.send({
      type: "cf_agent_chat_sync",
      limit: pageSize,
      ...(epoch !== "" && { epoch, revision }),
      ...(turn && !turn.ended && { turnId: turn.id, seq: turn.seq })
    });
  }

  #snapshot(frame: ChatSnapshotFrame, messages: UIMessage[]): void {
    this.#awaited = Math.max(0, this.#awaited - 1);
    if (this.#host.state.isLoading) return this.#begin(frame, () => this.#take(frame, messages));
    this.#take(frame, messages);
  }

  #take(frame: ChatSnapshotFrame, messages: UIMessage[]): void {
    const { turn: before } = this.#host.state;
    const live = frame.turn?.id === this.#ignored ? undefined : frame.turn;
    this.#host.dispatch({ type: "snapshot", frame: live ? frame : withoutTurn(frame), messages });
    this.#host.dispatch({ type: "loaded" });
    const { turn } = this.#host.state;
    // It runs again: the chunks that follow are not those that come next here.
    if (turn && before && turn.id === before.id && turn.seq < before.seq) return this.#sync(true);
    if (this.#awaited > 0) return;
    this.#isInStep = true;
    if (!frame.turn) this.#host.dispatch({ type: "idle" });
    this.#host.flush();
    this.#host.caughtUp();
  }

  #delta(frame: ChatDeltaFrame): void {
    const { epoch, revision } = this.#host.state.transcript;
    if (frame.epoch === epoch && frame.revision <= revision) return;
    if (frame.epoch !== epoch || frame.from > revision) return this.#sync();
    this.#host.dispatch({ type: "delta", frame });
  }

  #chunk(frame: ChatResponseFrame): void {
    const { id, turnId = id, seq = 0, continuation = false, body } = frame;
    this.#uncertain.delete(id);
    // Before the snapshot of a connection its message may not be here. It is sent again after it.
    if (turnId === this.#ignored || !this.#isInStep) return;
    const chunk = parseChunk(body);
    if (!chunk) return;
    const { turn } = this.#host.state;
    const isLive = turn?.id === turnId && !turn.ended;
    const { attempt = isLive ? turn.attempt : 1 } = frame;
    if (isLive && attempt < turn.attempt) return;
    if (seq > (isLive ? turn.seq : 0) + 1 || (isLive && attempt > turn.attempt)) return this.#sync();
    this.#host.dispatch({
      type: "chunk",
      turnId,
      requestId: id,
      seq,
      attempt,
      chunk,
      continuation,
      resumed: false,
      newId: randomId()
    });
  }

  #done(frame: ChatResponseFrame): void {
    const { id, turnId = id, seq, epoch, revision, outcome } = frame;
    const { turn, transcript } = this.#host.state;
    const isTurn = turn?.id === turnId && !turn.ended;
    const has = epoch === undefined || (epoch === transcript.epoch && revision === transcript.revision);
    // What was stored is what was said, if all of that was heard, and it ended by itself.
    const heardAll = isTurn && !turn.stopped && (seq === undefined || seq <= turn.seq + 1);
    const isNext = epoch === transcript.epoch && revision === transcript.revision + 1;
    const isWhole = !has && heardAll && isNext && outcome === "completed";
    const isRest = isTurn && !has && !isWhole;
    const result = isWhole ? "message" : isRest ? "later" : "transcript";
    const error = frame.error ? new Error(frame.body) : undefined;
    this.#host.dispatch({ type: "ended", turnId, requestId: id, error, result, epoch, revision });
    if (turnId === this.#ignored) this.#ignored = undefined;
    this.#host.over(isTurn && turn.mine);
    const asking = new Set(this.#host.state.operations.filter(isAsking).map((operation) => operation.id));
    for (const uncertain of this.#uncertain) if (!asking.has(uncertain)) this.#uncertain.delete(uncertain);
    if ((!has && !isWhole) || this.#uncertain.size > 0) this.#sync();
  }

  // --- operations ---

  #accepted({ id, turnId, epoch, revision }: ChatAcceptedFrame): void {
    this.#host.dispatch({ type: "accepted", id, epoch, revision, hasTurn: turnId !== undefined });
    const { transcript, turn } = this.#host.state;
    this.#everSent.delete(id);
    const mayBeOver = this.#uncertain.delete(id) && turn?.requestId !== id;
    if (mayBeOver || epoch !== transcript.epoch || revision > transcript.revision) this.#sync(mayBeOver);
  }

  #refused({ id, code, message }: ChatRefusedFrame): void {
    const error = Object.assign(new Error(message), { code });
    const { operations, answers } = this.#host.state;
    if (operations.some((operation) => operation.id === id)) this.#host.dispatch({ type: "failed", id, error });
    else if (answers.some(({ toolCallId }) => toolCallId === id)) {
      this.#host.dispatch({ type: "declined", toolCallId: id });
      // Somebody else was first: the page shows their answer.
      if (code !== "TOOL_CALL_NOT_YOURS") this.#host.failed(error);
      this.#sync();
    } else this.#settlePage(id, { messages: [] });
  }
}

function withoutTurn({ turn: _, ...frame }: ChatSnapshotFrame): ChatSnapshotFrame {
  return frame;
}
