import type { Schema } from "../../core/meta";
import { maxText } from "./schema";

/** How long events are kept. What is over the limits goes, the oldest first. */
export const logLimits = {
  /** After they were handed to a connection, in milliseconds: what got lost with it can be asked for again. */
  sentMs: 5 * 60_000,
  /** While nobody has come for them. */
  unsentMs: 24 * 60 * 60_000,
  /** For each stream. */
  events: 1_000,
  /** For each stream, in characters. */
  characters: 8_000_000
};

// How often the log is looked through, in events.
const trimEvery = 64;

export interface LogDeps {
  readonly schema: Schema;
  now(): number;
}

/** A message and its place in the log. Places grow, in all streams together. */
export interface LoggedEvent {
  place: number;
  message: string;
  /** It was on its way before. */
  wasSent: boolean;
}

interface PartRow {
  id: number;
  part: number;
  more: number;
  data: string;
  sent: number;
}

/** What was said to clients, by session and stream, until they have certainly heard it. Stream 0 is the one that a session listens to. */
export class EventLog {
  readonly #deps: LogDeps;
  #added = 0;

  constructor(deps: LogDeps) {
    this.#deps = deps;
  }

  /** @returns its place */
  append(session: string, stream: number, message: string, sent: boolean): number {
    const { schema } = this.#deps;
    const atMs = this.#deps.now();
    let place = 0;
    for (let start = 0, end = 0, part = 0; part === 0 || start < message.length; start = end, part++) {
      end = endOfPart(message, start);
      const more = end < message.length ? 1 : 0;
      const data = message.slice(start, end);
      const [row] = schema.write<{ id: number }>(
        `INSERT INTO cf_agents_mcp_events (session, stream, part, more, data, sent, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
        RETURNING id`,
        session,
        stream,
        part,
        more,
        data,
        sent ? 1 : 0,
        atMs
      );
      place = row!.id;
    }
    if (this.#added++ % trimEvery === trimEvery - 1) this.trim();
    return place;
  }

  /** What comes after a place in the log, which is thereby known to have arrived: all up to it goes. */
  after(session: string, stream: number, place: number): LoggedEvent[] {
    const { schema } = this.#deps;
    if (place > 0) {
      schema.change(
        "DELETE FROM cf_agents_mcp_events WHERE session = ? AND stream = ? AND id <= ?",
        session,
        stream,
        place
      );
    }
    return this.#read(session, stream, "");
  }

  /** What nobody has come for. */
  unsent(session: string, stream: number): LoggedEvent[] {
    return this.#read(session, stream, "AND sent = 0");
  }

  #read(session: string, stream: number, condition: string): LoggedEvent[] {
    const events: LoggedEvent[] = [];
    let message: string | undefined;
    const rows = this.#deps.schema.read<PartRow>(
      `SELECT id, part, more, data, sent FROM cf_agents_mcp_events WHERE session = ? AND stream = ? ${condition} ORDER BY id`,
      session,
      stream
    );
    for (const { id, part, more, data, sent } of rows) {
      // The first parts of a long one may be over the limits already: then it is not there.
      message = part === 0 ? data : message === undefined ? undefined : message + data;
      if (more || message === undefined) continue;
      events.push({ place: id, message, wasSent: sent === 1 });
      message = undefined;
    }
    return events;
  }

  /** They are on their way now. */
  markSent(session: string, stream: number): void {
    this.#deps.schema.change(
      "UPDATE cf_agents_mcp_events SET sent = 1, at_ms = ? WHERE session = ? AND stream = ? AND sent = 0",
      this.#deps.now(),
      session,
      stream
    );
  }

  /** Removes what is over the limits. */
  trim(): void {
    const nowMs = this.#deps.now();
    this.#deps.schema.change(
      `DELETE FROM cf_agents_mcp_events WHERE at_ms < CASE sent WHEN 1 THEN ? ELSE ? END OR id IN (
        SELECT id FROM (SELECT id,
          row_number() OVER newest AS number, sum(length(data)) OVER newest AS characters
          FROM cf_agents_mcp_events WINDOW newest AS (PARTITION BY session, stream ORDER BY id DESC))
        WHERE number > ? OR characters > ?)`,
      nowMs - logLimits.sentMs,
      nowMs - logLimits.unsentMs,
      logLimits.events,
      logLimits.characters
    );
  }

  /** All sessions are over whose names begin like this. */
  forgetAll(prefix: string): void {
    this.#deps.schema.change("DELETE FROM cf_agents_mcp_events WHERE substr(session, 1, ?) = ?", prefix.length, prefix);
  }

  /** The session is over. */
  forget(session: string): void {
    this.#deps.schema.change("DELETE FROM cf_agents_mcp_events WHERE session = ?", session);
  }
}

/** Half a character, the database does not keep. */
function endOfPart(message: string, start: number): number {
  const end = start + maxText;
  const last = message.charCodeAt(end - 1);
  return last >= 0xd800 && last < 0xdc00 ? end - 1 : end;
}
