import { AsyncLocalStorage } from "node:async_hooks";
import { publicMessage } from "agents/capability";
import type { UIMessage } from "ai";
import { MessageBuilder } from "../messages/message-builder";
import { closeOpenCalls, settleCut } from "../messages/settle";
import type { Alongside, Change, Transcript } from "../messages/transcript";
import type { LiveTurn, TurnOutcome } from "../protocol/frames";
import type { Audience, Spoken } from "../stream/audience";
import { isAtOnce, normalize, unlessAborted } from "../stream/chunks";
import { readResponse, withText, type ReadChunk } from "../stream/read-response";
import type { Numbered, StreamLog } from "../stream/stream-log";
import { brokenBy, cancelledText, type Broken } from "../messages/broken";
import { newTurn, recoveredTurn, type Turn, type TurnRequest } from "./turn";
import type { Cancelled, OpenTurn, TurnRecords } from "./turn-records";
import { turnEnd } from "./turn-report";
import { usageOfEvent, usageOfMetadata } from "./usage";

export interface TurnDeps {
  transcript: Transcript;
  log: StreamLog;
  records: TurnRecords;
  audience: Audience;
  now(): number;
  /** Asks the application; `undefined` when it has no answer. */
  respond(request: TurnRequest, signal: AbortSignal, finished: (event: unknown) => void): Promise<Response | undefined>;
  /** Keeps the instance in memory until the function that it returns is called. */
  keepAlive(): () => void;
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): Promise<void>;
  /** The set of turns that have not ended changed. */
  changed(): void;
  /** A turn has ended, and everybody was told. */
  ended(messageId: string): void;
}

/** A request is known already: it is being answered, or was. Nothing was changed. */
export class KnownRequest extends Error {}

/** What becomes of the turns that have not ended, when another one is accepted. */
export type Others =
  /** They come first. */
  | "first"
  /** They are ended, and what they said stays. */
  | "stopped"
  /** They are ended, and what they said goes: it answered something that is gone. */
  | "dropped"
  /** Questions that wait are answered together with this one. */
  | "merged";

export interface AcceptedTurn {
  id: string;
  messageId: string;
  change: Change;
  /** Runs it when its time has come. */
  run(): Promise<void>;
}

interface Outcome {
  outcome: TurnOutcome;
  /** A broken answer told its own error: its clients have it as a chunk. */
  error?: string;
  isTold?: boolean;
}

/** The turn in which code runs. */
const running = new AsyncLocalStorage<Turn>();

/**
 * The turns of a conversation, one after another. A turn is accepted in the database before anything else happens, and ends
 * in exactly one frame with `done`, whatever becomes of the instance.
 */
export class Turns {
  readonly #deps: TurnDeps;
  readonly #open: Turn[] = [];
  /** Turns of an earlier life that do not run yet. */
  readonly #takenUp: Turn[] = [];
  #tail: Promise<void> = Promise.resolve();
  /** Turns that have ended, which the database would not record. */
  readonly #unrecorded: number[] = [];
  /** The live turn, and what writes its message. */
  #speaking: { turn: Turn; builder: MessageBuilder } | undefined;

  constructor(deps: TurnDeps) {
    this.#deps = deps;
  }

  /** Whether any turn has not ended. */
  get isBusy(): boolean {
    return this.#open.length > 0;
  }

  /** Whether the code that runs belongs to a turn that has not ended: it must not wait for the next one. */
  get isInside(): boolean {
    const turn = running.getStore();
    return turn !== undefined && this.#open.includes(turn);
  }

  /** The turn that is speaking, or about to. */
  get live(): LiveTurn | undefined {
    const [turn] = this.#open;
    if (!turn) return undefined;
    const { id, requestId, messageId, continuation, attempts, isDue, after } = turn;
    const seq = this.#speaking?.turn === turn ? this.#deps.log.seq : 0;
    const attempt = isDue ? attempts + 1 : attempts;
    const phase = seq > 0 ? "streaming" : attempt > 1 ? "recovering" : "waiting";
    return {
      id,
      requestId,
      phase,
      seq,
      messageId,
      ...(continuation && { continuation }),
      ...(attempt > 1 && { attempt }),
      ...(after !== undefined && { after })
    };
  }

  /** The same, as its frames name it. */
  get liveTurn(): Spoken | undefined {
    return this.#open[0];
  }

  /** What the live turn has said so far, as a message. */
  get said(): UIMessage | undefined {
    return this.#speaking?.builder.message;
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

  /** The turn of a request that has not ended. */
  find(requestId: string): { id: string; messageId: string } | undefined {
    return this.#open.find((turn) => turn.requestId === requestId);
  }

  /** What the live turn has said after a chunk. */
  chunksAfter(seq: number): Numbered[] {
    return this.#speaking ? this.#deps.log.after(seq) : [];
  }

  // --- beginning ---

  /**
   * Accepts a turn: after this call it is in the database.
   *
   * @param change stores what the turn answers; the turn is recorded together with it
   * @throws KnownRequest when there is a turn of this request
   */
  accept(request: TurnRequest, change: (alongside: Alongside) => Change, others: Others = "first"): AcceptedTurn {
    const { transcript, records, now } = this.#deps;
    // A program may ask for a turn while it starts: these come before.
    this.start();
    const ended = others === "stopped" || others === "dropped" ? [...this.#open] : [];
    const merged = others === "merged" ? this.#open.slice(1).filter(({ request: { continues } }) => !continues) : [];
    const turn = newTurn(request, this.isBusy);
    turn.asks.push(...merged.flatMap(({ asks }) => asks));
    const accept: Alongside = {
      after: (added) => {
        turn.place = transcript.reserve();
        turn.asks.push(...added);
        for (const { n } of ended) this.#recordCancel(n, others === "dropped" ? 2 : 1);
        for (const { n } of merged) {
          records.end(n, { outcome: "completed", endedMs: now(), firstChunkMs: undefined }, false);
        }
        const { body, clientTools, continues, operation, source } = request;
        const n = records.add({
          id: turn.id,
          requestId: turn.requestId,
          operation,
          messageId: turn.messageId,
          place: turn.place,
          continues: continues !== undefined,
          asks: turn.asks,
          body,
          clientTools,
          source: source?.id,
          attempts: turn.attempts,
          createdMs: now()
        });
        if (n === undefined) throw new KnownRequest();
        turn.n = n;
        // In the same transaction, the wake that looks after it is one write with all that is noted of the instance.
        this.#open.push(turn);
        this.#deps.changed();
      }
    };
    let done: Change;
    try {
      done = change(accept);
    } catch (error) {
      if (this.#open.at(-1) === turn) this.#open.pop();
      throw error;
    }
    if (!turn.continuation) turn.after = transcript.last?.id;
    for (const other of ended) this.#abort(other, others === "dropped" ? 2 : 1);
    for (const other of merged) other.isMerged = true;
    if (merged.length > 0)
      this.#open.splice(1, this.#open.length, ...this.#open.slice(1).filter((each) => !each.isMerged));
    return {
      id: turn.id,
      messageId: turn.messageId,
      change: done,
      run: () => {
        for (const other of merged) this.#deps.audience.done(other, { outcome: "completed", error: undefined, seq: 0 });
        return this.#enqueue(turn);
      }
    };
  }

  #enqueue(turn: Turn): Promise<void> {
    // A turn that could not even end must not keep the others from beginning.
    return (this.#tail = this.#tail
      .then(() => (turn.isMerged ? undefined : running.run(turn, () => this.#run(turn))))
      .catch((error: unknown) => this.#deps.failed(error)));
  }

  /** Takes up turns of an earlier life. They run after `start`. */
  takeUp(open: OpenTurn): void {
    const turn = recoveredTurn(open, this.#deps.transcript.get(open.messageId) !== undefined);
    this.#open.push(turn);
    this.#takenUp.push(turn);
  }

  /** Lets them run. */
  start(): void {
    for (const turn of this.#takenUp.splice(0)) void this.#enqueue(turn);
  }

  // --- ending ---

  /** Ends a turn, by its id or that of its request; what it has said so far stays. A stop holds for what went on since. */
  cancel(id: string): void {
    const { records } = this.#deps;
    let turns = this.#open.filter((turn) => turn.requestId === id || turn.id === id);
    if (turns.length === 0 && this.isBusy) {
      const before = records.find("request_id", id) ?? records.find("id", id);
      turns = this.#open.filter(({ messageId, request }) => request.continues && messageId === before?.messageId);
    }
    for (const turn of turns) {
      // Also for whoever recovers it, if this instance does not live to end it.
      records.cancel(turn.n, 1);
      this.#abort(turn, 1);
    }
  }

  /** Those of the turns that answer, or go on with, one of these messages. */
  answering(removed: readonly string[]): { drop(): void; abort(): void } {
    const gone = new Set(removed);
    const turns = this.#open.filter(
      ({ asks, after, request }) =>
        asks.some((id) => gone.has(id)) || gone.has(after ?? "") || gone.has(request.continues ?? "")
    );
    return this.#dropping(turns);
  }

  /** All turns that have not ended. */
  get all(): { drop(): void; abort(): void } {
    return this.#dropping([...this.#open]);
  }

  #dropping(turns: readonly Turn[]) {
    return {
      /** In the transaction that makes them unwanted. */
      drop: () => turns.forEach(({ n }) => this.#recordCancel(n, 2)),
      /** After it. */
      abort: () => turns.forEach((turn) => this.#abort(turn, 2))
    };
  }

  #recordCancel(n: number, cancelled: Cancelled): void {
    const isSpeaking = this.#speaking?.turn.n === n;
    this.#deps.records.cancel(n, cancelled, cancelled === 2 && isSpeaking && this.#deps.log.hasRows);
  }

  #abort(turn: Turn, cancelled: Cancelled): void {
    turn.cancelled = turn.cancelled === 2 ? 2 : cancelled;
    if (turn.cancelled === 2 && this.#speaking?.turn === turn) this.#deps.log.forget();
    turn.abort.abort(new DOMException("Cancelled", "AbortError"));
  }

  // --- running ---

  async #run(turn: Turn): Promise<void> {
    const { transcript, log, records } = this.#deps;
    const release = this.#deps.keepAlive();
    let outcome: Outcome = { outcome: "empty" };
    let ended: Ended = {};
    turn.startedMs = this.#deps.now();
    try {
      if (turn.isDue) records.attempt(turn.n);
      turn.attempts += turn.isDue ? 1 : 0;
      turn.isDue = false;
      const base = turn.continuation ? transcript.get(turn.messageId) : undefined;
      log.begin(turn.id);
      const builder = new MessageBuilder(base ?? { id: turn.messageId, role: "assistant", parts: [] });
      this.#speaking = { turn, builder };
      outcome = await this.#speak(turn, builder);
      ended = this.#commit(turn, builder, outcome);
    } catch (error) {
      outcome = { outcome: "failed", error: publicMessage(error) };
      await this.#deps.failed(error);
      this.#record(turn, outcome);
    } finally {
      const { seq } = log;
      this.#speaking = undefined;
      release();
      this.#end(turn, outcome, ended, seq);
    }
  }

  async #speak(turn: Turn, builder: MessageBuilder): Promise<Outcome> {
    const { signal } = turn.abort;
    let started = false;
    let broken: Broken | undefined;
    try {
      const response = signal.aborted
        ? undefined
        : await unlessAborted(
            this.#deps.respond(turn.request, signal, (event) => this.#finished(turn, event)),
            signal
          );
      if (signal.aborted) return { outcome: "cancelled" };
      if (!response) return { outcome: "empty" };
      for await (const read of readResponse(response, turn.requestId, signal)) {
        if (!started) {
          started = true;
          turn.firstChunkMs = this.#deps.now();
          // Every client has to know the server's id, also when the stream does not begin with it.
          if (read.chunk.type !== "start")
            this.#say(turn, builder, withText({ type: "start", messageId: turn.messageId }));
        }
        broken ??= brokenBy(read.chunk);
        this.#say(turn, builder, normalize(read, turn.messageId));
      }
      if (signal.aborted) return { outcome: "cancelled" };
      return broken ? { outcome: "failed", ...broken } : { outcome: "completed" };
    } catch (error) {
      if (signal.aborted) return { outcome: "cancelled" };
      await this.#deps.failed(error);
      return { outcome: "failed", error: publicMessage(error) };
    }
  }

  #say(turn: Turn, builder: MessageBuilder, { chunk, text }: ReadChunk): void {
    if (turn.cancelled === 2) return;
    builder.apply(chunk);
    turn.calls.see(chunk, this.#deps.now, builder, turn.startedMs);
    this.#deps.log.append(text, isAtOnce(chunk, turn));
    this.#deps.audience.chunk(turn, this.#deps.log.seq, text);
    if ("messageMetadata" in chunk) turn.usage = { ...turn.usage, ...usageOfMetadata(chunk.messageMetadata) };
  }

  #finished(turn: Turn, event: unknown): void {
    const usage = usageOfEvent(event);
    turn.usage = { ...turn.usage, ...usage };
    if (!this.#open.includes(turn) && Object.keys(usage).length > 0) this.#deps.records.addUsage(turn.n, usage);
  }

  /** Stores what was said, and that the turn is over, in one step. */
  #commit(turn: Turn, builder: MessageBuilder, outcome: Outcome): Ended {
    const end = () => this.#recordEnd(turn, outcome);
    if (turn.cancelled === 2 || builder.isEmpty) {
      end();
      return {};
    }
    let { message } = builder;
    if (outcome.outcome !== "completed") message = settleCut(message, outcome.error ?? cancelledText);
    // The next question has been asked already: nobody answers a call before it.
    const isSuperseded = this.#open.some((other) => other !== turn && other.request.continues === undefined);
    if (isSuperseded) message = closeOpenCalls(message);
    const change = this.#deps.transcript.put(message, turn.place, { after: end });
    const isAsSaid = outcome.outcome === "completed" && !isSuperseded && change.upserted[0] === message;
    const isAll = change.removed.length === 0 && turn.attempts === 1;
    return { change, isAsSaid: isAsSaid && isAll };
  }

  #recordEnd(turn: Turn, { outcome, error }: Outcome): void {
    const { records, log, now } = this.#deps;
    const { firstChunkMs, usage } = turn;
    const unrecorded = this.#unrecorded.splice(0);
    for (const n of unrecorded) records.end(n, { outcome: "failed", endedMs: now(), firstChunkMs: undefined }, false);
    records.end(turn.n, { outcome, error, endedMs: now(), firstChunkMs, ...usage }, log.hasRows);
  }

  /** Its message could not be stored: at least it must not be taken up again. */
  #record(turn: Turn, outcome: Outcome): void {
    try {
      this.#recordEnd(turn, outcome);
    } catch (error) {
      this.#unrecorded.push(turn.n);
      void this.#deps.failed(error);
    }
  }

  #end(turn: Turn, { outcome, error, isTold }: Outcome, { change, isAsSaid }: Ended, seq: number): void {
    const { audience, emit } = this.#deps;
    this.#open.splice(this.#open.indexOf(turn), 1);
    this.#deps.changed();
    if (outcome === "failed") emit("message:error", () => ({ error }));
    else if (outcome !== "empty") emit("message:response", () => ({}));
    emit("turn:end", () => turnEnd(turn, outcome, error));
    // Who asked has heard all of it, and takes the revision from the end. Who has stopped it may have heard less than is stored.
    if (change) audience.delta(change, isAsSaid ? turn.source : undefined);
    audience.done(turn, { outcome, error: isTold ? undefined : error, seq });
    audience.list(turn.source);
    if (change) this.#deps.ended(turn.messageId);
  }
}

interface Ended {
  change?: Change;
  /** What is stored is what its chunks say. */
  isAsSaid?: boolean;
}
