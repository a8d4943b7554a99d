import type { UIMessage } from "ai";

type Part = UIMessage["parts"][number];

/** A tool call of a message, with the fields that all its states share. */
export type ToolPart = Part & {
  toolCallId: string;
  state: string;
  input?: unknown;
  output?: unknown;
  errorText?: string;
  providerExecuted?: boolean;
  approval?: { id: string; approved?: boolean; reason?: string };
};

export const isToolPart = (part: Part): part is ToolPart => "toolCallId" in part && typeof part.toolCallId === "string";

/** A call that waits for someone: a client's result, or a person's decision. */
export const isOpenCall = (part: Part): part is ToolPart =>
  isToolPart(part) &&
  !part.providerExecuted &&
  (part.state === "input-available" || part.state === "approval-requested");

/**
 * What is kept of a message whose stream was cut. Nothing in it waits any more: text is done, calls that ran have failed, and
 * calls whose input is incomplete are gone, since no model accepts them.
 */
export function settleCut(message: UIMessage, reason: string): UIMessage {
  const parts = message.parts.flatMap((part): Part[] => {
    if (isToolPart(part)) return part.state === "input-streaming" ? [] : [closeCall(part, reason)];
    if ("state" in part && part.state === "streaming") return [{ ...part, state: "done" } as Part];
    return [part];
  });
  return { ...message, parts };
}

/** Ends the calls that still wait in a message, because the conversation went on without them. */
export function closeOpenCalls(
  message: UIMessage,
  isOpen: (part: Part) => part is ToolPart = isUnfinishedCall
): UIMessage {
  if (!message.parts.some(isOpen)) return message;
  return { ...message, parts: message.parts.map((part) => (isOpen(part) ? closeCall(part, skippedText) : part)) };
}

const skippedText = "The conversation went on without an answer to this call.";

/** A call that waits, or that was approved and has not run: no model accepts it before another question. */
const isUnfinishedCall = (part: Part): part is ToolPart =>
  isOpenCall(part) || (isToolPart(part) && !part.providerExecuted && part.state === "approval-responded");

function closeCall(part: ToolPart, reason: string): Part {
  switch (part.state) {
    case "approval-requested":
      return { ...part, state: "output-denied", approval: { ...part.approval, approved: false, reason } } as Part;
    case "input-available":
    case "approval-responded":
      return { ...part, state: "output-error", errorText: reason } as Part;
    default:
      return part;
  }
}
