import type { ClientFrame, Fields } from "./frames";

/** Whether the fields are those of a frame type. The type string itself is known to match. */
export type Check = (fields: Fields) => boolean;

/** One check for each frame of a union: a missing type does not compile. */
export type Checks<Frame extends { type: string }> = { readonly [Type in Frame["type"]]: Check };

export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isString = (value: unknown): value is string => typeof value === "string";

export const clientChecks: Checks<ClientFrame> = {
  cf_agent_state: (fields) => Object.hasOwn(fields, "state"),
  rpc: (fields) => isString(fields.id) && isString(fields.method) && Array.isArray(fields.args)
};

export type Decoded =
  /** A frame whose type is known and whose fields are right. */
  | { kind: "frame"; type: string; frame: Fields }
  /** The type is known, the fields are not what it says. */
  | { kind: "malformed"; type: string }
  /** Not a frame of ours: the application's own message. */
  | { kind: "message" };

const message: Decoded = { kind: "message" };

/** Decodes one text from a socket, once, at the edge. Never throws. `checkFor` gives the check of a type, if it is known. */
export function decodeClientFrame(text: string, checkFor: (type: string) => Check | undefined): Decoded {
  if (text.charCodeAt(0) !== 0x7b /* { */) return message;
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return message;
  }
  if (!isObject(fields) || !isString(fields.type)) return message;
  const check = checkFor(fields.type);
  if (check === undefined) return message;
  return check(fields) ? { kind: "frame", type: fields.type, frame: fields } : { kind: "malformed", type: fields.type };
}
