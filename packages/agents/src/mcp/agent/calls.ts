import type { JSONRPCRequest, RequestId } from "@modelcontextprotocol/sdk/types.js";
import type { Schema } from "../../core/meta";
import { maxText } from "./schema";

/** A request of a client that is not answered yet, as it is stored. */
export interface CallRow {
  readonly id: number;
  readonly session: string;
  /** Where its answer goes. */
  readonly stream: number;
  /** As the client knows it. */
  readonly clientId: RequestId;
  /** What it asks for; nothing if that was too long to be kept. */
  readonly request: JSONRPCRequest | undefined;
  /** How often it has been begun. */
  readonly attempt: number;
}

/** Something that the server asked a client in the middle of a call. */
export interface WaitRow {
  readonly id: number;
  /** The client's message, as JSON. */
  readonly answer: string | null;
}

interface StoredCall {
  id: number;
  session: string;
  stream: number;
  client_id: string;
  message: string | null;
  attempt: number;
}

const columns = "id, session, coalesce(stream, id) AS stream, client_id, message, attempt";

/** Requests in flight, and what they wait for. Each has its row before any code of the server runs for it. */
export class Calls {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** @param stream where its answer goes: without it, to a new stream that is called like the call */
  add(session: string, stream: number | undefined, request: JSONRPCRequest): CallRow {
    const message = JSON.stringify(request);
    const [row] = this.#schema.write<StoredCall>(
      `INSERT INTO cf_agents_mcp_calls (session, stream, client_id, message, attempt) VALUES (?, ?, ?, ?, 1)
      RETURNING ${columns}`,
      session,
      stream ?? null,
      JSON.stringify(request.id),
      message.length > maxText ? null : message
    );
    return callOf(row!);
  }

  get(id: number): CallRow | undefined {
    return this.#read("WHERE id = ?", id)[0];
  }

  all(): CallRow[] {
    return this.#read("ORDER BY id");
  }

  ofSession(session: string): CallRow[] {
    return this.#read("WHERE session = ?", session);
  }

  isOpen(session: string, stream: number): boolean {
    return this.ofSession(session).some((call) => call.stream === stream);
  }

  #read(where: string, ...values: (string | number)[]): CallRow[] {
    return this.#schema.read<StoredCall>(`SELECT ${columns} FROM cf_agents_mcp_calls ${where}`, ...values).map(callOf);
  }

  /** It is about to be begun again. */
  claim({ id }: CallRow): void {
    this.#schema.change("UPDATE cf_agents_mcp_calls SET attempt = attempt + 1 WHERE id = ?", id);
  }

  /** @param hasAsked whether it may have asked for something */
  remove(id: number, hasAsked: boolean): void {
    if (hasAsked) this.#schema.change("DELETE FROM cf_agents_mcp_waits WHERE call = ?", id);
    this.#schema.change("DELETE FROM cf_agents_mcp_calls WHERE id = ?", id);
  }

  forget(session: string): void {
    this.#schema.change("DELETE FROM cf_agents_mcp_waits WHERE session = ?", session);
    this.#schema.change("DELETE FROM cf_agents_mcp_calls WHERE session = ?", session);
  }

  // --- what they wait for ---

  /** What a call has asked by this key, in this attempt or in an earlier one. */
  wait(call: number, key: string): WaitRow | undefined {
    return this.#schema.read<{ id: number; answer: string | null }>(
      "SELECT id, answer FROM cf_agents_mcp_waits WHERE call = ? AND key = ?",
      call,
      key
    )[0];
  }

  waits(call: number): WaitRow[] {
    return this.#schema.read<{ id: number; answer: string | null }>(
      "SELECT id, answer FROM cf_agents_mcp_waits WHERE call = ?",
      call
    );
  }

  /** @returns the id by which the client answers */
  addWait(session: string, call: number, key: string): number {
    const [row] = this.#schema.write<{ id: number }>(
      "INSERT INTO cf_agents_mcp_waits (session, call, key) VALUES (?, ?, ?) RETURNING id",
      session,
      call,
      key
    );
    return row!.id;
  }

  removeWait(id: number): void {
    this.#schema.change("DELETE FROM cf_agents_mcp_waits WHERE id = ?", id);
  }

  /** Takes down an answer, once. @returns the call that waits for it */
  answer(session: string, id: number, answer: string): number | undefined {
    const [row] = this.#schema.exists
      ? this.#schema.write<{ call: number }>(
          "UPDATE cf_agents_mcp_waits SET answer = ? WHERE id = ? AND session = ? AND answer IS NULL RETURNING call",
          answer,
          id,
          session
        )
      : [];
    return row?.call;
  }
}

function callOf(row: StoredCall): CallRow {
  return {
    id: row.id,
    session: row.session,
    stream: row.stream,
    // We wrote both.
    clientId: JSON.parse(row.client_id) as RequestId,
    request: row.message === null ? undefined : (JSON.parse(row.message) as JSONRPCRequest),
    attempt: row.attempt
  };
}
