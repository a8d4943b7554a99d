import { AgentError } from "../../protocol/errors";
import { resolveRetry } from "../../retry/retry";
import type { RetryOptions } from "../../retry/retry-options";

/** One attempt at a task, as it was claimed. */
export interface Task {
  readonly id: string;
  /** The name of a method. */
  readonly callback: string;
  /** JSON; null for `undefined`. */
  readonly payload: string | null;
  /** The number of this attempt; the first is 1. Those that a crash ended count. */
  readonly attempt: number;
  /** Who may settle it: another claim has another one. */
  readonly lease: string;
  readonly retry: Required<RetryOptions>;
  /** When it is to run again, for one that repeats. */
  readonly nextMs?: number;
}

/** The longest delay that makes sense: beyond it, a time stamp was meant. */
export const maxDelaySeconds = 10 * 365.25 * 24 * 3_600;

// A row of SQLite holds 2 MB; the rest is for the other columns.
const maxPayloadBytes = 2_000_000;

/**
 * Writes a payload as JSON.
 *
 * @throws PAYLOAD_NOT_SERIALIZABLE, PAYLOAD_TOO_LARGE
 */
export function writePayload(payload: unknown): string | null {
  if (payload === undefined) return null;
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (cause) {
    throw notSerializable("it has a circular reference or a bigint", cause);
  }
  if (text === undefined) throw notSerializable(`it is a ${typeof payload}`);
  const bytes = text.length * 3 <= maxPayloadBytes ? text.length : new TextEncoder().encode(text).byteLength;
  if (bytes > maxPayloadBytes) {
    const message = `The payload is ${bytes} bytes of JSON; the limit is ${maxPayloadBytes}. Store it with this.sql and pass its id.`;
    throw new AgentError("PAYLOAD_TOO_LARGE", message);
  }
  return text;
}

const notSerializable = (reason: string, cause?: unknown): AgentError =>
  new AgentError("PAYLOAD_NOT_SERIALIZABLE", `The payload cannot be written as JSON: ${reason}. Pass plain data.`, {
    cause
  });

export const readPayload = (text: string | null): unknown =>
  text === null || text === "" ? undefined : (JSON.parse(text) as unknown);

/** A payload for whoever lists tasks: one that cannot be read does not hide the others. */
export function showPayload(text: string | null): unknown {
  try {
    return readPayload(text);
  } catch {
    return text;
  }
}

export function showRetry(text: string | null): RetryOptions | undefined {
  // What was written was checked; what an older release wrote, perhaps not.
  return text === null ? undefined : ((showPayload(text) as RetryOptions | undefined) ?? undefined);
}

/** What was asked for, as it goes into a row; checked against what will hold for the rest. */
export function writeRetry(options: RetryOptions | undefined, defaults: Required<RetryOptions>): string | null {
  resolveRetry(options, defaults);
  return options === undefined ? null : JSON.stringify(options);
}

/** What a row says, with the defaults of today's class. */
export function readRetry(text: string | null, defaults: Required<RetryOptions>): Required<RetryOptions> {
  if (text === null) return defaults;
  try {
    return resolveRetry(JSON.parse(text) as RetryOptions, defaults);
  } catch {
    // They were valid with the defaults of another release.
    return defaults;
  }
}

/** @throws CALLBACK_UNKNOWN */
export function checkCallback(callback: unknown, has: (callback: string) => boolean): asserts callback is string {
  if (typeof callback === "string" && has(callback)) return;
  const found = typeof callback === "string" ? `this.${callback} is not a function` : `got ${describe(callback)}`;
  throw new AgentError(
    "CALLBACK_UNKNOWN",
    `${found}. Pass the name of a method of this agent as text, and define that method in its class.`
  );
}

const describe = (value: unknown): string => {
  if (typeof value === "function") return `the function ${value.name || "without a name"}`;
  return value === null || value === undefined ? String(value) : `a ${typeof value}`;
};
