import type { UIMessageChunk } from "ai";

export const cancelledText = "The call was cancelled.";
const silentText = "The answer ended before it was complete.";

/** What keeps an answer from being complete. */
export interface Broken {
  error: string;
  /** The clients have it as a chunk. */
  isTold: boolean;
}

/** Whether a chunk says that the answer is not complete. A model whose stream just ends is noticed by the AI SDK alone. */
export function brokenBy(chunk: UIMessageChunk): Broken | undefined {
  switch (chunk.type) {
    case "error":
      return { error: chunk.errorText, isTold: true };
    case "abort":
      return { error: cancelledText, isTold: true };
    case "finish":
      return finishReasonOf(chunk) === "interrupted" ? { error: silentText, isTold: false } : undefined;
    default:
      return undefined;
  }
}

/** The log has it among the metadata. */
function finishReasonOf({ finishReason, messageMetadata }: UIMessageChunk & { type: "finish" }): unknown {
  if (finishReason !== undefined || typeof messageMetadata !== "object" || messageMetadata === null)
    return finishReason;
  return (messageMetadata as { finishReason?: unknown }).finishReason;
}
