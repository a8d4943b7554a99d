import type { UIMessage, UIMessageChunk } from "ai";
import { brokenBy } from "./broken";
import { MessageBuilder } from "./message-builder";
import { isOpenCall, isToolPart, settleCut } from "./settle";

type Part = UIMessage["parts"][number];

/** Why a call has no result whose turn was cut: it may have had its effect. */
export const unknownOutcomeText =
  "The tool was interrupted, and its outcome is unknown: it may have taken effect. It was not run again.";

/** What is left of a turn that was cut in the middle. */
export interface CutBack {
  /** What is kept; `undefined` for nothing. */
  message: UIMessage | undefined;
  /** The model had said all there is to say: nothing has to be asked again. */
  isWhole: boolean;
}

/**
 * Rebuilds the message of a turn from what its log has kept, and takes back what was not finished, so that the model can go on
 * from there: whole steps stay and, of the step that was cut, the calls that have a result. A call of the server that has none
 * becomes an error, since nobody knows whether it took effect.
 */
export function cutBack(base: UIMessage, chunks: readonly UIMessageChunk[]): CutBack {
  const builder = new MessageBuilder(base);
  let finished = base.parts.length;
  let isWhole = false;
  let isBroken = false;
  for (const chunk of chunks) {
    builder.apply(chunk);
    isBroken ||= brokenBy(chunk) !== undefined;
    // The AI SDK ends the step in which the model failed, too.
    if (isBroken) continue;
    if (chunk.type === "finish-step") finished = builder.message.parts.length;
    if (chunk.type === "finish") isWhole = true;
  }
  if (builder.isEmpty) return { message: undefined, isWhole };
  const { message } = builder;
  if (isWhole) return { message, isWhole };
  const whole = message.parts.slice(0, finished).map(withKnownOutcome);
  const calls = message.parts.slice(finished).flatMap(ofCutStep);
  const started: Part[] =
    calls.length > 0 && message.parts[finished]?.type === "step-start" ? [{ type: "step-start" }] : [];
  const kept = { ...message, parts: [...whole, ...started, ...calls] };
  const isEmpty = kept.parts.every((part) => part.type === "step-start");
  // Whoever is asked has to answer first: the model cannot go on before.
  return { message: isEmpty ? undefined : kept, isWhole: kept.parts.some(isOpenCall) };
}

/** What is kept of a turn that nobody takes up by itself: everything that was said. */
export function keepCut(base: UIMessage, chunks: readonly UIMessageChunk[], reason: string): UIMessage | undefined {
  const builder = new MessageBuilder(base);
  for (const chunk of chunks) builder.apply(chunk);
  return builder.isEmpty ? undefined : settleCut(builder.message, reason);
}

/** An approved call runs when its message goes on. It had begun to. */
const withKnownOutcome = (part: Part): Part =>
  isToolPart(part) && !part.providerExecuted && part.state === "approval-responded" ? failed(part) : part;

function ofCutStep(part: Part): Part[] {
  if (!isToolPart(part)) return [];
  switch (part.state) {
    case "output-available":
      return "preliminary" in part && part.preliminary === true ? [failed(part)] : [part];
    case "output-error":
    case "output-denied":
    case "approval-requested":
      return [part];
    case "input-available":
    case "approval-responded":
      return [failed(part)];
    default:
      // Half an input is no call.
      return [];
  }
}

function failed(part: Part): Part {
  const { output: _, preliminary: __, ...call } = part as Part & { output?: unknown; preliminary?: boolean };
  return { ...call, state: "output-error", errorText: unknownOutcomeText } as Part;
}
