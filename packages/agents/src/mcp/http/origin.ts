import { Refusal } from "./refusal";

/**
 * Refuses what a foreign page sent through somebody's browser: directly to a server on his machine, or by DNS rebinding, where the
 * name of the page's own host leads to that machine. Who is no browser sends no `Origin`, and passes.
 *
 * Without a list, a page on this machine may talk to a server on this machine. A server behind TLS may be asked by any page: no
 * foreign name can lead there, since it has no certificate for it, and `corsOptions` say who may read the answer. On other plain
 * HTTP, only pages of the same numeric address may.
 *
 * @param allowed origins as browsers send them (`https://app.example.com`), and no others; `"*"` stands for all
 * @param readable the origin whose pages may read answers (`corsOptions.origin`): without a list, they may ask, too
 * @throws Refusal 403
 */
export function checkOrigin(request: Request, allowed?: readonly string[], readable?: string): void {
  const origin = request.headers.get("Origin");
  if (origin === null || (!allowed && origin === readable) || isAllowed(origin, new URL(request.url), allowed)) return;
  throw new Refusal(403, `Requests from pages of ${origin} are not allowed`);
}

function isAllowed(origin: string, url: URL, allowed: readonly string[] | undefined): boolean {
  const page = parse(origin);
  // Entries as people write them, too: with a slash at the end, or capitals.
  if (allowed) return allowed.some((entry) => entry === "*" || entry === origin || isSameOrigin(parse(entry), page));
  if (isLoopback(url.hostname)) return page !== undefined && isLoopback(page.hostname);
  if (url.protocol === "https:") return true;
  return page?.host === url.host && isAddress(url.hostname);
}

function parse(origin: string): URL | undefined {
  try {
    return new URL(origin);
  } catch {
    // "null", of a page that has none.
    return undefined;
  }
}

const isSameOrigin = (entry: URL | undefined, page: URL | undefined): boolean =>
  entry !== undefined && page !== undefined && entry.origin !== "null" && entry.origin === page.origin;

const isLoopback = (hostname: string) =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127(\.\d+){3}$/.test(hostname);

/** Nobody can make a number lead elsewhere. */
const isAddress = (hostname: string) => /^\[|^\d+(\.\d+){3}$/.test(hostname);
