import type { DecidedApproval } from "agents/approvals";
import type { UIMessage } from "ai";
import { isOpenCall, isToolPart, type ToolPart } from "../messages/settle";
import type { ToolResultFrame } from "../protocol/frames";
import type { EditedInput } from "./approval-options";

/** What became of a call that waited for approval. */
export type Decision = DecidedApproval | { status: "rejected"; comment: string };

/** What the model is told where nobody has said why. */
const reasons: Record<"rejected" | "expired" | "cancelled", string | undefined> = {
  rejected: undefined,
  expired: "Nobody approved the call in time.",
  cancelled: "The request for approval was taken back."
};

/** Finds the message that has a call. */
export const messageWithCall = (messages: readonly UIMessage[], toolCallId: string): UIMessage | undefined =>
  messages.findLast((message) => message.parts.some((part) => isToolPart(part) && part.toolCallId === toolCallId));

/** The tool that a call is of, as the conversation has it; empty if it has no such call. */
export function toolOfCall(messages: readonly UIMessage[], toolCallId: string): string {
  const message = messageWithCall(messages, toolCallId);
  const part = message && callIn(message, toolCallId);
  return part ? toolNameOf(part) : "";
}

/** A call of a message: of two with one id, the one that waits. */
export function callIn({ parts }: UIMessage, toolCallId: string): ToolPart | undefined {
  const calls = parts.filter((part): part is ToolPart => isToolPart(part) && part.toolCallId === toolCallId);
  return calls.findLast(isOpenCall) ?? calls.at(-1);
}

export const toolNameOf = (part: ToolPart): string =>
  part.type === "dynamic-tool" ? part.toolName : part.type.slice("tool-".length);

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
 * What a decision makes of a call. Approved, it runs with what was approved; what the model wanted stays beside it.
 *
 * @param edited the input to run, where a schema has made something of what the decider sent
 */
export function withDecision(part: ToolPart, decision: Decision, edited?: EditedInput): ToolPart {
  const { comment } = decision;
  if (decision.status !== "approved") {
    const reason = comment ?? reasons[decision.status];
    // The fields are those that the AI SDK gives a call in its new state, here and below.
    return {
      ...part,
      state: "output-denied",
      approval: { ...part.approval, approved: false, ...why(reason) }
    } as ToolPart;
  }
  const { approvedArgs, grantId } = decision;
  const approval = { ...part.approval, approved: true, ...why(comment), ...(grantId !== undefined && { grantId }) };
  const approved = { ...part, state: "approval-responded", approval } as ToolPart;
  if (JSON.stringify(approvedArgs) === JSON.stringify(part.input ?? null)) return approved;
  return withInput(approved, edited ?? { sent: approvedArgs, input: approvedArgs });
}

const why = (reason: string | undefined) => (reason === undefined ? {} : { reason });

function withInput(part: ToolPart, { sent, input }: EditedInput): ToolPart {
  // Where it is not the input itself, this is what the AI SDK reads with the schema before it runs the call.
  const { inputSchemaInput: _, ...approval } = part.approval as { id: string; inputSchemaInput?: unknown };
  const isRead = JSON.stringify(sent) !== JSON.stringify(input);
  const edited = { ...approval, requestedInput: part.input ?? null, ...(isRead && { inputSchemaInput: sent }) };
  return { ...part, input, approval: edited } as ToolPart;
}

/** What becomes of a call that was approved with something that it does not take. */
export const withInvalidInput = ({ approval: _, ...part }: ToolPart, issues: string): object => ({
  ...part,
  state: "output-error",
  errorText: `The call was approved with other input, which the tool does not take: ${issues}`
});

/** Whether a call was given just this result before. */
export function isSameResult(part: ToolPart, frame: ToolResultFrame): boolean {
  if (frame.state === "output-error") return part.state === "output-error" && part.errorText === frame.errorText;
  return part.state === "output-available" && JSON.stringify(part.output) === JSON.stringify(frame.output ?? null);
}

/** Whether all calls of a message have what they waited for, so that the model can go on. */
export const isAnswered = (message: UIMessage): boolean => !message.parts.some(isOpenCall);

/** Puts an answer into a message; `undefined` if the call does not wait for it. */
export function withAnswer(
  message: UIMessage,
  toolCallId: string,
  answer: (part: ToolPart) => object | undefined
): UIMessage | undefined {
  const index = message.parts.findLastIndex((part) => isOpenCall(part) && part.toolCallId === toolCallId);
  const answered = index < 0 ? undefined : answer(message.parts[index] as ToolPart);
  // The fields are those that the AI SDK gives a call in its new state.
  return answered && { ...message, parts: message.parts.with(index, answered as UIMessage["parts"][number]) };
}
