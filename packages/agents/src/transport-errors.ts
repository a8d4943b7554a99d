/** Whether a server refused a connection because somebody has to sign in, or sign in again. */
export const isUnauthorized = (error: unknown): boolean =>
  someCause(error, ({ code, status, message }) => {
    return code === "MCP_UNAUTHORIZED" || code === 401 || status === 401 || /\bunauthorized\b/i.test(String(message));
  });

/** Whether a server does not know the transport by which it was asked: try another `transport.type`. */
export const isTransportNotImplemented = (error: unknown): boolean =>
  someCause(error, ({ code, status, message }) => {
    if (code === 404 || code === 405 || code === 501 || status === 404 || status === 405 || status === 501) return true;
    return /\bnot implemented\b|\((404|405|501)\)|HTTP (404|405|501)/i.test(String(message));
  });

type Details = { code?: unknown; status?: unknown; message?: unknown; cause?: unknown };

// An error says why it is there by its cause, which has another one, and so on.
const longestChain = 8;

function someCause(error: unknown, matches: (details: Details) => boolean): boolean {
  let current = error as Details | null | undefined;
  for (let depth = 0; depth < longestChain && typeof current === "object" && current !== null; depth++) {
    if (matches(current)) return true;
    current = current.cause as Details | null | undefined;
  }
  return false;
}
