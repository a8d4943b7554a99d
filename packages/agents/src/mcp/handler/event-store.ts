import type { EventStore } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { Refusal } from "../http/refusal";

/** What a server says unasked, and what no open request is about. */
export const unaskedStreamId = "unasked";
/** What is kept in memory of one session. What is over the limits goes, the oldest first. */
export const storeLimits = { events: 1_000, characters: 4_000_000 };

/** What our transport makes of a store, if the store can do it. */
export interface Store extends EventStore {
  /** @param isHeard a client listens */
  storeEvent(streamId: string, message: JSONRPCMessage, isHeard?: boolean): Promise<string>;
  /** What no client has listened to: it is sent now. */
  takeUnheard?(streamId: string): { eventId: string; message: JSONRPCMessage }[];
  /** The session is over: nobody else may read what was said in it. */
  clear?(): void;
}

interface StoredEvent {
  readonly streamId: string;
  readonly place: number;
  readonly text: string;
}

/**
 * Events in memory, until a client says that it has them. It outlives connections and not the instance; an instance with open
 * streams stays.
 */
export class MemoryEventStore implements Store {
  // An id of an earlier life must not be taken for one of this.
  readonly #life = crypto.randomUUID().slice(0, 8);
  #events: StoredEvent[] = [];
  #characters = 0;
  #place = 0;

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const event = { streamId, place: ++this.#place, text: JSON.stringify(message) };
    this.#events.push(event);
    this.#characters += event.text.length;
    const { events, characters } = storeLimits;
    let over = 0;
    while (this.#events.length - over > events || (this.#characters > characters && over < this.#events.length - 1)) {
      this.#characters -= this.#events[over++]!.text.length;
    }
    if (over > 0) this.#events = this.#events.slice(over);
    return `${streamId}.${this.#life}.${event.place}`;
  }

  async getStreamIdForEventId(eventId: string): Promise<string> {
    return parseId(eventId).streamId;
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send(eventId: string, message: JSONRPCMessage): Promise<void> }
  ): Promise<string> {
    const { streamId, life, place } = parseId(lastEventId);
    const known = life === this.#life;
    // Nobody can say any more what the answer was. What comes unasked goes on.
    if (!known && streamId !== unaskedStreamId) throw new Refusal(400, "The events of this stream are gone");
    const last = known ? place : 0;
    // Whoever names an event has it, and those before it.
    this.#forget((event) => event.streamId === streamId && event.place <= last);
    for (const event of this.#events.filter((each) => each.streamId === streamId)) {
      await send(`${streamId}.${this.#life}.${event.place}`, JSON.parse(event.text) as JSONRPCMessage);
    }
    return streamId;
  }

  clear(): void {
    this.#forget(() => true);
  }

  #forget(isKnown: (event: StoredEvent) => boolean): void {
    this.#events = this.#events.filter((event) => !isKnown(event));
    this.#characters = this.#events.reduce((sum, { text }) => sum + text.length, 0);
  }
}

function parseId(eventId: string): { streamId: string; life: string; place: number } {
  const [streamId, life, place] = eventId.split(".");
  if (!streamId || !life || !place || !/^\d+$/.test(place)) throw new Refusal(400, "Unknown event id");
  return { streamId, life, place: Number(place) };
}
