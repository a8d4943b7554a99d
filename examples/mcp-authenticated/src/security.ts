/**
 * The headers of a page that asks for consent. No scripts; nobody else's frame; its form goes to this Worker, which sends the browser
 * on to the app, and to no other place.
 */
export function pageHeaders(redirectUri?: string): Headers {
  const app = redirectUri && /^https?:/.test(redirectUri) ? ` ${new URL(redirectUri).origin}` : "";
  return new Headers({
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": [
      "default-src 'none'",
      "style-src 'unsafe-inline'",
      "img-src https:",
      // A browser asks this of the redirect that answers the form, too.
      `form-action 'self'${app}`,
      "frame-ancestors 'none'",
      "base-uri 'none'"
    ].join("; "),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store"
  });
}

/** Text for HTML, attributes too. All that an app says of itself was written by whoever made it. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** An address that may be shown as an image or a link, or nothing: `javascript:` and the like are no addresses here. */
export function safeUrl(url: string | undefined): string | undefined {
  const parsed = url && URL.canParse(url) ? new URL(url) : undefined;
  return parsed?.protocol === "https:" ? parsed.href : undefined;
}
