import { channel, subscribe as listen, unsubscribe as stopListening } from "node:diagnostics_channel";
import type { ChannelEventMap, ObservabilityEvent } from "./events";

/** Where an agent's events go. Override `observability` of an agent to have your own. */
export interface Observability {
  emit(event: ObservabilityEvent): void;
  /** Whether anybody is interested in this type; if not, the event is not even built. Without it: yes. */
  wants?(type: string): boolean;
  /** Instead of `emit`, where nobody is interested: for whoever may be somewhere else. `build` makes the event. */
  unwanted?(type: string, build: () => ObservabilityEvent): void;
}

/** The agent that an event is of. */
export interface EventOrigin {
  readonly about: { agent: string; name: string };
}

/** Hands an event of an agent over, if anybody wants it: it is built only then. */
export function emitEvent(
  target: Observability | undefined,
  origin: EventOrigin,
  type: string,
  payload: () => Record<string, unknown>
): void {
  if (!target) return;
  try {
    if (target.wants?.(type) === false) target.unwanted?.(type, () => eventOf(origin, type, payload));
    else target.emit(eventOf(origin, type, payload));
  } catch (error) {
    // Whoever watches must not change what happens.
    console.error(`observability threw at "${type}":`, error);
  }
}

/** The union lists what this package and those beside it emit; a capability may have events of its own. */
function eventOf({ about }: EventOrigin, type: string, payload: () => Record<string, unknown>): ObservabilityEvent {
  return { type, ...about, payload: payload(), timestamp: Date.now() } as ObservabilityEvent;
}

/** A channel of `node:diagnostics_channel`. Spelled out, since not every program has the types of Node. */
interface EventChannel {
  readonly name: string | symbol;
  /** Whether anybody listens. */
  readonly hasSubscribers: boolean;
  publish(event: unknown): void;
  subscribe(listener: (event: unknown, name: string | symbol) => void): void;
  unsubscribe(listener: (event: unknown, name: string | symbol) => void): void;
}

/** Channels of `node:diagnostics_channel`, by their short name. */
export const channels: Readonly<Record<keyof ChannelEventMap, EventChannel>> = {
  state: channel("agents:state"),
  rpc: channel("agents:rpc"),
  message: channel("agents:message"),
  schedule: channel("agents:schedule"),
  lifecycle: channel("agents:lifecycle"),
  workflow: channel("agents:workflow"),
  mcp: channel("agents:mcp"),
  email: channel("agents:email")
};

const channelByNoun: Readonly<Record<string, EventChannel>> = {
  state: channels.state,
  rpc: channels.rpc,
  message: channels.message,
  tool: channels.message,
  turn: channels.message,
  schedule: channels.schedule,
  queue: channels.schedule,
  workflow: channels.workflow,
  mcp: channels.mcp,
  email: channels.email
};

/** What has been looked up: this is asked for every call of a client. Programs name the types, and there are not many. */
const channelByType = new Map<string, EventChannel>();

function channelOf(type: string): EventChannel {
  const known = channelByType.get(type);
  if (known) return known;
  const found = channelByNoun[nounOf(type)] ?? channels.lifecycle;
  channelByType.set(type, found);
  return found;
}

function nounOf(type: string): string {
  const colon = type.indexOf(":");
  return colon < 0 ? type : type.slice(0, colon);
}

/** Builds the event that is being published and has no listener here. */
let build: (() => ObservabilityEvent) | undefined;
let built: ObservabilityEvent | undefined;

/** That event: one object for all of them, since it is read while it is published, or never. */
const unread = {};
for (const field of ["type", "agent", "name", "payload", "timestamp"] as const) {
  Object.defineProperty(unread, field, { enumerable: true, get: () => (built ??= build!())[field] });
}

/** Publishes to the diagnostics channels. An event is built for those who listen, and for a Tail Worker. */
export const genericObservability: Required<Observability> = {
  wants: (type) => channelOf(type).hasSubscribers,
  emit: (event) => channelOf(event.type).publish(event),
  unwanted(type, make) {
    build = make;
    try {
      // A channel does not know whether there is a Tail Worker. The runtime does, and reads what it has to send.
      channelOf(type).publish(unread);
    } finally {
      build = built = undefined;
    }
  }
};

/**
 * Listens to the events of one channel, of all agents in this isolate.
 *
 * @returns ends it
 * @example
 * const stop = subscribe("rpc", (event) => {
 *   if (event.type === "rpc:error") console.error(event.payload.method, event.payload.error);
 * });
 */
export function subscribe<Name extends keyof ChannelEventMap>(
  name: Name,
  callback: (event: ChannelEventMap[Name]) => void
): () => void {
  // Only agents publish on these channels.
  const listener = (message: unknown) => callback(message as ChannelEventMap[Name]);
  listen(`agents:${name}`, listener);
  return () => void stopListening(`agents:${name}`, listener);
}
