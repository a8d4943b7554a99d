// What the runtime says when it ends an instance, or loses its database. It gives no codes.
const messages: readonly RegExp[] = [
  /durable object.* reset/i,
  /code (was|has been) updated/i,
  /caused object to be reset/i,
  /storage.*(connection|network).*(lost|broken)/i,
  /network connection lost/i,
  /cannot access storage because object has moved/i,
  /internal error in durable object storage/i
];

const maxDepth = 8;

/**
 * Whether the platform is to blame for an error, and not the code that met it: a new version was deployed, the instance was
 * reset, or the connection to its database was lost. Causes are looked at too.
 *
 * @example if (isPlatformError(error)) tryAgainLater();
 */
export function isPlatformError(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < maxDepth && typeof current === "object" && current !== null; depth++) {
    const { message, durableObjectReset, cause } = current as {
      message?: unknown;
      durableObjectReset?: unknown;
      cause?: unknown;
    };
    if (durableObjectReset === true) return true;
    if (typeof message === "string" && messages.some((pattern) => pattern.test(message))) return true;
    current = cause;
  }
  return false;
}
