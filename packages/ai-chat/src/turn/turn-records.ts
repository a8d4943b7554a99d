import type { Schema } from "agents/capability";
import type { Place } from "../messages/transcript";
import type { ClientToolSchema, TurnOutcome } from "../protocol/frames";
import type { Usage } from "./usage";

/** A turn as it was recorded. */
export interface ChatTurn extends Usage {
  id: string;
  requestId: string;
  /** What asked for it: `append`, `edit`, `regenerate`, `continue`; `save` for `saveMessages`, `tool` for the answer to a call. */
  operation: string;
  /** The message that answers. */
  messageId: string;
  /** How often the model was asked; more than once if the instance was lost meanwhile. */
  attempts: number;
  /** In ms since the epoch. */
  createdMs: number;
  firstChunkMs?: number | undefined;
  /** Without it, the turn is under way. */
  endedMs?: number | undefined;
  outcome?: TurnOutcome | undefined;
  error?: string | undefined;
}

/** What a turn is begun with. */
export interface NewTurn {
  id: string;
  requestId: string;
  operation: string;
  messageId: string;
  continues: boolean;
  place: Place;
  /** Messages that were stored with it. Turns before it do not see them. */
  asks: readonly string[];
  body: Record<string, unknown> | undefined;
  clientTools: ClientToolSchema[] | undefined;
  source: string | undefined;
  attempts: number;
  createdMs: number;
}

/** A turn that was begun and has not ended. */
export interface OpenTurn extends Omit<NewTurn, "source"> {
  n: number;
  cancelled: Cancelled;
}

/** 1: what it has said is kept. 2: it goes. */
export type Cancelled = 0 | 1 | 2;

export interface TurnEnd extends Usage {
  outcome: TurnOutcome;
  error?: string | undefined;
  endedMs: number;
  firstChunkMs: number | undefined;
}

const keptTurns = 1_000;
/** So many more are there before the oldest are deleted: not with each turn. */
const spareTurns = 50;
const deleteChunks = "DELETE FROM cf_ai_chat_stream_chunks;\n";

/** A row for each turn: by it a turn is found again after a crash, a request that comes twice is known, and its usage is told. */
export class TurnRecords {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** Records a turn; returns its number, or `undefined` if its request is known already. */
  add(turn: NewTurn): number | undefined {
    const [row] = this.#schema.write<{ n: number }>(
      `INSERT INTO cf_ai_chat_turns (id, request_id, operation, message_id, continues, place, asks, body, client_tools, source, attempts, created_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id) DO NOTHING RETURNING n`,
      turn.id,
      turn.requestId,
      turn.operation,
      turn.messageId,
      turn.continues ? 1 : 0,
      turn.place,
      JSON.stringify(turn.asks),
      json(turn.body),
      json(turn.clientTools),
      turn.source ?? null,
      turn.attempts,
      turn.createdMs
    );
    this.#prune(row?.n);
    return row?.n;
  }

  /** Records an operation that has no answer, so that it is known when it comes again. */
  addEnded(requestId: string, operation: string, nowMs: number): boolean {
    const [row] = this.#schema.write<{ n: number }>(
      `INSERT INTO cf_ai_chat_turns (id, request_id, operation, message_id, continues, place, asks, attempts, created_ms, ended_ms, outcome)
       VALUES ('', ?, ?, '', 0, '', '[]', 0, ?, ?, 'completed') ON CONFLICT (request_id) DO NOTHING RETURNING n`,
      requestId,
      operation,
      nowMs,
      nowMs
    );
    this.#prune(row?.n);
    return row !== undefined;
  }

  #prune(last: number | undefined): void {
    if (last === undefined || last % spareTurns !== 0) return;
    this.#schema.write("DELETE FROM cf_ai_chat_turns WHERE n <= ? AND ended_ms IS NOT NULL", last - keptTurns);
  }

  /** Before the application's code runs: a kill counts as an attempt. */
  attempt(n: number): void {
    this.#schema.write("UPDATE cf_ai_chat_turns SET attempts = attempts + 1 WHERE n = ?", n);
  }

  cancel(n: number, cancelled: Cancelled, dropChunks = false): void {
    this.#schema.write(
      `${dropChunks ? deleteChunks : ""}UPDATE cf_ai_chat_turns SET cancelled = max(cancelled, ?) WHERE n = ?`,
      cancelled,
      n
    );
  }

  /** Forgets what was said: it is in the message, or dropped. */
  dropChunks(): void {
    this.#schema.write(deleteChunks);
  }

  /** What a turn was asked with is not needed any more, nor is what it said. */
  end(n: number, { outcome, error, endedMs, firstChunkMs, ...usage }: TurnEnd, dropChunks: boolean): void {
    this.#schema.write(
      `${dropChunks ? deleteChunks : ""}UPDATE cf_ai_chat_turns SET ended_ms = ?, outcome = ?, error = ?, first_chunk_ms = ?, model = ?,
         input_tokens = ?, output_tokens = ?, total_tokens = ?, body = NULL, client_tools = NULL WHERE n = ?`,
      endedMs,
      outcome,
      error ?? null,
      firstChunkMs ?? null,
      usage.model ?? null,
      usage.inputTokens ?? null,
      usage.outputTokens ?? null,
      usage.totalTokens ?? null,
      n
    );
  }

  /** What is known of the usage of a turn that has ended. */
  addUsage(n: number, usage: Usage): void {
    this.#schema.write(
      "UPDATE cf_ai_chat_turns SET model = ifnull(?, model), input_tokens = ifnull(?, input_tokens), output_tokens = ifnull(?, output_tokens), total_tokens = ifnull(?, total_tokens) WHERE n = ?",
      usage.model ?? null,
      usage.inputTokens ?? null,
      usage.outputTokens ?? null,
      usage.totalTokens ?? null,
      n
    );
  }

  /** Turns without an end, oldest first. After a wake these are the ones that were cut. */
  open(): OpenTurn[] {
    type Row = Record<"asks", string> &
      Record<"body" | "clientTools", string | null> &
      Omit<OpenTurn, "asks" | "body" | "clientTools" | "continues"> & { continues: number };
    const rows = this.#schema.read<Row>(
      `SELECT n, id, request_id AS requestId, operation, message_id AS messageId, continues, place, asks, body,
         client_tools AS clientTools, attempts, cancelled, created_ms AS createdMs
       FROM cf_ai_chat_turns WHERE ended_ms IS NULL ORDER BY n`
    );
    return rows.map(({ asks, body, clientTools, continues, ...row }) => ({
      ...row,
      continues: continues === 1,
      asks: JSON.parse(asks) as string[],
      body: parsed<Record<string, unknown>>(body),
      clientTools: parsed<ClientToolSchema[]>(clientTools)
    }));
  }

  /** The turn of a request, or (by the id) one of which a client has heard. */
  find(by: "request_id" | "id", value: string): ChatTurn | undefined {
    // Ids have no index: a client has not heard of many turns since.
    const recent = by === "id" ? "n > (SELECT max(n) FROM cf_ai_chat_turns) - 50 AND" : "";
    return this.#read(`WHERE ${recent} ${by} = ?`, value)[0];
  }

  /** Those before one, the newest first. */
  list(limit: number, before: string | undefined): ChatTurn[] {
    if (before === undefined) return this.#read("WHERE id <> '' ORDER BY n DESC LIMIT ?", limit);
    return this.#read(
      "WHERE id <> '' AND n < (SELECT n FROM cf_ai_chat_turns WHERE id = ?) ORDER BY n DESC LIMIT ?",
      before,
      limit
    );
  }

  #read(where: string, ...values: (string | number)[]): ChatTurn[] {
    const rows = this.#schema.read<Record<string, string | number | null>>(
      `SELECT id, request_id AS requestId, operation, message_id AS messageId, attempts, created_ms AS createdMs, first_chunk_ms AS firstChunkMs,
         ended_ms AS endedMs, outcome, error, model, input_tokens AS inputTokens, output_tokens AS outputTokens, total_tokens AS totalTokens
       FROM cf_ai_chat_turns ${where}`,
      ...values
    );
    // The columns are those of the type; what is not known is not there.
    return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as never);
  }
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

function parsed<Value>(text: string | null): Value | undefined {
  return text === null ? undefined : (JSON.parse(text) as Value);
}
