import type { Check, Checks } from "../protocol/decode";
import type { Fields } from "../protocol/frames";
import type { Connection, ConnectionContext } from "./connection";
import type { CallContext } from "./context";
import type { Departure } from "./gate";

/** What a client asks to do. Whether its connection may is decided in one place, for every frame. */
export type Operation =
  | { type: "call"; method: string }
  // Nobody may unless `authorize` says so.
  | { type: "inspect" }
  | { type: "state-write" }
  | { type: "chat-request" }
  | { type: "chat-cancel"; requestId: string }
  | { type: "chat-clear" }
  | { type: "chat-rewrite" }
  | { type: "chat-resume" }
  // The tool is what the conversation says of the call, and empty if it has no such call.
  | { type: "tool-result"; toolCallId: string; toolName: string }
  | { type: "tool-approval"; toolCallId: string; toolName: string; approved: boolean };

// What a promise of nothing is, too.
// oxlint-disable-next-line typescript/no-invalid-void-type
export type Handled = Departure | void;

export interface FrameHandler {
  readonly check: Check;
  /** What the frame asks for; without it, nothing that has to be allowed. */
  operation?(capability: Capability, frame: Fields): Operation;
  /** Whether handling it is over when `handle` returns, as far as is known before. */
  isBrief?(capability: Capability, frame: Fields): boolean;
  /** A `Departure` that it ends with is the answer. */
  handle(
    capability: Capability,
    connection: Connection,
    frame: Fields,
    text: string,
    context: CallContext
  ): Handled | Promise<Handled>;
  /** Answers a frame that the connection may not send. Without it, the refusal is only an event. */
  refuse?(capability: Capability, connection: Connection, frame: Fields): void;
}

/** Handlers by frame type. One table for all instances: each handler is given the capability that it works for. */
export type FrameHandlers = Readonly<Record<string, FrameHandler>>;

type Handlers<Frame extends { type: string }, Owner> = {
  [Type in Frame["type"]]: {
    operation?(capability: Owner, frame: Extract<Frame, { type: Type }>): Operation;
    isBrief?(capability: Owner, frame: Extract<Frame, { type: Type }>): boolean;
    handle(
      capability: Owner,
      connection: Connection,
      frame: Extract<Frame, { type: Type }>,
      text: string,
      context: CallContext
    ): Handled | Promise<Handled>;
    refuse?(capability: Owner, connection: Connection, frame: Extract<Frame, { type: Type }>): void;
  };
};

/** Joins the checks of some frames with their handlers. A frame type without a handler does not compile. */
export function frameHandlers<Frame extends { type: string }, Owner extends Capability>(
  checks: Checks<Frame>,
  handlers: Handlers<Frame, Owner>
): FrameHandlers {
  // No prototype: clients choose the type that is looked up.
  const table = Object.create(null) as Record<string, FrameHandler>;
  for (const type of Object.keys(handlers) as Frame["type"][]) {
    // The check of a type guarantees what its handler's parameter says, and the host gives it the capability that has it.
    table[type] = { check: checks[type], ...handlers[type] } as unknown as FrameHandler;
  }
  return table;
}

/** What keeps an instance in memory, or keeps others from some work while it is being done. */
export interface Hold {
  id: string;
  /** The method that runs. */
  callback?: string;
  /** In ms since the epoch. */
  sinceMs: number;
  /** When the work is taken for dead, in ms since the epoch. */
  untilMs?: number;
}

/** A feature of an agent. It names what it needs in its constructor, and never sees the agent. */
export interface Capability {
  readonly name: string;
  readonly frames?: FrameHandlers;
  /** Before the agent's own `onStart`. */
  onStart?(): void | Promise<void>;
  /** After the agent's own `onStart`: the agent is as its program wants it. */
  onStarted?(): void;
  /** A connection was accepted; no frame of the protocol has been sent to it yet. */
  onAccept?(connection: Connection, context: ConnectionContext): void;
  /** The identity has been sent. */
  onConnect?(connection: Connection, context: ConnectionContext): void;
  onClose?(connection: Connection): void;
  /** Answers a request, or leaves it to the next one and at last to the agent's `onRequest`. */
  onRequest?(request: Request): Response | undefined | Promise<Response | undefined>;
  /** Its work is in memory, and so is its wake: gone after an eviction. */
  readonly isVolatile?: boolean;
  /** What it is doing. Looked at by people and tests only. */
  holds?(): readonly Hold[];
  /** What it adds to `inspect()`, under names that are its own: JSON without payloads, texts of users and secrets. */
  inspect?(): Readonly<Record<string, unknown>> | undefined;
  /** When to call `onWake`, in ms since the epoch. Asked after the kit's `changed()`. */
  nextWake?(): number | undefined;
  onWake?(nowMs: number): void | Promise<void>;
  /** The alarm went off and nobody had asked for it. Returns the next wake after a look at the tables themselves. */
  onStrayAlarm?(): number | undefined;
}
