import type { ClientFrame, Fields, ServerFrame } from "./frames";

/** Whether the fields, which were read from `text`, are those of a frame type. The type string itself is known to match. */
export type Check = (fields: Fields, text: string) => boolean;

/** One check for each frame of a union: a missing type does not compile. */
export type Checks<Frame extends { type: string }> = { readonly [Type in Frame["type"]]: Check };

export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isString = (value: unknown): value is string => typeof value === "string";

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isOptional = (value: unknown, check: (value: unknown) => boolean): boolean => value === undefined || check(value);

export const clientChecks: Checks<ClientFrame> = {
  cf_agent_state: (fields) =>
    Object.hasOwn(fields, "state") &&
    isOptional(fields.writeId, isString) &&
    isOptional(fields.ifRevision, isCount) &&
    isOptional(fields.ifEpoch, isString),
  cf_agent_state_pull: () => true,
  cf_agent_ping: () => true,
  rpc: (fields) =>
    isString(fields.id) && isString(fields.method) && Array.isArray(fields.args) && isOptional(fields.credit, isCount),
  cf_agent_rpc_cancel: (fields) => isString(fields.id),
  cf_agent_rpc_credit: (fields) => isString(fields.id) && isCount(fields.credit)
};

export const serverChecks: Checks<ServerFrame> = {
  cf_agent_identity: (fields) => isString(fields.name) && isString(fields.agent),
  cf_agent_state: (fields) =>
    Object.hasOwn(fields, "state") && isOptional(fields.epoch, isString) && isOptional(fields.revision, isCount),
  cf_agent_state_error: (fields) => isString(fields.error),
  cf_agent_mcp_servers: (fields) => isObject(fields.mcp),
  rpc: (fields) =>
    isString(fields.id) && (fields.success === true || (fields.success === false && isString(fields.error))),
  cf_agent_hello: (fields) =>
    isCount(fields.version) && isCount(fields.heartbeatMs) && isOptional(fields.maxFrameBytes, isCount),
  cf_agent_pong: () => true,
  cf_agent_state_patch: (fields) =>
    isString(fields.epoch) && isCount(fields.from) && isCount(fields.to) && Array.isArray(fields.patch),
  cf_agent_state_ack: (fields) => isString(fields.writeId) && isString(fields.epoch) && isCount(fields.revision),
  cf_agent_state_reject: (fields) =>
    isString(fields.writeId) && isString(fields.code) && isString(fields.epoch) && isCount(fields.revision)
};

export type Decoded =
  /** A frame whose type is known and whose fields are right. */
  | { kind: "frame"; type: string; frame: Fields }
  /** The type is known, the fields are not what it says. */
  | { kind: "malformed"; type: string }
  /** Not a frame of ours: the application's own message. */
  | { kind: "message" };

const message: Decoded = { kind: "message" };

/**
 * Decodes one text from a socket, once, at the edge. Never throws.
 *
 * @param checkFor gives the check of a type, if it is known
 * @param read reads what it knows faster than the parser, and as that does
 */
export function decodeFrame(
  text: string,
  checkFor: (type: string) => Check | undefined,
  read?: (text: string) => Fields | undefined
): Decoded {
  if (text.charCodeAt(0) !== 0x7b /* { */) return message;
  let fields: unknown;
  try {
    fields = read?.(text) ?? JSON.parse(text);
  } catch {
    return message;
  }
  if (!isObject(fields) || !isString(fields.type)) return message;
  const check = checkFor(fields.type);
  if (check === undefined) return message;
  return check(fields, text)
    ? { kind: "frame", type: fields.type, frame: fields }
    : { kind: "malformed", type: fields.type };
}
