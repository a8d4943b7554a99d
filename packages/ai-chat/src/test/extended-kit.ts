import type { UIMessage } from "ai";
import { connect, type TestConnection } from "../../../agents/src/test/kit";
import type {
  ChatAcceptedFrame,
  ChatDeltaFrame,
  ChatOperationFrame,
  ChatRefusedFrame,
  ChatResponseFrame,
  ChatSnapshotFrame
} from "../protocol/frames";
import { talker, user } from "./chat-kit";

type Stub = { fetch(request: Request): Promise<Response> };

/** A client of the extensions, and the head that it was greeted with. */
export async function extended(stub: Stub, id = "a"): Promise<[TestConnection, ChatSnapshotFrame]> {
  const connection = await connect(stub, `_agents_ext=1&_pk=${id}`);
  return [connection, await connection.next<ChatSnapshotFrame>("cf_agent_chat_snapshot")];
}

export const operation = (
  id: string,
  name: ChatOperationFrame["operation"],
  more: Partial<ChatOperationFrame> = {}
): ChatOperationFrame => ({ type: "cf_agent_chat_operation", id, operation: name, ...more });

export const append = (id: string, messageId: string, text: string, more: Partial<ChatOperationFrame> = {}) =>
  operation(id, "append", { message: user(messageId, text) as UIMessage, ...more });

export const sync = (more: object = {}) => ({ ...more, type: "cf_agent_chat_sync" });

export const accepted = (connection: TestConnection, id: string) =>
  connection.next<ChatAcceptedFrame>((frame) => frame.type === "cf_agent_chat_accepted" && frame.id === id);

export const refused = (connection: TestConnection, id?: string) =>
  connection.next<ChatRefusedFrame>(
    (frame) => frame.type === "cf_agent_chat_refused" && (id === undefined || frame.id === id)
  );

export const delta = (connection: TestConnection) => connection.next<ChatDeltaFrame>("cf_agent_chat_delta");

export const snapshot = (connection: TestConnection) =>
  connection.next<Required<ChatSnapshotFrame>>(
    (frame) => frame.type === "cf_agent_chat_snapshot" && frame.messages !== undefined
  );

export const done = (connection: TestConnection, id?: string) =>
  connection.next<ChatResponseFrame>(
    (frame) => frame.type === "cf_agent_use_chat_response" && frame.done && (id === undefined || frame.id === id)
  );

/** Asks a question and waits for the whole answer. */
export async function ask(
  connection: TestConnection,
  id: string,
  text: string,
  more: Partial<ChatOperationFrame> = {}
): Promise<ChatResponseFrame> {
  connection.send(append(id, `u-${id}`, text, more));
  return done(connection, id);
}

/** What a client has that asks for everything. */
export async function everything(name: string): Promise<UIMessage[]> {
  const [connection] = await extended(talker(name), "reader");
  connection.send(sync({ limit: 500 }));
  const { messages } = await snapshot(connection);
  connection.close();
  await connection.closed;
  return messages;
}
