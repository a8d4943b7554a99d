import type { UIMessage } from "ai";
import { isOpenCall, type ToolPart } from "../messages/settle";
import type { ClientToolSchema } from "../protocol/frames";
import { isEqual } from "./equal";
import type { CallAnswer } from "./events";
import type { OnToolCallCallback, ToolApprovalResponse, ToolOutput } from "./options";

/** Gives the calls that wait for this client to the application, once each. */
export class ClientCalls {
  readonly #handled = new Set<string>();

  /** A call needs nobody any more. */
  handled(toolCallId: string): void {
    this.#handled.add(toolCallId);
  }

  offer(
    message: UIMessage | undefined,
    onToolCall: OnToolCallCallback,
    then: { answer(output: ToolOutput): void; failed(error: Error): void }
  ): void {
    if (message?.role !== "assistant") return;
    for (const call of message.parts.filter(isOpenCall)) {
      const { toolCallId, state, input } = call;
      if (state !== "input-available" || this.#handled.has(toolCallId)) continue;
      this.#handled.add(toolCallId);
      const toolCall = { toolCallId, toolName: toolNameOf(call), input };
      // A tool that throws has failed; the model is told why, and the conversation can go on.
      Promise.resolve()
        .then(() => onToolCall({ toolCall, addToolOutput: then.answer }))
        .catch((thrown: unknown) => {
          const error = toError(thrown);
          then.answer({ toolCallId, state: "output-error", errorText: error.message });
          then.failed(error);
        });
    }
  }
}

export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

const toolNameOf = (call: ToolPart): string =>
  call.type === "dynamic-tool" ? String((call as { toolName?: unknown }).toolName) : call.type.slice("tool-".length);

/** What the result of a call changes, and how it is told. */
export function resultOf(
  call: ToolPart,
  output: ToolOutput,
  autoContinue: boolean,
  clientTools: ClientToolSchema[] | undefined
): CallAnswer {
  const { toolCallId, state = "output-available" } = output;
  const result = "errorText" in output ? { errorText: output.errorText } : { output: output.output };
  const frame = {
    type: "cf_agent_tool_result",
    toolCallId,
    toolName: toolNameOf(call),
    output: undefined,
    ...result,
    state,
    autoContinue,
    ...(clientTools && { clientTools })
  } as const;
  return { toolCallId, fields: { ...result, state, approval: undefined }, frame };
}

/** What a person's decision changes, and how it is told. */
export function decisionOf(
  { toolCallId, approval, input: wanted }: ToolPart,
  { approved, reason, comment = reason, input }: ToolApprovalResponse,
  autoContinue: boolean
): CallAnswer {
  const why = comment === undefined ? {} : { comment };
  const edited = !approved || input === undefined || isEqual(input, wanted) ? {} : { input };
  const decided = { ...approval, approved, ...(comment !== undefined && { reason: comment }) };
  return {
    toolCallId,
    fields: { state: approved ? "approval-responded" : "output-denied", approval: decided, ...edited },
    frame: { type: "cf_agent_tool_approval", toolCallId, approved, autoContinue, ...why, ...edited }
  };
}
