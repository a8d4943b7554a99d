import type { UIMessageChunk } from "ai";
import type { ChatResponseFrame } from "../protocol/frames";

interface OwnTurn {
  controller: ReadableStreamDefaultController<UIMessageChunk>;
  /** How many chunks have been passed on: a replay begins with these. */
  passed: number;
  replayed: number;
  /** The request was on its way when the connection was lost: it may have ended meanwhile. */
  uncertain: boolean;
  /** Messages that were sent with the request, which the server may not have stored yet. */
  messageIds: readonly string[];
}

/** The turns that this client asked for, each as the stream that the AI SDK reads. */
export class OwnTurns {
  readonly #turns = new Map<string, OwnTurn>();

  /** Opens a stream for a request that is about to be sent. */
  open(requestId: string, messageIds: readonly string[]): ReadableStream<UIMessageChunk> {
    return new ReadableStream({
      start: (controller) => {
        this.#turns.set(requestId, { controller, passed: 0, replayed: 0, uncertain: false, messageIds });
      },
      cancel: () => void this.#turns.delete(requestId)
    });
  }

  has(requestId: string): boolean {
    return this.#turns.has(requestId);
  }

  /** Ids of messages that are on their way. */
  get pendingMessageIds(): ReadonlySet<string> {
    return new Set([...this.#turns.values()].flatMap(({ messageIds }) => messageIds));
  }

  /** Whether any turn may have ended without this client having heard of it. */
  get hasUncertain(): boolean {
    return [...this.#turns.values()].some(({ uncertain }) => uncertain);
  }

  /** Passes a frame on, unless it repeats what was passed on before. */
  receive(frame: ChatResponseFrame, chunk: UIMessageChunk | undefined): void {
    const turn = this.#turns.get(frame.id);
    if (!turn) return;
    turn.uncertain = false;
    if (frame.done) return this.#end(frame.id, turn, frame.error ? frame.body : undefined);
    if (!chunk) return;
    if (frame.replay && ++turn.replayed <= turn.passed) return;
    turn.passed++;
    turn.controller.enqueue(chunk);
  }

  /** The connection was lost. A replay, if one comes, begins at the beginning. */
  connectionLost(): void {
    for (const turn of this.#turns.values()) {
      turn.uncertain = true;
      turn.replayed = 0;
    }
  }

  /** The server has no such turns any more: their result is in the transcript. */
  endUncertain(): void {
    for (const [id, turn] of this.#turns) if (turn.uncertain) this.#end(id, turn);
  }

  /** Ends a turn here, whatever the server does. */
  close(requestId: string): void {
    const turn = this.#turns.get(requestId);
    if (turn) this.#end(requestId, turn);
  }

  #end(id: string, turn: OwnTurn, errorText?: string): void {
    this.#turns.delete(id);
    if (errorText === undefined) turn.controller.close();
    else turn.controller.error(new Error(errorText));
  }
}
