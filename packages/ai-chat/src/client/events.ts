import type { UIMessage, UIMessageChunk } from "ai";
import type {
  ChatDeltaFrame,
  ChatOperation,
  ChatSnapshotFrame,
  ToolApprovalFrame,
  ToolResultFrame
} from "../protocol/frames";

/** What a user has done here, until the conversation shows it. */
export interface Operation {
  /** Of its request. */
  readonly id: string;
  readonly kind: ChatOperation;
  readonly messageId?: string | undefined;
  readonly message?: UIMessage | undefined;
  /** `over`: nothing is awaited any more. `failed`: the server has not taken it. */
  readonly phase: "pending" | "accepted" | "over" | "failed";
  /** The message that its answer comes after, if that is known. */
  readonly after?: string | undefined;
  /** The user does not wait for an answer. */
  readonly isStopped?: boolean;
  /** Of the transcript that has it. */
  readonly epoch?: string | undefined;
  readonly revision?: number | undefined;
}

/** The answer to a call that this client has given, until the conversation shows it. */
export interface CallAnswer {
  readonly toolCallId: string;
  /** Of its part. */
  readonly fields: object;
  readonly frame: ToolResultFrame | ToolApprovalFrame;
}

export interface ChunkEvent {
  readonly type: "chunk";
  readonly turnId: string;
  readonly requestId: string;
  /** From 1. One that is there already, or out of turn, changes nothing. */
  readonly seq: number;
  readonly attempt: number;
  readonly chunk: UIMessageChunk;
  readonly continuation: boolean;
  /** It was said before this client asked for it. */
  readonly resumed: boolean;
  /** Of the message, if nobody says it. */
  readonly newId: string;
}

export interface EndedEvent {
  readonly type: "ended";
  /** Of the turn or, if there is none, of the operation that nobody answers. */
  readonly turnId: string;
  readonly requestId: string;
  readonly error?: Error | undefined;
  /**
   * `message`: what it said is the transcript's now. `transcript`: the transcript has all of it. `later`: the transcript has not
   * come yet.
   */
  readonly result: "message" | "transcript" | "later";
  readonly epoch?: string | undefined;
  readonly revision?: number | undefined;
}

/** Everything that changes a conversation as a client sees it. */
export type ChatEvent =
  | ChunkEvent
  | EndedEvent
  /** A whole list, from a server that sends such. */
  | { readonly type: "listed"; readonly messages: readonly UIMessage[] }
  | { readonly type: "updated"; readonly message: UIMessage }
  | { readonly type: "snapshot"; readonly frame: ChatSnapshotFrame; readonly messages: readonly UIMessage[] }
  | { readonly type: "delta"; readonly frame: ChatDeltaFrame }
  | { readonly type: "paged"; readonly messages: readonly UIMessage[]; readonly hasMore: boolean }
  /** `wholly`: by the user of this client, with all that was asked here. */
  | { readonly type: "cleared"; readonly wholly: boolean }
  /** An operation is new, or another than it was. */
  | { readonly type: "asked"; readonly operation: Operation }
  | {
      readonly type: "accepted";
      readonly id: string;
      readonly epoch: string;
      readonly revision: number;
      readonly hasTurn: boolean;
    }
  | { readonly type: "failed"; readonly id: string; readonly error: Error }
  | { readonly type: "answered"; readonly answer: CallAnswer; readonly expects: boolean }
  /** The server does not take an answer. */
  | { readonly type: "declined"; readonly toolCallId: string }
  | { readonly type: "stopped" }
  /** The transcript is what this client has begun with, as of this revision. */
  | { readonly type: "based"; readonly epoch: string; readonly revision: number }
  /** Nobody speaks, and nobody is about to. */
  | { readonly type: "idle" }
  | { readonly type: "loaded" }
  | { readonly type: "erred"; readonly error: Error | undefined };
