import type { UIMessage } from "ai";
import type { ChatClientFrame, ChatServerFrame, ClientToolSchema } from "../protocol/frames";
import type { Conversation } from "./conversation";
import type { CallAnswer, ChatEvent, Operation } from "./events";
import type { RequestExtras } from "./requests";

/** An operation that is ready to be sent. */
export interface Asked {
  readonly operation: Operation;
  readonly extras: Required<RequestExtras>;
  /** The messages that it was asked with. */
  readonly messages: readonly UIMessage[];
  readonly clientTools: ClientToolSchema[] | undefined;
}

/** What a line asks of the conversation that it serves. */
export interface LineHost {
  readonly state: Conversation;
  readonly isOpen: boolean;
  /** Follow a turn that was under way before this client. */
  readonly resume: boolean;
  dispatch(event: ChatEvent): void;
  send(frame: ChatClientFrame | string, refused?: (error: Error) => void): void;
  /** The messages that the application begins with; `undefined` if the line brings them. */
  loadFirst: (() => Promise<readonly UIMessage[]>) | undefined;
  /** The stored messages, over HTTP; `undefined` if they are not wanted. */
  loadStored: (() => Promise<readonly UIMessage[]>) | undefined;
  failed(error: Error): void;
  /** Asks for what the user has done meanwhile, and for what may have to be sent again. */
  flush(): void;
  /** The conversation is what the server has: calls that wait may be answered. */
  caughtUp(): void;
  /** A turn is over for the server. */
  over(wasMine: boolean): void;
}

/** How a conversation is kept in step with a server, from when a connection has opened until it is lost. */
export interface Line {
  opened(): void;
  lost(): void;
  receive(frame: ChatServerFrame): void;
  /** Sends an operation, or leaves it for the next `flush`, when there is a better time. */
  ask(asked: Asked): void;
  /** Whether an operation is on its way: it needs not be asked again. */
  hasSent(id: string): boolean;
  /** The request of a stream that is about to be heard. */
  readonly awaited: string | undefined;
  /** Sends an answer, unless it is on its way or there is a better time. */
  answer(answer: CallAnswer): void;
  /** The user has set the list of messages. */
  rewrite(messages: readonly UIMessage[]): void;
}
