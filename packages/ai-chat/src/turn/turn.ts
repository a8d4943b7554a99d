import type { Connection } from "agents";
import type { Place } from "../messages/transcript";
import type { ClientToolSchema } from "../protocol/frames";
import type { Spoken } from "../stream/audience";
import type { Cancelled, OpenTurn } from "./turn-records";
import { CallTimes } from "./turn-report";
import type { Usage } from "./usage";

/** What a turn answers. */
export interface TurnRequest {
  requestId: string;
  /** What asked for it, for its record. */
  operation: string;
  /** The connection that asked; its client has what it sent. */
  source?: Connection | undefined;
  /** The message that it goes on with, instead of beginning one. */
  continues?: string | undefined;
  body?: Record<string, unknown> | undefined;
  /** Not stored: they may be secrets. */
  headers?: Record<string, string> | undefined;
  clientTools?: ClientToolSchema[] | undefined;
}

/** One answer, from its request to its end. */
export interface Turn extends Spoken {
  n: number;
  readonly request: TurnRequest;
  readonly messageId: string;
  place: Place;
  /** Messages that were stored with it. Turns before it do not see them. */
  asks: string[];
  /** The message that it answers, where that is a question. */
  after: string | undefined;
  readonly abort: AbortController;
  cancelled: Cancelled;
  attempts: number;
  /** The next attempt has not been recorded. */
  isDue: boolean;
  /** Another turn answers for it. */
  isMerged: boolean;
  /** A tool was called in the step that is being said. */
  hasCalled: boolean;
  startedMs: number;
  firstChunkMs: number | undefined;
  usage: Usage;
  readonly calls: CallTimes;
}

/** What all turns begin with. */
const fresh = () => ({
  place: "",
  asks: [],
  after: undefined,
  abort: new AbortController(),
  cancelled: 0 as const,
  isMerged: false,
  hasCalled: false,
  startedMs: 0,
  firstChunkMs: undefined,
  usage: {},
  calls: new CallTimes()
});

/** A turn that somebody asks for. `isBusy`: it has to wait for others. */
export const newTurn = (request: TurnRequest, isBusy: boolean): Turn => ({
  ...fresh(),
  n: 0,
  id: crypto.randomUUID(),
  requestId: request.requestId,
  source: request.source,
  request,
  messageId: request.continues ?? crypto.randomUUID(),
  continuation: request.continues !== undefined,
  attempts: isBusy ? 0 : 1,
  isDue: isBusy
});

/** A turn of an earlier life. `isBegun`: what is left of an earlier attempt, it goes on with. */
export function recoveredTurn(open: OpenTurn, isBegun: boolean): Turn {
  const { n, id, requestId, messageId, place, asks, attempts, continues, operation, body, clientTools } = open;
  return {
    ...fresh(),
    n,
    id,
    requestId,
    messageId,
    place,
    attempts,
    source: undefined,
    request: { requestId, operation, body, clientTools, ...(continues && { continues: messageId }) },
    continuation: isBegun,
    asks: [...asks],
    after: continues ? undefined : asks.at(-1),
    isDue: true
  };
}
