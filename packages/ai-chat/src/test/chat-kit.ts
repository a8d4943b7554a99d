import { env, runInDurableObject } from "cloudflare:test";
import type { UIMessage } from "ai";
import type { TestConnection } from "../../../agents/src/test/kit";

export const talker = (name: string) => env.Talker.get(env.Talker.idFromName(name));
export const assistant = (name: string) => env.Assistant.get(env.Assistant.idFromName(name));
export const counter = (name: string) => env.Counter.get(env.Counter.idFromName(name));
export const payer = (name: string) => env.Payer.get(env.Payer.idFromName(name));
type Stub =
  | ReturnType<typeof payer>
  | ReturnType<typeof talker>
  | ReturnType<typeof assistant>
  | ReturnType<typeof counter>;

export const user = (id: string, text: string) => ({ id, role: "user", parts: [{ type: "text", text }] });

/** A message that an assistant said, as it is expected. */
export const said = (text: string) => ({ role: "assistant", parts: [{ type: "text", text, state: "done" }] });

export const ask = (id: string, messages: readonly unknown[], more: object = {}) => ({
  type: "cf_agent_use_chat_request",
  id,
  init: { method: "POST", body: JSON.stringify({ messages, trigger: "submit-message", ...more }) }
});

export const regenerate = (id: string, messages: readonly unknown[]) =>
  ask(id, messages, { trigger: "regenerate-message" });

export type Frame = {
  type: string;
  id: string;
  body: string;
  done?: boolean;
  error?: boolean;
  continuation?: boolean;
  replay?: boolean;
  replayComplete?: boolean;
  messages: UIMessage[];
  message: UIMessage;
};

/** All frames up to the one that is asked for, with it. */
export async function framesUntil(connection: TestConnection, wanted: (frame: Frame) => boolean): Promise<Frame[]> {
  const frames: Frame[] = [];
  do frames.push((await connection.nextFrame()) as Frame);
  while (!wanted(frames.at(-1)!));
  return frames;
}

export const isDone =
  (id?: string) =>
  (frame: Frame): boolean =>
    frame.type === "cf_agent_use_chat_response" && frame.done === true && (id === undefined || frame.id === id);

/** The frame that ends a turn; those before it are dropped. */
export const doneOf = (connection: TestConnection, id?: string) => connection.next<Frame>(isDone(id));

/** The chunks in some frames. */
export const chunksOf = (frames: readonly Frame[]) =>
  frames
    .filter(({ type, done, body }) => type === "cf_agent_use_chat_response" && !done && body !== "")
    .map(({ body }) => JSON.parse(body) as { type: string; id?: string; delta?: string; messageId?: string });

/** What the agent answers to `GET …/get-messages`. */
export const stored = async (stub: { fetch(url: string): Promise<Response> }) =>
  (await (await stub.fetch("http://test/agents/talker/name/get-messages")).json()) as UIMessage[];

/** Rows of the agent's database, from outside of its code. */
export const rows = <Row extends Record<string, SqlStorageValue>>(
  stub: Stub,
  query: string,
  ...values: SqlStorageValue[]
) =>
  runInDurableObject(stub as ReturnType<typeof talker>, (_, { storage }) =>
    storage.sql.exec<Row>(query, ...values).toArray()
  );

/** How many rows the tables of streams hold. A conversation of short answers has none of them. */
export async function streamRows(stub: Stub): Promise<number> {
  const tables = await rows(stub, "SELECT 1 FROM sqlite_master WHERE name = 'cf_ai_chat_stream_chunks'");
  if (tables.length === 0) return 0;
  const count = (table: string) => `(SELECT count(*) FROM ${table})`;
  const query = `SELECT ${count("cf_ai_chat_stream_chunks")} + ${count("cf_ai_chat_stream_metadata")} AS n`;
  return (await rows<{ n: number }>(stub, query))[0]!.n;
}

export const text = (id: string, ...deltas: string[]) => [
  { type: "text-start", id },
  ...deltas.map((delta) => ({ type: "text-delta", id, delta })),
  { type: "text-end", id }
];
