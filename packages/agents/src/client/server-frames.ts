import { decodeClientFrame, isObject, isString, type Checks } from "../protocol/decode";
import type { ServerFrame } from "../protocol/frames";

const serverChecks: Checks<ServerFrame> = {
  cf_agent_identity: (fields) => isString(fields.name) && isString(fields.agent),
  cf_agent_state: (fields) => Object.hasOwn(fields, "state"),
  cf_agent_state_error: (fields) => isString(fields.error),
  cf_agent_mcp_servers: (fields) => isObject(fields.mcp),
  rpc: (fields) =>
    isString(fields.id) && (fields.success === true || (fields.success === false && isString(fields.error)))
};

const checkFor = (type: string) =>
  Object.hasOwn(serverChecks, type) ? serverChecks[type as ServerFrame["type"]] : undefined;

/** Decodes what a socket received. `undefined` for what is not a frame of ours: bytes, other JSON, other text, malformed frames. */
export function decodeServerFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  const decoded = decodeClientFrame(data, checkFor);
  // Its check has just said so.
  return decoded.kind === "frame" ? (decoded.frame as ServerFrame) : undefined;
}
