/** A header as `postal-mime` has it. */
export interface EmailHeader {
  key: string;
  value: string;
}

/**
 * Whether a mail was written by a program, or asks for no automatic answer: by `Auto-Submitted` (RFC 3834), `X-Auto-Response-Suppress`
 * or `Precedence`. Answering those may never end.
 *
 * @param headers those of `postal-mime`, or of an `AgentEmail`
 * @example if (isAutoReplyEmail(email.headers)) return;
 */
export function isAutoReplyEmail(headers: Headers | readonly EmailHeader[]): boolean {
  const pairs = headers instanceof Headers ? [...headers] : headers.map(({ key, value }) => [key, value] as const);
  return pairs.some(([name, value]) => automatic[name.toLowerCase()]?.(value) ?? false);
}

const automatic: Record<string, ((value: string) => boolean) | undefined> = {
  __proto__: null as never,
  // `no (comment); parameter` is no. A header that is there twice is joined by a comma.
  "auto-submitted": (value) => words(value).some((word) => word !== "no"),
  "x-auto-response-suppress": (value) => words(value).some((word) => word !== "none"),
  precedence: (value) => words(value).some((word) => /^(bulk|junk|list|auto[-_]reply)$/.test(word))
};

const words = (value: string): string[] =>
  value
    .toLowerCase()
    .replace(/\([^()]*\)/g, "")
    .split(",")
    .map((part) => part.split(";")[0]!.trim())
    .filter((word) => word !== "");

/** Whether nobody would read an automatic answer, or it would be answered automatically: also lists, and mail servers themselves. */
export function isFromProgram({ from, headers }: { from: string; headers: Headers }): boolean {
  return /^(<>)?$|^mailer-daemon@/i.test(from.trim()) || headers.has("list-id") || isAutoReplyEmail(headers);
}
