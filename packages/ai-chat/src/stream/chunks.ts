import type { UIMessageChunk } from "ai";
import { withText, type ReadChunk } from "./read-response";

/** What the server decides about a chunk: the message's id, and where the finish reason is. */
export function normalize(read: ReadChunk, messageId: string): ReadChunk {
  const { chunk } = read;
  if (chunk.type === "start") return withText({ ...chunk, messageId });
  if (chunk.type === "finish" && chunk.finishReason !== undefined) {
    const { finishReason, ...rest } = chunk;
    const metadata = typeof rest.messageMetadata === "object" ? rest.messageMetadata : undefined;
    return withText({ ...rest, messageMetadata: { ...metadata, finishReason } } as UIMessageChunk);
  }
  return read;
}

/**
 * Whether a chunk has to be stored at once, because it must not be said or done twice after a crash: that a tool was called (it may
 * have taken effect), its result, and the end of a step with tools.
 */
export function isAtOnce(chunk: UIMessageChunk, turn: { hasCalled: boolean }): boolean {
  switch (chunk.type) {
    case "tool-input-available":
      return (turn.hasCalled = true);
    case "tool-output-available":
      return chunk.preliminary !== true;
    case "tool-output-error":
      return true;
    case "finish-step": {
      const { hasCalled } = turn;
      turn.hasCalled = false;
      return hasCalled;
    }
    default:
      return false;
  }
}

/** Settles with the promise, or with `undefined` as soon as the signal is aborted: the application may ignore it. */
export async function unlessAborted(
  promise: Promise<Response | undefined>,
  signal: AbortSignal
): Promise<Response | undefined> {
  // An answer that comes after nobody waits for it any more is not read, and one that fails is no news.
  promise.then((late) => (signal.aborted ? late?.body?.cancel() : undefined)).catch(() => undefined);
  const aborted = new Promise<undefined>((resolve) =>
    signal.addEventListener("abort", () => resolve(undefined), { once: true })
  );
  return Promise.race([promise, aborted]);
}
