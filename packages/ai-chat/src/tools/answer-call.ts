import type { UIMessage } from "ai";
import { isOpenCall, isToolPart, type ToolPart } from "../messages/settle";
import type { ToolApprovalFrame, ToolResultFrame } from "../protocol/frames";

/** Finds the message that has a call. */
export const messageWithCall = (messages: readonly UIMessage[], toolCallId: string): UIMessage | undefined =>
  messages.findLast((message) => message.parts.some((part) => isToolPart(part) && part.toolCallId === toolCallId));

/** The tool that a call is of, as the conversation has it; empty if it has no such call. */
export function toolOfCall(messages: readonly UIMessage[], toolCallId: string): string {
  const part = messageWithCall(messages, toolCallId)?.parts.findLast(
    (each) => isToolPart(each) && each.toolCallId === toolCallId
  );
  if (!part) return "";
  return part.type === "dynamic-tool" ? part.toolName : part.type.slice("tool-".length);
}

/**
 * Puts a client's result into a message. Only a call that waits takes one: what the server ran has its result already, and what
 * the server will run once it is approved can only be declined.
 *
 * @returns the changed message, or `undefined` if the call does not wait
 */
export function withToolResult(message: UIMessage, frame: ToolResultFrame): UIMessage | undefined {
  return withAnswer(message, frame.toolCallId, (part) => {
    if (part.state === "approval-requested" && frame.state !== "output-error") return undefined;
    const { approval: _, ...call } = part;
    return frame.state === "output-error"
      ? { ...call, state: "output-error", errorText: frame.errorText ?? "The tool failed." }
      : { ...call, state: "output-available", output: frame.output ?? null };
  });
}

/**
 * Puts a person's decision into a message.
 *
 * @returns the changed message, or `undefined` if the call does not wait for one
 */
export function withApproval(message: UIMessage, frame: ToolApprovalFrame): UIMessage | undefined {
  const { toolCallId, approved, comment, input } = frame;
  return withAnswer(message, toolCallId, (part) => {
    if (part.state !== "approval-requested") return undefined;
    return {
      ...part,
      // The call runs with what was approved.
      ...(approved && input !== undefined && { input }),
      state: approved ? "approval-responded" : "output-denied",
      approval: { ...part.approval, approved, ...(comment !== undefined && { reason: comment }) }
    };
  });
}

/** Whether a call was answered just so before. */
export function isSameAnswer(message: UIMessage, frame: ToolResultFrame | ToolApprovalFrame): boolean {
  const part = message.parts.findLast((each) => isToolPart(each) && each.toolCallId === frame.toolCallId);
  if (!part || !isToolPart(part)) return false;
  if (frame.type === "cf_agent_tool_approval") return part.approval?.approved === frame.approved;
  if (frame.state === "output-error") return part.state === "output-error" && part.errorText === frame.errorText;
  return part.state === "output-available" && JSON.stringify(part.output) === JSON.stringify(frame.output ?? null);
}

/** Whether all calls of a message have what they waited for, so that the model can go on. */
export const isAnswered = (message: UIMessage): boolean => !message.parts.some(isOpenCall);

function withAnswer(
  message: UIMessage,
  toolCallId: string,
  answer: (part: ToolPart) => object | undefined
): UIMessage | undefined {
  const index = message.parts.findLastIndex((part) => isOpenCall(part) && part.toolCallId === toolCallId);
  const answered = index < 0 ? undefined : answer(message.parts[index] as ToolPart);
  // The fields are those that the AI SDK gives a call in its new state.
  return answered && { ...message, parts: message.parts.with(index, answered as UIMessage["parts"][number]) };
}
