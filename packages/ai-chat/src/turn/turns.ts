import type { Connection } from "agents";
import { hasFlag, publicMessage } from "agents/capability";
import type { UIMessage, UIMessageChunk } from "ai";
import { MessageBuilder } from "../messages/message-builder";
import { closeOpenCalls, settleCut } from "../messages/settle";
import { placeAt, timeOf, type Place, type Transcript } from "../messages/transcript";
import { noResponseText, type ChatResponseFrame, type ClientToolSchema } from "../protocol/frames";
import { parseChunk, readResponse, withText, type ReadChunk } from "../stream/read-response";
import type { OpenStream, StreamLog } from "../stream/stream-log";

/** What a turn answers. */
export interface TurnRequest {
  requestId: string;
  /** The connection that asked; its client has what it sent. */
  source?: Connection | undefined;
  /** The message that it goes on with, instead of beginning one. */
  continues?: string | undefined;
  body?: Record<string, unknown> | undefined;
  clientTools?: ClientToolSchema[] | undefined;
}

export interface TurnDeps {
  transcript: Transcript;
  log: StreamLog;
  /** Asks the application; `undefined` when it has no answer. */
  respond(request: TurnRequest, signal: AbortSignal): Promise<Response | undefined>;
  /** Sends a frame to everybody who follows the stream. */
  broadcast(frame: ChatResponseFrame): void;
  /** Sends the transcript to everybody but the source. */
  broadcastMessages(source: Connection | undefined): void;
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): Promise<void>;
  /** The set of turns that have not ended changed. */
  changed(): void;
}

interface Turn {
  id: string;
  request: TurnRequest;
  place: Place;
  /** Messages that were stored with it. Turns before it do not see them. */
  asks: string[];
  abort: AbortController;
  /** What it says is not wanted any more: the conversation was cleared, or goes another way. */
  discarded: boolean;
}

/** A broken answer told its own error: its clients have it as a chunk. */
type Outcome = { status: "completed" | "cancelled" | "empty" } | { status: "failed" | "broken"; message: string };

const cancelledText = "The call was cancelled.";
const interruptedText = "The answer was interrupted. Please try again.";

/**
 * The turns of a conversation, one after another. A turn is accepted in the database before anything else happens, and ends
 * in exactly one frame with `done`, whatever becomes of the instance.
 */
export class Turns {
  readonly #deps: TurnDeps;
  readonly #open: Turn[] = [];
  #tail: Promise<void> = Promise.resolve();
  /** Writes the message of the live turn. */
  #builder: MessageBuilder | undefined;

  constructor(deps: TurnDeps) {
    this.#deps = deps;
  }

  /** Whether any turn has not ended. */
  get isBusy(): boolean {
    return this.#open.length > 0;
  }

  /** The turn that is speaking, or about to. */
  get live(): TurnRequest | undefined {
    return this.#open[0]?.request;
  }

  /** What the live turn has said so far, as a message. */
  get said(): UIMessage | undefined {
    return this.#builder?.message;
  }

  /** The conversation as the live turn has to answer it. Questions that were asked meanwhile have their own turns. */
  get messages(): UIMessage[] {
    const { messages } = this.#deps.transcript;
    const waiting = new Set(this.#open.slice(1).flatMap(({ asks }) => asks));
    return waiting.size === 0 ? messages : messages.filter(({ id }) => !waiting.has(id));
  }

  /** Resolves when all turns so far have ended. */
  get settled(): Promise<void> {
    return this.#tail;
  }

  /**
   * Accepts a turn: after this call it is in the database. Returns a function that runs it when its time has come.
   *
   * @param store stores what the turn answers; the turn is recorded together with it
   * @param instead whether the turns so far are not wanted any more
   */
  accept(request: TurnRequest, store: (alongside: () => void) => void, instead = false): () => Promise<void> {
    const turn: Turn = {
      id: crypto.randomUUID(),
      request,
      place: "",
      asks: [],
      abort: new AbortController(),
      discarded: false
    };
    const { transcript, log } = this.#deps;
    const before = new Set(transcript.messages.map(({ id }) => id));
    store(() => {
      turn.place = transcript.reserve();
      log.begin({ id: turn.id, requestId: request.requestId, atMs: timeOf(turn.place) });
    });
    turn.asks = transcript.messages.map(({ id }) => id).filter((id) => !before.has(id));
    if (instead) this.discard();
    this.#open.push(turn);
    this.#deps.changed();
    // A turn that could not even end must not keep the others from beginning.
    return () =>
      (this.#tail = this.#tail.then(() => this.#run(turn)).catch((error: unknown) => this.#deps.failed(error)));
  }

  /** Whether the answer to this request is under way, or waits for its time. */
  has(requestId: string): boolean {
    return this.#open.some(({ request }) => request.requestId === requestId);
  }

  /** Ends a turn; what it has said so far stays. */
  cancel(requestId: string): void {
    for (const turn of this.#open)
      if (turn.request.requestId === requestId) turn.abort.abort(new DOMException("Cancelled", "AbortError"));
  }

  /** Ends all turns and drops what they said. */
  discard(): void {
    for (const turn of this.#open) {
      turn.discarded = true;
      // Also for whoever recovers it, if this instance does not live to end it.
      this.#deps.log.empty(turn.id);
      this.cancel(turn.request.requestId);
    }
  }

  /** What the live turn has said so far. */
  replay(): string[] {
    const [live] = this.#open;
    return live ? this.#deps.log.chunks(live.id) : [];
  }

  /** Ends the turns that were cut when the instance was taken out of memory: what they said is kept. */
  async recover(): Promise<void> {
    const cut = this.#deps.log.open();
    for (const stream of cut) {
      try {
        this.#keep(stream);
      } catch (error) {
        // What cannot be kept must not be tried again at each wake.
        this.#deps.log.end(stream.id);
        await this.#deps.failed(error);
      }
      this.#deps.broadcast({ ...frameOf(stream.requestId), body: interruptedText, done: true, error: true });
    }
    // An older release leaves streams that have ended.
    this.#deps.log.clear();
    if (cut.length > 0) this.#deps.broadcastMessages(undefined);
  }

  #keep({ id, atMs }: OpenStream): void {
    const message = this.#rebuild(id, this.#deps.log.chunks(id));
    if (message) this.#deps.transcript.put(message, placeAt(atMs), () => this.#deps.log.end(id));
    else this.#deps.log.end(id);
  }

  #rebuild(streamId: string, texts: readonly string[]): UIMessage | undefined {
    const chunks = texts.map(parseChunk).filter((chunk) => chunk !== undefined);
    // A stream of an older release may begin without the id of its message.
    const messageId = (chunks[0]?.type === "start" && chunks[0].messageId) || streamId;
    const known = this.#deps.transcript.messages.find(({ id }) => id === messageId);
    const builder = new MessageBuilder(known ?? emptyMessage(messageId));
    for (const chunk of chunks) builder.apply(chunk);
    return builder.isEmpty ? undefined : settleCut(builder.message, interruptedText);
  }

  async #run(turn: Turn): Promise<void> {
    let outcome: Outcome = { status: "empty" };
    try {
      const base =
        this.#deps.transcript.messages.find(({ id }) => id === turn.request.continues) ??
        emptyMessage(crypto.randomUUID());
      const builder = (this.#builder = new MessageBuilder(base));
      outcome = await this.#speak(turn, builder, base.id);
      this.#commit(turn, builder, outcome);
    } catch (error) {
      outcome = { status: "failed", message: publicMessage(error) };
      await this.#deps.failed(error);
      this.#deps.log.end(turn.id);
    } finally {
      this.#builder = undefined;
      this.#end(turn, outcome);
    }
  }

  async #speak(turn: Turn, builder: MessageBuilder, messageId: string): Promise<Outcome> {
    const { signal } = turn.abort;
    let started = false;
    let broken: string | undefined;
    try {
      const response = signal.aborted
        ? undefined
        : await unlessAborted(this.#deps.respond(turn.request, signal), signal);
      if (signal.aborted) return { status: "cancelled" };
      if (!response) return { status: "empty" };
      for await (const read of readResponse(response, turn.request.requestId, signal)) {
        if (!started) {
          started = true;
          // Every client has to know the server's id, also when the stream does not begin with it.
          if (read.chunk.type !== "start") this.#send(turn, builder, withText({ type: "start", messageId }));
        }
        if (read.chunk.type === "error") broken = read.chunk.errorText;
        if (read.chunk.type === "abort") broken = cancelledText;
        this.#send(turn, builder, normalize(read, messageId));
      }
      if (signal.aborted) return { status: "cancelled" };
      return broken === undefined ? { status: "completed" } : { status: "broken", message: broken };
    } catch (error) {
      if (signal.aborted) return { status: "cancelled" };
      await this.#deps.failed(error);
      return { status: "failed", message: publicMessage(error) };
    }
  }

  #send(turn: Turn, builder: MessageBuilder, { chunk, text }: ReadChunk): void {
    if (turn.discarded) return;
    builder.apply(chunk);
    this.#deps.log.append(turn.id, text);
    this.#deps.broadcast({ ...frameOf(turn.request), body: text, done: false });
  }

  /** Stores what was said, and that the turn is over, in one step. */
  #commit(turn: Turn, builder: MessageBuilder, outcome: Outcome): void {
    const end = () => this.#deps.log.end(turn.id);
    if (turn.discarded || builder.isEmpty) return end();
    let { message } = builder;
    if (outcome.status !== "completed")
      message = settleCut(message, "message" in outcome ? outcome.message : cancelledText);
    // The next question has been asked already: nobody answers a call before it.
    const isSuperseded = this.#open.some((other) => other !== turn && other.request.continues === undefined);
    this.#deps.transcript.put(isSuperseded ? closeOpenCalls(message) : message, turn.place, end);
  }

  #end(turn: Turn, outcome: Outcome): void {
    this.#open.splice(this.#open.indexOf(turn), 1);
    this.#deps.changed();
    const frame = frameOf(turn.request);
    switch (outcome.status) {
      case "failed":
        this.#deps.emit("message:error", () => ({ error: outcome.message }));
        this.#deps.broadcast({ ...frame, body: outcome.message, done: true, error: true });
        break;
      case "empty":
        this.#deps.broadcast({ ...frame, body: noResponseText, done: true });
        break;
      default:
        this.#deps.emit("message:response", () => ({}));
        this.#deps.broadcast({ ...frame, body: "", done: true });
    }
    const { source } = turn.request;
    // Who has stopped it may have heard less than is stored. But other clients than ours take the list as it is, without what
    // they have asked since.
    const mayHaveLess = outcome.status === "cancelled" && (!source || hasFlag(source, "extended"));
    this.#deps.broadcastMessages(mayHaveLess ? undefined : source);
  }
}

const emptyMessage = (id: string): UIMessage => ({ id, role: "assistant", parts: [] });

function frameOf(request: string | TurnRequest): { type: ChatResponseFrame["type"]; id: string; continuation?: true } {
  if (typeof request === "string") return { type: "cf_agent_use_chat_response", id: request };
  const frame = { type: "cf_agent_use_chat_response", id: request.requestId } as const;
  return request.continues === undefined ? frame : { ...frame, continuation: true };
}

/** What the server decides about a chunk: the message's id, and where the finish reason is. */
function normalize(read: ReadChunk, messageId: string): ReadChunk {
  const { chunk } = read;
  if (chunk.type === "start") return withText({ ...chunk, messageId });
  if (chunk.type === "finish" && chunk.finishReason !== undefined) {
    const { finishReason, ...rest } = chunk;
    const metadata = typeof rest.messageMetadata === "object" ? rest.messageMetadata : undefined;
    return withText({ ...rest, messageMetadata: { ...metadata, finishReason } } as UIMessageChunk);
  }
  return read;
}

/** Settles with the promise, or with `undefined` as soon as the signal is aborted: the application may ignore it. */
async function unlessAborted(
  promise: Promise<Response | undefined>,
  signal: AbortSignal
): Promise<Response | undefined> {
  // An answer that comes after nobody waits for it any more is not read, and one that fails is no news.
  promise.then((late) => (signal.aborted ? late?.body?.cancel() : undefined)).catch(() => undefined);
  const aborted = new Promise<undefined>((resolve) =>
    signal.addEventListener("abort", () => resolve(undefined), { once: true })
  );
  return Promise.race([promise, aborted]);
}
