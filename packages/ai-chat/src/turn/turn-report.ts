import type { UIMessage, UIMessageChunk } from "ai";
import { toolNameOf } from "../tools/answer-call";
import type { TurnOutcome } from "../protocol/frames";
import type { Usage } from "./usage";

/** A call of a tool that has ended in a turn. Times in ms since the epoch. */
export interface EndedCall {
  toolCallId: string;
  toolName: string;
  startedMs: number;
  endedMs: number;
  error?: string;
}

/** When the tools of a turn were called, and when they had their results, as its chunks tell it. */
export class CallTimes {
  readonly ended: EndedCall[] = [];
  readonly #open = new Map<string, number>();

  /** @param startedMs when the turn began; a call that was approved before it has no beginning of its own */
  see(chunk: UIMessageChunk, now: () => number, said: { readonly message: UIMessage }, startedMs: number): void {
    if (chunk.type === "tool-input-available") this.#open.set(chunk.toolCallId, now());
    const isOutput = chunk.type === "tool-output-available" && chunk.preliminary !== true;
    if (!isOutput && chunk.type !== "tool-output-error") return;
    const { toolCallId } = chunk;
    const part = said.message.parts.find((known) => "toolCallId" in known && known.toolCallId === toolCallId);
    this.ended.push({
      toolCallId,
      toolName: part && "toolCallId" in part ? toolNameOf(part) : "",
      startedMs: this.#open.get(toolCallId) ?? startedMs,
      endedMs: now(),
      ...(chunk.type === "tool-output-error" && { error: chunk.errorText })
    });
    this.#open.delete(toolCallId);
  }
}

interface Reported {
  readonly id: string;
  readonly requestId: string;
  readonly messageId: string;
  readonly request: { operation: string };
  readonly attempts: number;
  readonly startedMs: number;
  readonly firstChunkMs: number | undefined;
  readonly usage: Usage;
  readonly calls: CallTimes;
}

/** The payload of `turn:end`: what was asked of the model, as operators see it. Nothing that was said is in it. */
export function turnEnd(turn: Reported, outcome: TurnOutcome, error: string | undefined): Record<string, unknown> {
  const { id, requestId, messageId, request, attempts, startedMs, firstChunkMs, usage, calls } = turn;
  return {
    turnId: id,
    requestId,
    messageId,
    operation: request.operation,
    outcome,
    attempts,
    startedMs,
    ...(firstChunkMs !== undefined && { firstChunkMs }),
    ...(error !== undefined && { error }),
    ...usage,
    toolCalls: calls.ended
  };
}
