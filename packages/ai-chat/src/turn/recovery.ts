import type { UIMessage } from "ai";
import { cutBack, keepCut, unknownOutcomeText } from "../messages/cut-back";
import { closeOpenCalls } from "../messages/settle";
import { placeAt, type Change, type Transcript } from "../messages/transcript";
import type { TurnOutcome } from "../protocol/frames";
import type { Audience } from "../stream/audience";
import { parseChunk } from "../stream/read-response";
import type { OpenStream, StreamLog } from "../stream/stream-log";
import type { OpenTurn, TurnRecords } from "./turn-records";
import { cancelledText } from "../messages/broken";
import type { Turns } from "./turns";

/**
 * What becomes of a turn that was cut because its instance was lost: `resume` asks the model again, with what was finished;
 * `ask` keeps what was said, for the user to have it taken up; `off` only keeps it.
 */
export type ChatRecoveryPolicy = "resume" | "ask" | "off";

/** How turns are recovered. `maxAttempts` (default 3): how often the model is asked in all, for one turn. */
export type ChatRecovery = ChatRecoveryPolicy | { policy: ChatRecoveryPolicy; maxAttempts?: number };

export interface RecoveryDeps {
  transcript: Transcript;
  log: StreamLog;
  records: TurnRecords;
  audience: Audience;
  turns: Turns;
  recovery(): ChatRecovery;
  now(): number;
  failed(error: unknown): Promise<void>;
}

const interruptedText = "The answer was interrupted. Please try again.";
const defaultAttempts = 3;

/**
 * Sees to the turns that were cut when the instance was taken out of memory: each is ended, or taken up. What is stored of it is
 * made right here, at once; the application is not asked before the agent has started.
 */
export async function recoverTurns(deps: RecoveryDeps): Promise<void> {
  const { audience, log, records } = deps;
  const streams = log.open();
  const open = records.open();
  const errors: unknown[] = [];
  for (const stream of streams) {
    try {
      keepStream(deps, stream);
    } catch (error) {
      errors.push(error);
    }
    const { id, requestId } = stream;
    const turn = { id, requestId, source: undefined, continuation: false };
    audience.done(turn, { outcome: "interrupted", error: interruptedText, seq: undefined });
  }
  for (const turn of open) {
    try {
      recoverTurn(deps, turn, open.slice(open.indexOf(turn) + 1));
    } catch (error) {
      errors.push(error);
      // What cannot be kept must not be tried again at each wake.
      end(deps, turn, "interrupted", undefined);
    }
  }
  // Also the streams of an older release that have ended, or cannot be kept.
  log.clear();
  if (streams.length > 0 || open.length > 0) {
    audience.list();
    audience.heads();
  }
  for (const error of errors) await deps.failed(error);
}

function keepStream({ transcript, log }: RecoveryDeps, { id, atMs }: OpenStream): void {
  const chunks = chunksOf(log, id);
  // A stream of an older release may begin without the id of its message.
  const messageId = (chunks[0]?.type === "start" && chunks[0].messageId) || id;
  const message = keepCut(transcript.get(messageId) ?? emptyMessage(messageId), chunks, interruptedText);
  if (message) transcript.put(message, placeAt(atMs));
}

function recoverTurn(deps: RecoveryDeps, turn: OpenTurn, later: readonly OpenTurn[]): void {
  const { transcript, log, records, turns, recovery } = deps;
  const wanted = recovery();
  const { policy, maxAttempts = defaultAttempts } = typeof wanted === "string" ? { policy: wanted } : wanted;
  if (turn.cancelled === 2) return end(deps, turn, "cancelled", undefined);
  const base = transcript.get(turn.messageId) ?? emptyMessage(turn.messageId);
  const chunks = chunksOf(log, turn.id);
  if (turn.cancelled === 1) return end(deps, turn, "cancelled", keepCut(base, chunks, cancelledText));
  if (policy !== "resume" || (turn.attempts > 0 && turn.attempts >= maxAttempts)) {
    const reason = policy === "off" ? interruptedText : unknownOutcomeText;
    return end(deps, turn, "interrupted", keepCut(base, chunks, reason));
  }
  // It had only waited.
  if (turn.attempts === 0) return turns.takeUp(turn);
  const { message, isWhole } = cutBack(base, chunks);
  if (isWhole) {
    const isSuperseded = later.some(({ continues }) => !continues);
    return end(deps, turn, "completed", message && isSuperseded ? closeOpenCalls(message) : message);
  }
  const dropChunks = () => log.exists && records.dropChunks();
  if (message) deps.audience.delta(transcript.put(message, turn.place, { after: dropChunks }));
  else dropChunks();
  turns.takeUp(turn);
}

/** Ends a turn that is not taken up, and tells everybody. */
function end(deps: RecoveryDeps, turn: OpenTurn, outcome: TurnOutcome, message: UIMessage | undefined): void {
  const { transcript, log, records, audience, now } = deps;
  const error = outcome === "interrupted" ? interruptedText : undefined;
  const record = () => records.end(turn.n, { outcome, error, endedMs: now(), firstChunkMs: undefined }, log.exists);
  let change: Change | undefined;
  if (message) change = transcript.put(message, turn.place, { after: record });
  else record();
  if (change) audience.delta(change);
  const { id, requestId, continues } = turn;
  audience.done({ id, requestId, source: undefined, continuation: continues }, { outcome, error, seq: undefined });
}

const chunksOf = (log: StreamLog, id: string) =>
  log
    .stored(id)
    .map(parseChunk)
    .filter((chunk) => chunk !== undefined);

const emptyMessage = (id: string): UIMessage => ({ id, role: "assistant", parts: [] });
