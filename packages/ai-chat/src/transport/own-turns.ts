import type { UIMessageChunk } from "ai";
import type { ChatResponseFrame } from "../protocol/frames";

interface OwnTurn {
  controller: ReadableStreamDefaultController<UIMessageChunk>;
  /** How many chunks have been passed on: a replay begins with these. */
  passed: number;
  replayed: number;
  /** The request was on its way when the connection was lost: it may have ended meanwhile. */
  uncertain: boolean;
  /** The user has stopped it: the stream is closed, and what still comes is not passed on. */
  stopped: boolean;
  request: OwnRequest;
}

/** A request as it was sent. */
export interface OwnRequest {
  id: string;
  /** The frame. */
  text: string;
  /** The new message in it, which the server may not have stored yet. */
  messageId: string | undefined;
}

/** The turns that this client asked for, each as the stream that the AI SDK reads. */
export class OwnTurns {
  readonly #turns = new Map<string, OwnTurn>();

  /** Opens a stream for a request that is about to be sent. */
  open(request: OwnRequest): ReadableStream<UIMessageChunk> {
    return new ReadableStream({
      start: (controller) => {
        this.#turns.set(request.id, { controller, passed: 0, replayed: 0, uncertain: false, stopped: false, request });
      },
      cancel: () => void this.#turns.delete(request.id)
    });
  }

  has(requestId: string): boolean {
    return this.#turns.has(requestId);
  }

  /** Ids of messages that are on their way. */
  get pendingMessageIds(): ReadonlySet<string> {
    return new Set([...this.#turns.values()].flatMap(({ request }) => request.messageId ?? []));
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
    if (frame.done) return this.#end(frame.id, turn, frame.error ? new Error(frame.body) : undefined);
    // The next replay begins at the beginning.
    if (frame.replayComplete) turn.replayed = 0;
    if (!chunk || turn.stopped) return;
    if (frame.replay && ++turn.replayed <= turn.passed) return;
    turn.passed++;
    turn.controller.enqueue(chunk);
  }

  /** The request cannot be sent. */
  fail(requestId: string, error: Error): void {
    const turn = this.#turns.get(requestId);
    if (turn) this.#end(requestId, turn, error);
  }

  /** The connection was lost. A replay, if one comes, begins at the beginning. */
  connectionLost(): void {
    for (const turn of this.#turns.values()) {
      turn.uncertain = true;
      turn.replayed = 0;
    }
  }

  /**
   * The server has no open turn any more. What it has stored is answered in the transcript; what it has not, it never got.
   *
   * @returns requests to send again, and whether any stream was ended
   */
  settleUncertain(isStored: (messageId: string) => boolean): { lost: OwnRequest[]; ended: boolean } {
    const lost: OwnRequest[] = [];
    let ended = false;
    for (const [id, turn] of this.#turns) {
      if (!turn.uncertain) continue;
      const { messageId } = turn.request;
      if (turn.stopped || messageId === undefined || isStored(messageId)) {
        this.#end(id, turn);
        ended = true;
      } else {
        turn.uncertain = false;
        lost.push(turn.request);
      }
    }
    return { lost, ended };
  }

  /**
   * Ends a stream at once. Its turn is over when the server says so.
   *
   * @returns whether it was going on
   */
  stop(requestId: string): boolean {
    const turn = this.#turns.get(requestId);
    if (!turn || turn.stopped) return false;
    turn.stopped = true;
    turn.controller.close();
    return true;
  }

  stopAll(): void {
    for (const id of this.#turns.keys()) this.stop(id);
  }

  #end(id: string, turn: OwnTurn, error?: Error): void {
    this.#turns.delete(id);
    if (turn.stopped) return;
    if (error) turn.controller.error(error);
    else turn.controller.close();
  }
}
