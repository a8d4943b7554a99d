import { AgentError, messageOf } from "../protocol/errors";
import type { RpcRequestFrame } from "../protocol/frames";

/** The text that asks for a call. */
export function callText(id: string, method: string, args: readonly unknown[]): string {
  const frame: RpcRequestFrame = { type: "rpc", id, method, args: given(args) };
  return JSON.stringify(frame);
}

/**
 * The text that writes a state.
 *
 * @throws STATE_NOT_SERIALIZABLE
 */
export function stateText(state: unknown): string {
  try {
    const text = JSON.stringify(state);
    // For a function and for `undefined` itself, which would leave the frame without a state.
    if (text === undefined) throw new TypeError(`${typeof state} is not a JSON value`);
    return `{"type":"cf_agent_state","state":${text}}`;
  } catch (cause) {
    throw new AgentError("STATE_NOT_SERIALIZABLE", `This state cannot be sent as JSON: ${messageOf(cause)}`, { cause });
  }
}

/** Adds fields to the text of a frame, at least one of them defined. */
export function extended(text: string, fields: object): string {
  return `${text.slice(0, -1)},${JSON.stringify(fields).slice(1)}`;
}

/** Without what is not given at the end: JSON would turn it into `null`, which is not what a default parameter waits for. */
function given(args: readonly unknown[]): unknown[] {
  return args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1);
}
