import { AgentError } from "../protocol/errors";

/** A row of SQLite holds 2 MB; the rest is for its id and header. */
const maxStateBytes = 2_000_000;

/**
 * Writes a state as JSON, once for the row and all frames.
 *
 * @throws STATE_NOT_SERIALIZABLE, STATE_TOO_LARGE
 */
export function serialize(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new AgentError(
      "STATE_NOT_SERIALIZABLE",
      "The state cannot be written as JSON: it has a circular reference or a bigint",
      { cause }
    );
  }
  if (text === undefined) {
    throw new AgentError(
      "STATE_NOT_SERIALIZABLE",
      `The state must be a JSON value; got ${value === undefined ? "undefined" : `a ${typeof value}`}`
    );
  }
  const bytes = byteLength(text);
  if (bytes > maxStateBytes) {
    throw new AgentError(
      "STATE_TOO_LARGE",
      `The state is ${bytes} bytes of JSON; the limit is ${maxStateBytes}. Keep collections in this.sql, and in the state what clients need at once.`
    );
  }
  return text;
}

/** The length in UTF-8, counted only where a text could be too long. */
function byteLength(text: string): number {
  return text.length * 3 <= maxStateBytes ? text.length : new TextEncoder().encode(text).byteLength;
}
