import { AgentError } from "../protocol/errors";
import { pingText, type HelloFrame, type ServerFrame } from "../protocol/frames";
import { systemClock, type Clock } from "./clock";
import { Heartbeat } from "./heartbeat";
import { Outbox, sizeOf, type Entry } from "./outbox";
import type { Message } from "./socket-events";

/** An agent that has anything to say to a new connection says it at once. */
const firstFrameMs = 100;
/** The rest of the greeting is on its way together with the hello. */
const greetingMs = 2000;
/** After a sleep, or with another network, a connection is more likely dead than slow. */
const returnedMs = 5000;

export interface LinkDeps {
  clock?: Clock;
  isOpen(): boolean;
  /** Gives a frame to the socket, if it is open. */
  transmit(data: Message): void;
  /** It is known whether the agent takes part in the extensions. */
  settled(isExtended: boolean): void;
  /** What an agent tells every new connection is through. Before what waits is sent. */
  greeted(): void;
  /** The socket is open and nothing comes. */
  dead(): void;
}

/**
 * The way to the agent, over one socket after the other: what waits for one, what the agent at its other end understands, and
 * whether it is alive.
 *
 * What waits is sent when it is known how: an agent that takes part in the extensions says so first. To one that does not, with
 * its first message, or soon if it says nothing; to one that does, after its greeting, with which the state is known.
 */
export class Link {
  readonly outbox = new Outbox();
  readonly #deps: LinkDeps;
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;
  #isSettled = false;
  #isExtended = false;
  #isGreeted = false;
  /** What the agent takes in one frame. One that is larger would end the connection, and be lost with all that is under way. */
  #maxBytes = Infinity;
  #cancelWait: () => void = () => {};

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    const ping = () => deps.transmit(pingText);
    this.#heartbeat = new Heartbeat({ clock: this.#clock, ping, dead: deps.dead });
  }

  /** Whether the agent takes part in the extensions; `undefined` while that is not known. */
  get isExtended(): boolean | undefined {
    return this.#isSettled ? this.#isExtended : undefined;
  }

  opened(): void {
    this.outbox.opened();
    this.#cancelWait = this.#clock.after(firstFrameMs, () => this.#settle(false));
  }

  /** A message arrived; `frame` is what it was, if it was one of ours. */
  received(frame: ServerFrame | undefined): void {
    this.#heartbeat.heard();
    const type = frame?.type;
    if (type === "cf_agent_hello") this.#hello(frame as HelloFrame);
    else if (!this.#isSettled) this.#settle(false);
    const isGreeting = !type || /_(hello|identity|state)$/.test(type);
    if (!isGreeting) this.#greeted();
  }

  closed(): void {
    this.#cancelWait();
    this.#heartbeat.stop();
    this.#isSettled = this.#isExtended = this.#isGreeted = false;
    this.#maxBytes = Infinity;
  }

  /** Sends a frame, or keeps it until it can be sent. @returns whether it went out */
  send(entry: Entry, isFirst?: boolean): boolean {
    this.outbox.push(entry, isFirst);
    this.#flush();
    return this.#canSend;
  }

  /** Sends a frame of the extensions now, if that is possible. One that comes late would be of no use. */
  tell(frame: object): void {
    if (this.#isExtended && this.#canSend) this.#deps.transmit(JSON.stringify(frame));
  }

  /** The page was away: asks whether the connection is alive, if the agent answers such questions. */
  returned(): void {
    this.#heartbeat.probe(returnedMs);
  }

  #hello({ heartbeatMs, maxFrameBytes = Infinity }: HelloFrame): void {
    this.#maxBytes = maxFrameBytes;
    this.#heartbeat.start(heartbeatMs);
    this.#settle(true);
    this.#cancelWait = this.#clock.after(greetingMs, () => this.#greeted());
  }

  #settle(isExtended: boolean): void {
    this.#cancelWait();
    this.#isSettled = true;
    this.#isExtended = isExtended;
    this.#deps.settled(isExtended);
    this.#flush();
  }

  #greeted(): void {
    if (this.#isGreeted) return;
    this.#cancelWait();
    this.#isGreeted = true;
    this.#deps.greeted();
    this.#flush();
  }

  get #canSend(): boolean {
    return (this.#isExtended ? this.#isGreeted : this.#isSettled) && this.#deps.isOpen();
  }

  #flush(): void {
    this.outbox.flush(
      () => this.#canSend,
      ({ data, take, refuse }) => {
        const taken = take ? take(this.#isExtended) : data;
        if (taken === undefined) return;
        if (!isLarger(taken, this.#maxBytes)) return this.#deps.transmit(taken);
        refuse?.(new AgentError("FRAME_TOO_LARGE", `The agent takes at most ${this.#maxBytes} bytes in one frame`));
      }
    );
  }
}

/** Whether a message has more bytes than that: a text, in UTF-8, which is only made of one that is near. */
function isLarger(data: Message, maxBytes: number): boolean {
  const size = sizeOf(data);
  if (typeof data !== "string" || size * 3 <= maxBytes) return size > maxBytes;
  return new TextEncoder().encode(data).length > maxBytes;
}
