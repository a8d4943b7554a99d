import type { UIMessage } from "ai";
import { isOpenCall, type ToolPart } from "../messages/settle";
import type { OnToolCallCallback, ToolOutput } from "./options";

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

export const toolNameOf = (call: ToolPart): string =>
  call.type === "dynamic-tool" ? String((call as { toolName?: unknown }).toolName) : call.type.slice("tool-".length);
