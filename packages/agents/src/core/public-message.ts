import { AgentError, messageOf } from "../protocol/errors";

/**
 * What a client may read of an error. A message that was written for a caller stays as it is; the text of a failed query does
 * not leave the server: the client gets a reference, and the log has the error under it.
 */
export function publicMessage(error: unknown): string {
  const message = messageOf(error);
  if (!AgentError.isInstance(error, "SQL_FAILED") && !quotesDatabase.test(message)) return message;
  const reference = crypto.randomUUID();
  console.error(`Error ${reference}:`, error);
  return `Internal error (reference ${reference})`;
}

// What SQLite says of a query ends with its code. On older compatibility dates, an error of another agent is only a text that
// begins with the name of its class.
const quotesDatabase = /^SqlError: |: SQLITE_[A-Z]/;
