import { AgentError, messageOf } from "../protocol/errors";

/**
 * What a client may read of an error. A message that was written for a caller stays as it is; the text of a failed query does
 * not leave the server: the client gets a reference, and the log has the error under it.
 */
export function publicMessage(error: unknown): string {
  if (!AgentError.isInstance(error, "SQL_FAILED")) return messageOf(error);
  const reference = crypto.randomUUID();
  console.error(`Error ${reference}:`, error);
  return `Internal error (reference ${reference})`;
}
