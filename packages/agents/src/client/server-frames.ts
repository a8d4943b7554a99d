import { decodeFrame, serverChecks } from "../protocol/decode";
import type { ServerFrame } from "../protocol/frames";

const checkFor = (type: string) =>
  Object.hasOwn(serverChecks, type) ? serverChecks[type as ServerFrame["type"]] : undefined;

/** Decodes what a socket received. `undefined` for what is not a frame of ours: bytes, other JSON, other text, malformed frames. */
export function decodeServerFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  const decoded = decodeFrame(data, checkFor);
  // Its check has just said so.
  return decoded.kind === "frame" ? (decoded.frame as ServerFrame) : undefined;
}
