import type { UIMessage } from "ai";
import { MessageBuilder } from "../messages/message-builder";
import { isOpenCall, isToolPart } from "../messages/settle";
import type { ChatDeltaFrame, ChatSnapshotFrame, LiveTurn } from "../protocol/frames";
import type { ChatEvent, ChunkEvent, EndedEvent, Operation } from "./events";
import {
  applyOperation,
  indexOfId,
  isAsking,
  isKept,
  messageOf,
  viewOf,
  withMessage,
  type Conversation,
  type HeardTurn,
  type KnownTranscript
} from "./conversation";
import { isEqual } from "./equal";

/**
 * The next state of a conversation. Pure, and idempotent: an event that comes again, or late, changes nothing, and then the state
 * is the same object.
 */
export function reduce(state: Conversation, event: ChatEvent): Conversation {
  switch (event.type) {
    case "chunk":
      return chunk(state, event);
    case "ended":
      return ended(state, event);
    case "listed":
      return settled(state, listed(state, event.messages));
    case "updated":
      return updated(state, event.message);
    case "snapshot":
      return snapshot(state, event.frame, event.messages);
    case "delta":
      return delta(state, event.frame);
    case "paged":
      return paged(state, event.messages, event.hasMore);
    case "cleared":
      return {
        ...state,
        transcript: { ...state.transcript, messages: [], hasMore: false },
        turn: undefined,
        operations: event.wholly
          ? []
          : state.operations.filter((operation) => isAsking(operation) && operation.id !== state.turn?.requestId),
        answers: [],
        expects: false
      };
    case "asked":
      return asked(state, event.operation);
    case "accepted":
      return accepted(state, event);
    case "failed":
      return { ...withPhase(state, event.id, "failed"), error: event.error };
    case "answered": {
      const { answer, expects } = event;
      const answers = [...state.answers.filter((other) => other.toolCallId !== answer.toolCallId), answer];
      return { ...state, answers, expects, error: expects ? undefined : state.error };
    }
    case "declined": {
      const answers = state.answers.filter(({ toolCallId }) => toolCallId !== event.toolCallId);
      return answers.length === state.answers.length ? state : { ...state, answers, expects: false };
    }
    case "stopped":
      return {
        ...state,
        turn: state.turn && { ...state.turn, stopped: true },
        operations: state.operations.map((operation) =>
          isAsking(operation) ? { ...operation, isStopped: true } : operation
        ),
        expects: false
      };
    case "based":
      return { ...state, transcript: { ...state.transcript, epoch: event.epoch, revision: event.revision } };
    case "idle": {
      const operations = state.operations.filter((operation) => operation.phase !== "accepted" || !isAsking(operation));
      return { ...withoutTurn(state), operations, expects: state.expects && state.answers.length > 0 };
    }
    case "loaded":
      return state.isLoading ? { ...state, isLoading: false } : state;
    case "erred":
      return state.error === event.error ? state : { ...state, error: event.error };
  }
}

// --- what is being said ---

function chunk(state: Conversation, event: ChunkEvent): Conversation {
  const begins = state.turn?.id !== event.turnId || state.turn.ended;
  if (begins && event.seq !== 1) return state;
  // What was being said before is over, though nobody has told.
  const base = begins ? withoutTurn(state) : state;
  const turn = begins ? beginning(base, event) : state.turn!;
  if (event.seq !== turn.seq + 1) return state;
  const next = { ...turn, seq: event.seq };
  if (!turn.stopped) {
    next.builder = turn.builder.fork();
    next.builder.apply(event.chunk);
    next.overridden = undefined;
  }
  const said = { ...base, turn: next, ...(begins && { error: undefined, expects: false }) };
  return event.chunk.type === "error" ? { ...said, error: new Error(event.chunk.errorText) } : said;
}

function beginning(state: Conversation, event: ChunkEvent): HeardTurn {
  const { turnId, requestId, attempt, resumed, newId } = event;
  const own = state.operations.find(({ id }) => id === requestId);
  const said = event.chunk.type === "start" ? event.chunk.messageId : undefined;
  const continues = event.continuation || own?.kind === "continue";
  const messages = continues ? viewOf(state) : [];
  const named = said === undefined ? -1 : indexOfId(messages, said);
  const base = named >= 0 ? messages[named] : messages.at(-1);
  const isContinued = base?.role === "assistant";
  const id = isContinued ? base.id : (said ?? newId);
  return {
    id: turnId,
    requestId,
    messageId: id,
    attempt,
    seq: 0,
    builder: new MessageBuilder(isContinued ? base : { id, role: "assistant", parts: [] }),
    after: own?.after ?? own?.message?.id,
    mine: own !== undefined || state.expects || resumed,
    overridden: undefined,
    stopped: own?.isStopped === true,
    ended: false
  };
}

function ended(state: Conversation, event: EndedEvent): Conversation {
  const { turn } = state;
  const isTurn = turn?.id === event.turnId && !turn.ended;
  const isOwn = state.operations.some(({ id }) => id === event.requestId);
  // The end of a continuation of which nothing was heard.
  const isExpected = state.expects && (turn === undefined || turn.ended);
  if (!isTurn && !isOwn && !isExpected) return state;
  const next = endedTurn(state, isTurn ? turn : undefined, event);
  const expects = state.expects && !isTurn && !isExpected;
  const error = event.error ?? state.error;
  return settled(state, { ...withPhase(next, event.requestId, "over"), expects, error });
}

function endedTurn(state: Conversation, turn: HeardTurn | undefined, event: EndedEvent): Conversation {
  if (event.result !== "message") {
    if (!turn) return state;
    return { ...state, turn: event.result === "later" ? { ...turn, ended: true } : undefined };
  }
  const next = turn ? withoutTurn(state) : withOwnMessage(state, event.requestId);
  const { epoch = next.transcript.epoch, revision = next.transcript.revision } = event;
  return { ...next, transcript: { ...next.transcript, epoch, revision } };
}

/** What was said is the transcript's, with what it answers. */
function withoutTurn(state: Conversation): Conversation {
  const { turn } = state;
  if (!turn) return state;
  const asking = withOwnMessage(state, turn.requestId);
  const message = turn.ended ? undefined : messageOf(turn);
  if (!message) return { ...asking, turn: undefined };
  const messages = withMessage(asking.transcript.messages, message, turn.after);
  return { ...asking, turn: undefined, transcript: { ...asking.transcript, messages } };
}

/** What an operation did is the transcript's, if the server does not say so itself. */
function withOwnMessage(state: Conversation, requestId: string): Conversation {
  const own = state.operations.find(({ id }) => id === requestId);
  if (own?.phase !== "pending") return state;
  const messages = applyOperation(state.transcript.messages, own);
  return messages === state.transcript.messages ? state : { ...state, transcript: { ...state.transcript, messages } };
}

// --- what is stored ---

function listed(state: Conversation, messages: readonly UIMessage[]): Conversation {
  const known = byId(state.transcript.messages);
  const same = messages.map((message) => asKnown(known.get(message.id), message));
  const transcript: KnownTranscript = { messages: same, epoch: "", revision: 0, hasMore: false };
  return { ...state, transcript, turn: overridden(state.turn, same) };
}

function updated(state: Conversation, message: UIMessage): Conversation {
  const { transcript } = state;
  const turn = overridden(state.turn, [message]);
  if (indexOfId(transcript.messages, message.id) < 0) return turn === state.turn ? state : { ...state, turn };
  const messages = withMessage(transcript.messages, message);
  return settled(state, { ...state, turn, transcript: { ...transcript, messages } });
}

/** What the server says of the message of a turn holds until the next chunk. */
function overridden(turn: HeardTurn | undefined, messages: readonly UIMessage[]): HeardTurn | undefined {
  const message = turn && messages[indexOfId(messages, turn.messageId)];
  return message ? { ...turn, overridden: message } : turn;
}

function snapshot(state: Conversation, frame: ChatSnapshotFrame, messages: readonly UIMessage[]): Conversation {
  const { transcript } = state;
  const { epoch, revision, reset, removed = [], after = {} } = frame;
  let next = transcript;
  if (reset || epoch !== transcript.epoch) {
    const known = byId(transcript.messages);
    const all = messages.map((message) => asKnown(known.get(message.id), message));
    next = { messages: all, epoch, revision, hasMore: frame.hasMore ?? false };
  } else if (revision >= transcript.revision) {
    next = { ...transcript, revision, messages: changed(transcript.messages, messages, removed, after) };
  }
  const turn = frame.turn && followed(state, frame.turn, next.messages);
  return settled(state, {
    ...state,
    transcript: next,
    turn,
    expects: state.expects && (frame.turn !== undefined || state.answers.length > 0)
  });
}

/** The turn that a server says is under way: what has been heard of it, or a new one from the beginning. */
function followed(state: Conversation, live: LiveTurn, messages: readonly UIMessage[]): HeardTurn {
  const { turn } = state;
  const { attempt = 1 } = live;
  if (turn?.id === live.id && !turn.ended && turn.attempt === attempt && turn.seq <= live.seq) return turn;
  const own = state.operations.find(({ id }) => id === live.requestId);
  return {
    id: live.id,
    requestId: live.requestId,
    messageId: live.messageId,
    attempt,
    seq: 0,
    builder: new MessageBuilder(baseOf(messages, live.messageId)),
    after: live.after ?? own?.after ?? own?.message?.id,
    // Whoever asked may have gone.
    mine: true,
    overridden: undefined,
    stopped: own?.isStopped === true,
    ended: false
  };
}

const baseOf = (messages: readonly UIMessage[], id: string): UIMessage =>
  messages[indexOfId(messages, id)] ?? { id, role: "assistant", parts: [] };

function delta(state: Conversation, frame: ChatDeltaFrame): Conversation {
  const { transcript } = state;
  const { epoch, from, revision, upsert, removed } = frame;
  if (epoch !== transcript.epoch || from > transcript.revision || revision <= transcript.revision) return state;
  const after: Record<string, string | null> = {};
  const known = byId(transcript.messages);
  const messages: UIMessage[] = [];
  for (const entry of upsert) {
    // Of a page that is not loaded.
    if (entry.changed && transcript.hasMore && !known.has(entry.message.id)) continue;
    messages.push(entry.message);
    if (entry.after !== undefined) after[entry.message.id] = entry.after;
  }
  const next = { ...transcript, revision, messages: changed(transcript.messages, messages, removed, after) };
  return settled(state, { ...state, transcript: next, turn: rebased(state.turn, messages, removed) });
}

/** A turn goes on from what its message has become. */
function rebased(
  turn: HeardTurn | undefined,
  messages: readonly UIMessage[],
  removed: readonly string[]
): HeardTurn | undefined {
  if (!turn) return turn;
  const stored = messages.find(({ id }) => id === turn.messageId);
  if (turn.ended) return stored ? undefined : turn;
  if (!stored && !removed.includes(turn.messageId)) return turn;
  return { ...turn, builder: new MessageBuilder(stored ?? baseOf([], turn.messageId)), overridden: undefined };
}

function changed(
  before: readonly UIMessage[],
  messages: readonly UIMessage[],
  removed: readonly string[],
  after: Readonly<Record<string, string | null>>
): readonly UIMessage[] {
  const gone = new Set(removed);
  const kept = gone.size > 0 ? before.filter(({ id }) => !gone.has(id)) : before;
  return messages.reduce((list, message) => {
    const known = list[indexOfId(list, message.id)];
    return withMessage(list, asKnown(known, message), Object.hasOwn(after, message.id) ? after[message.id] : undefined);
  }, kept);
}

function paged(state: Conversation, older: readonly UIMessage[], hasMore: boolean): Conversation {
  const { transcript } = state;
  const known = byId(transcript.messages);
  const messages = [...older.filter(({ id }) => !known.has(id)), ...transcript.messages];
  return { ...state, transcript: { ...transcript, messages, hasMore } };
}

const byId = (messages: readonly UIMessage[]): ReadonlyMap<string, UIMessage> =>
  new Map(messages.map((message) => [message.id, message]));

/** The object that is known already, if nothing about it has changed: who shows it has nothing to do. */
const asKnown = (known: UIMessage | undefined, message: UIMessage): UIMessage =>
  known && isEqual(known, message) ? known : message;

// --- what the user did ---

function asked(state: Conversation, operation: Operation): Conversation {
  const isKnown = state.operations.some(({ id }) => id === operation.id);
  // What the server has not taken was shown until now.
  const operations = isKnown
    ? state.operations.map((other) => (other.id === operation.id ? operation : other))
    : [...state.operations.filter(({ phase }) => phase !== "failed"), operation];
  return { ...state, operations, error: undefined };
}

function accepted(
  state: Conversation,
  { id, epoch, revision, hasTurn }: Extract<ChatEvent, { type: "accepted" }>
): Conversation {
  const operation = state.operations.find((other) => other.id === id);
  if (!operation && !hasTurn) return unexpected(state, id);
  if (operation?.phase !== "pending") return state;
  const { transcript } = state;
  // This operation is all that has changed, and known here.
  const isNext = epoch === transcript.epoch && revision === transcript.revision + 1;
  const isWhole = isNext && operation.kind !== "select";
  const messages = isWhole ? applyOperation(transcript.messages, operation) : transcript.messages;
  const hasMore = transcript.hasMore && operation.kind !== "clear";
  const known = isWhole ? { messages, epoch, revision, hasMore } : transcript;
  const after = operation.message?.id ?? (revision === known.revision ? messages.at(-1)?.id : undefined);
  const next: Operation = { ...operation, phase: hasTurn ? "accepted" : "over", epoch, revision, after };
  const operations = state.operations.map((other) => (other === operation ? next : other));
  return settled(state, { ...state, operations, transcript: known });
}

/** The answer to a call is taken. If it was the last that is awaited here, the agent does not go on with its message. */
function unexpected(state: Conversation, id: string): Conversation {
  const isLast = state.answers.every(({ toolCallId }) => toolCallId === id);
  return state.expects && isLast ? { ...state, expects: false } : state;
}

function withPhase(state: Conversation, id: string, phase: Operation["phase"]): Conversation {
  if (!state.operations.some((operation) => operation.id === id)) return state;
  return {
    ...state,
    operations: state.operations.map((operation) => (operation.id === id ? { ...operation, phase } : operation))
  };
}

/** Forgets what the transcript shows by now. */
function settled(before: Conversation, state: Conversation): Conversation {
  const operations = state.operations.filter((operation) => isKept(operation, state));
  const answers =
    state.answers.length === 0 || before.transcript.messages === state.transcript.messages
      ? state.answers
      : state.answers.filter(({ toolCallId }) => isOpen(state, toolCallId));
  return {
    ...state,
    operations: operations.length === state.operations.length ? state.operations : operations,
    answers: answers.length === state.answers.length ? state.answers : answers
  };
}

/** Whether a call still waits, as far as anybody has said. */
function isOpen({ transcript, turn }: Conversation, toolCallId: string): boolean {
  const said = turn && !turn.ended ? messageOf(turn) : undefined;
  const isWanted = (message: UIMessage) =>
    message.parts.some((part) => isToolPart(part) && part.toolCallId === toolCallId);
  const message = said && isWanted(said) ? said : transcript.messages.findLast(isWanted);
  const part = message?.parts.findLast((each) => isToolPart(each) && each.toolCallId === toolCallId);
  return part === undefined || isOpenCall(part);
}
