import type { UIMessage } from "ai";
import type { MessageBuilder } from "../messages/message-builder";
import { isOpenCall, type ToolPart } from "../messages/settle";
import type { CallAnswer, Operation } from "./events";

/** What the server has said that it has stored. */
export interface KnownTranscript {
  readonly messages: readonly UIMessage[];
  /** Empty with a server that counts no revisions. */
  readonly epoch: string;
  readonly revision: number;
  /** There are older messages. */
  readonly hasMore: boolean;
}

/** The turn that is speaking, as far as it has been heard. */
export interface HeardTurn {
  readonly id: string;
  readonly requestId: string;
  readonly messageId: string;
  readonly attempt: number;
  /** Of the last chunk that is in the message. */
  readonly seq: number;
  readonly builder: MessageBuilder;
  /** The message that it comes after, if that is known. */
  readonly after: string | undefined;
  /** This client answers its calls: it has asked, or has come when nobody else may be there. */
  readonly mine: boolean;
  /** What the server said of the message since the last chunk. */
  readonly overridden: UIMessage | undefined;
  /** The user has stopped it: what still comes is not shown. */
  readonly stopped: boolean;
  /** It is over, and the transcript does not have it yet. */
  readonly ended: boolean;
}

/** A conversation as a client sees it: what is stored, what is being said, and what the user has done here. */
export interface Conversation {
  readonly transcript: KnownTranscript;
  readonly turn: HeardTurn | undefined;
  readonly operations: readonly Operation[];
  readonly answers: readonly CallAnswer[];
  /** All calls are answered: the conversation is about to go on. */
  readonly expects: boolean;
  readonly error: Error | undefined;
  /** The first messages have not come. */
  readonly isLoading: boolean;
}

export const emptyConversation = (messages: readonly UIMessage[] = []): Conversation => ({
  transcript: { messages, epoch: "", revision: 0, hasMore: false },
  turn: undefined,
  operations: [],
  answers: [],
  expects: false,
  error: undefined,
  isLoading: true
});

export const indexOfId = (messages: readonly UIMessage[], id: string): number =>
  messages.findLastIndex((message) => message.id === id);

/** Puts a message in the place of the one with its id, or else after a message, or at the end. */
export function withMessage(
  messages: readonly UIMessage[],
  message: UIMessage,
  after?: string | null
): readonly UIMessage[] {
  const index = indexOfId(messages, message.id);
  if (index >= 0) return messages[index] === message ? messages : messages.with(index, message);
  if (after === null) return [message, ...messages];
  const before = after === undefined ? -1 : indexOfId(messages, after);
  return before < 0 ? [...messages, message] : messages.toSpliced(before + 1, 0, message);
}

/** What an operation makes of a list of messages. */
export function applyOperation(
  messages: readonly UIMessage[],
  { kind, messageId = "", message }: Operation
): readonly UIMessage[] {
  switch (kind) {
    case "append":
      return message ? withMessage(messages, message) : messages;
    case "edit": {
      const index = indexOfId(messages, messageId);
      return message && index >= 0 ? [...messages.slice(0, index), message] : messages;
    }
    case "regenerate": {
      const index = messageId ? indexOfId(messages, messageId) : messages.length - 1;
      if (index < 0) return messages;
      const end = messages[index]!.role === "assistant" ? index : index + 1;
      return end === messages.length ? messages : messages.slice(0, end);
    }
    case "delete":
      return messages.filter(({ id }) => id !== messageId);
    case "clear":
      return [];
    default:
      return messages;
  }
}

/** Whether the transcript does not show yet what an operation did. What the server has not taken is shown if it is new. */
function isAhead({ kind, phase, epoch, revision }: Operation, { transcript }: Conversation): boolean {
  if (phase === "pending") return true;
  if (phase === "failed") return kind === "append";
  if (revision === undefined) return phase === "accepted";
  return epoch !== transcript.epoch || revision > transcript.revision;
}

/** Whether an operation has to be remembered. */
export const isKept = (operation: Operation, conversation: Conversation): boolean =>
  operation.phase !== "over" || isAhead(operation, conversation);

/** Whether a turn is spoken, or about to be, that is not over for the user. */
export const isSpeaking = ({ turn }: Conversation): boolean => turn !== undefined && !turn.ended && !turn.stopped;

const asksForTurn: ReadonlySet<Operation["kind"]> = new Set(["append", "edit", "regenerate", "continue"]);

/** Whether an operation waits for an answer. */
export const isAsking = ({ phase, kind, isStopped }: Operation): boolean =>
  !isStopped && (phase === "pending" || phase === "accepted") && asksForTurn.has(kind);

export type Status = "submitted" | "streaming" | "ready" | "error";

/** The one status. */
export function statusOf(conversation: Conversation): Status {
  const { turn, operations, expects, error } = conversation;
  if (isSpeaking(conversation)) return turn!.seq > 0 ? "streaming" : "submitted";
  if (expects || operations.some(isAsking)) return "submitted";
  return error ? "error" : "ready";
}

/** The messages as the user sees them. Those that have not changed are the same objects as in the transcript. */
export function viewOf(conversation: Conversation): readonly UIMessage[] {
  const { transcript, turn, operations, answers } = conversation;
  const ahead = operations.filter((operation) => isAhead(operation, conversation));
  let messages = transcript.messages;
  // What answers one of these comes after it.
  const own = turn && ahead.findIndex(({ id }) => id === turn.requestId);
  const before = own === undefined || own < 0 ? [] : ahead.slice(0, own + 1);
  for (const operation of before) messages = applyOperation(messages, operation);
  if (turn) messages = withTurn(messages, turn);
  for (const operation of ahead.slice(before.length)) messages = applyOperation(messages, operation);
  for (const { toolCallId, fields } of answers) messages = withAnswer(messages, toolCallId, fields);
  return messages;
}

function withTurn(messages: readonly UIMessage[], turn: HeardTurn): readonly UIMessage[] {
  const message = messageOf(turn);
  return message ? withMessage(messages, message, turn.after) : messages;
}

/** What a turn has said so far; `undefined` for nothing. */
export function messageOf({ overridden, builder }: HeardTurn): UIMessage | undefined {
  if (overridden) return overridden;
  if (builder.isEmpty) return undefined;
  const built = builtMessages.get(builder) ?? builder.message;
  builtMessages.set(builder, built);
  return built;
}

/** What a builder has built is the same object each time it is looked at. */
const builtMessages = new WeakMap<MessageBuilder, UIMessage>();

/** The latest call that fits, and the place of its message. */
export function findCall(
  messages: readonly UIMessage[],
  wanted: (call: ToolPart) => boolean
): { index: number; call: ToolPart } | undefined {
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]!;
    if (message.role !== "assistant") continue;
    const call = message.parts.filter(isOpenCall).findLast(wanted);
    if (call) return { index, call };
  }
  return undefined;
}

function withAnswer(messages: readonly UIMessage[], toolCallId: string, fields: object): readonly UIMessage[] {
  const found = findCall(messages, (call) => call.toolCallId === toolCallId);
  if (!found) return messages;
  const message = messages[found.index]!;
  // The fields are those that the AI SDK gives a call in its new state.
  const parts = message.parts.map((part) =>
    (part as unknown) === found.call ? ({ ...part, ...fields } as typeof part) : part
  );
  return messages.with(found.index, { ...message, parts });
}
