import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import type { Agent } from "../../agent";
import { hostOf } from "../../server";
import { EventLog, type LoggedEvent } from "../agent/event-log";
import { mcpSchema } from "../agent/schema";
import { Refusal } from "../http/refusal";
import type { Store } from "./event-store";

// A stream of ours has one log of its own.
const onlyStream = 0;

/**
 * Keeps the events of a `WorkerTransport` in the database of its agent: a client that comes back gets what it has missed also when the
 * agent was out of memory, or was killed, meanwhile. Events are dropped when the client has named a later one, 5 minutes after they were
 * sent, or after 24 hours without anyone who listens.
 *
 * @example
 * transport = new WorkerTransport({
 *   sessionIdGenerator: () => this.name,
 *   storage: {
 *     get: () => this.ctx.storage.get<TransportState>("mcp"),
 *     set: (state) => this.ctx.storage.put("mcp", state)
 *   },
 *   eventStore: new SqlEventStore(this)
 * });
 */
export class SqlEventStore implements Store {
  readonly #log: EventLog;
  readonly #prefix: string;
  #isTrimmed = false;

  /**
   * @param agent whose database it is
   * @param name tells the transports of one agent apart, where it has several
   */
  // Any agent: nothing is asked of its state.
  // oxlint-disable-next-line typescript/no-explicit-any
  constructor(agent: Agent<any, any, any>, name = "") {
    this.#log = new EventLog({ schema: hostOf(agent).schema("mcp-server", mcpSchema), now: () => Date.now() });
    this.#prefix = `transport:${name}:`;
  }

  async storeEvent(streamId: string, message: JSONRPCMessage, isHeard = false): Promise<string> {
    const place = this.#log.append(this.#prefix + streamId, onlyStream, JSON.stringify(message), isHeard);
    // What an earlier life has left.
    if (!this.#isTrimmed) this.#log.trim();
    this.#isTrimmed = true;
    return idOf(streamId, place);
  }

  async getStreamIdForEventId(eventId: string): Promise<string> {
    return parseId(eventId).streamId;
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send(eventId: string, message: JSONRPCMessage): Promise<void> }
  ): Promise<string> {
    const { streamId, place } = parseId(lastEventId);
    const events = this.#log.after(this.#prefix + streamId, onlyStream, place);
    for (const { eventId, message } of this.#handOver(streamId, events)) await send(eventId, message);
    return streamId;
  }

  takeUnheard(streamId: string): { eventId: string; message: JSONRPCMessage }[] {
    return this.#handOver(streamId, this.#log.unsent(this.#prefix + streamId, onlyStream));
  }

  clear(): void {
    this.#log.forgetAll(this.#prefix);
  }

  #handOver(streamId: string, events: LoggedEvent[]) {
    if (events.some(({ wasSent }) => !wasSent)) this.#log.markSent(this.#prefix + streamId, onlyStream);
    return events.map(({ place, message }) => ({
      eventId: idOf(streamId, place),
      message: JSON.parse(message) as JSONRPCMessage
    }));
  }
}

const idOf = (streamId: string, place: number) => `${streamId}.${place}`;

function parseId(eventId: string): { streamId: string; place: number } {
  const [, streamId, place] = /^([\w-]{1,64})\.(\d{1,15})$/.exec(eventId) ?? [];
  if (streamId === undefined) throw new Refusal(400, "Unknown event id");
  return { streamId, place: Number(place) };
}
