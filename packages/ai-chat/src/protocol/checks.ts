import type { UIMessage } from "ai";
import type { ChatClientFrame, ChatOperation, ChatRequestBody, ChatServerFrame } from "./frames";

type Fields = Record<string, unknown>;
type Check = (fields: Fields) => boolean;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isString = (value: unknown): value is string => typeof value === "string";
const isAbsentOr = (isOk: (value: unknown) => boolean, value: unknown): boolean => value === undefined || isOk(value);
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const roles: readonly unknown[] = ["user", "assistant", "system"];

/** Whether a value has the shape of a message: an id, a role, and parts that have a type. */
export const isMessage = (value: unknown): value is UIMessage =>
  isObject(value) &&
  isString(value.id) &&
  value.id !== "" &&
  roles.includes(value.role) &&
  Array.isArray(value.parts) &&
  value.parts.every((part) => isObject(part) && isString(part.type));

const areMessages = (value: unknown): value is UIMessage[] => Array.isArray(value) && value.every(isMessage);

const isLiveTurn = (value: unknown): boolean =>
  isObject(value) &&
  isString(value.id) &&
  isString(value.requestId) &&
  isString(value.messageId) &&
  isCount(value.seq) &&
  isString(value.phase);

const operations: { readonly [Operation in ChatOperation]: Check } = {
  append: ({ message }) => isMessage(message),
  edit: ({ messageId, message }) => isString(messageId) && isMessage(message),
  regenerate: ({ messageId }) => isAbsentOr(isString, messageId),
  continue: ({ messageId }) => isAbsentOr(isString, messageId),
  delete: ({ messageId }) => isString(messageId),
  select: ({ messageId }) => isString(messageId),
  clear: () => true
};

/** What a client may send. A frame type without a check does not compile. */
export const chatClientChecks: { readonly [Type in ChatClientFrame["type"]]: Check } = {
  cf_agent_use_chat_request: ({ id, init }) => isString(id) && id !== "" && isObject(init) && isString(init.body),
  cf_agent_chat_messages: ({ messages }) => areMessages(messages),
  cf_agent_chat_clear: () => true,
  cf_agent_chat_request_cancel: ({ id }) => isString(id),
  cf_agent_stream_resume_request: () => true,
  cf_agent_stream_resume_ack: ({ id }) => isString(id),
  cf_agent_tool_result: ({ toolCallId, toolName, state, errorText, autoContinue, clientTools }) =>
    isString(toolCallId) &&
    isAbsentOr(isString, toolName) &&
    isAbsentOr((value) => value === "output-available" || value === "output-error", state) &&
    isAbsentOr(isString, errorText) &&
    isAbsentOr(isBoolean, autoContinue) &&
    isAbsentOr(Array.isArray, clientTools),
  cf_agent_tool_approval: ({ toolCallId, approved, autoContinue, comment }) =>
    isString(toolCallId) && isBoolean(approved) && isAbsentOr(isBoolean, autoContinue) && isAbsentOr(isString, comment),
  cf_agent_chat_operation: (fields) =>
    isString(fields.id) &&
    fields.id !== "" &&
    isString(fields.operation) &&
    Object.hasOwn(operations, fields.operation) &&
    operations[fields.operation as ChatOperation](fields) &&
    isAbsentOr(isObject, fields.body) &&
    isAbsentOr(isObject, fields.headers) &&
    isAbsentOr(Array.isArray, fields.clientTools),
  cf_agent_chat_sync: ({ epoch, revision, turnId, seq, limit }) =>
    isAbsentOr(isString, epoch) &&
    isAbsentOr(isCount, revision) &&
    isAbsentOr(isString, turnId) &&
    isAbsentOr(isCount, seq) &&
    isAbsentOr(isCount, limit),
  cf_agent_chat_page: ({ id, before, limit }) => isString(id) && isString(before) && isAbsentOr(isCount, limit),
  cf_agent_chat_branches: ({ id, messageId }) => isString(id) && isString(messageId)
};

const chatServerChecks: { readonly [Type in ChatServerFrame["type"]]: Check } = {
  cf_agent_use_chat_response: ({ id, body, done }) => isString(id) && isString(body) && typeof done === "boolean",
  cf_agent_chat_messages: ({ messages }) => areMessages(messages),
  cf_agent_chat_clear: () => true,
  cf_agent_stream_resuming: ({ id }) => isString(id),
  cf_agent_stream_resume_none: () => true,
  cf_agent_message_updated: ({ message }) => isMessage(message),
  cf_agent_chat_snapshot: ({ epoch, revision, messages, removed, after, turn }) =>
    isString(epoch) &&
    isCount(revision) &&
    isAbsentOr(areMessages, messages) &&
    isAbsentOr(Array.isArray, removed) &&
    isAbsentOr(isObject, after) &&
    isAbsentOr(isLiveTurn, turn),
  cf_agent_chat_accepted: ({ id, epoch, revision }) => isString(id) && isString(epoch) && isCount(revision),
  cf_agent_chat_refused: ({ id, code, message }) => isString(id) && isString(code) && isString(message),
  cf_agent_chat_delta: ({ epoch, from, revision, upsert, removed }) =>
    isString(epoch) &&
    isCount(from) &&
    isCount(revision) &&
    Array.isArray(upsert) &&
    upsert.every((entry) => isObject(entry) && isMessage(entry.message)) &&
    Array.isArray(removed),
  cf_agent_chat_page: ({ id, messages, hasMore }) => isString(id) && areMessages(messages) && isBoolean(hasMore),
  cf_agent_chat_branches: ({ id, messages }) => isString(id) && areMessages(messages)
};

/** Reads the body of a chat request; `undefined` if it is not one. */
export function parseRequestBody(text: string): ChatRequestBody | undefined {
  const body = parse(text);
  if (!isObject(body) || !areMessages(body.messages)) return undefined;
  if (body.trigger !== undefined && body.trigger !== "submit-message" && body.trigger !== "regenerate-message")
    return undefined;
  if (body.clientTools !== undefined && !Array.isArray(body.clientTools)) return undefined;
  // The fields that have a meaning have just been checked.
  return body as ChatRequestBody;
}

/** Reads a frame from the server; `undefined` for everything that is not about the chat. */
export function parseServerFrame(data: unknown): ChatServerFrame | undefined {
  if (!isString(data) || !data.includes("cf_agent_")) return undefined;
  const frame = parse(data);
  if (!isObject(frame) || !isString(frame.type) || !Object.hasOwn(chatServerChecks, frame.type)) return undefined;
  return chatServerChecks[frame.type as ChatServerFrame["type"]](frame) ? (frame as ChatServerFrame) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
