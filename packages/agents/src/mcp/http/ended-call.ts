/** A request of MCP that has ended, as events tell it. */
export interface EndedCall extends Record<string, unknown> {
  method: string;
  /** Of a tool or prompt, or the URI of a resource. */
  name?: string;
  startedMs: number;
  error?: string;
}

interface Asked {
  method: string;
  params?: Record<string, unknown> | undefined;
}

/** Nothing of what was asked and answered is told, but what it was about and why it failed. */
export function endedCall({ method, params }: Asked, startedMs: number, error: string | undefined): EndedCall {
  const name = params?.name ?? params?.uri;
  return { method, ...(typeof name === "string" && { name }), startedMs, ...(error !== undefined && { error }) };
}

/** What a tool says of its failure, where a result is one. */
export function failureOf(result: unknown): string | undefined {
  const { isError, content } = (result ?? {}) as { isError?: unknown; content?: { text?: unknown }[] };
  if (isError !== true) return undefined;
  const text = Array.isArray(content) ? content[0]?.text : undefined;
  return typeof text === "string" ? text : "The tool failed";
}
