import { AgentError, messageOf } from "../protocol/errors";
import type { RpcRequestFrame, StateFrame } from "../protocol/frames";

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
    // `undefined` for a function and for `undefined` itself, which would leave the frame without a state.
    if (JSON.stringify(state) === undefined) throw new TypeError(`${typeof state} is not a JSON value`);
    const frame: StateFrame = { type: "cf_agent_state", state };
    return JSON.stringify(frame);
  } catch (cause) {
    throw new AgentError("STATE_NOT_SERIALIZABLE", `This state cannot be sent as JSON: ${messageOf(cause)}`, { cause });
  }
}

/** Without what is not given at the end: JSON would turn it into `null`, which is not what a default parameter waits for. */
function given(args: readonly unknown[]): unknown[] {
  return args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1);
}
