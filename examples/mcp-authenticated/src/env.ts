import type { OAuthHelpers } from "@cloudflare/workers-oauth-provider";

/** What the Worker is bound to. */
export interface Env {
  Notebook: DurableObjectNamespace;
  OAUTH_KV: KVNamespace;
  /** Put there by the OAuth provider. */
  OAUTH_PROVIDER: OAuthHelpers;
  ORIGIN: string;
  COOKIE_SECRET?: string;
}

/** What tools know of the user: it is sealed into the token, and comes with each request. */
export type User = {
  userId: string;
  name: string;
  permissions: string[];
};

/** What a user can allow an app to do, in the words of the consent page. */
export const permissions: Readonly<Record<string, string>> = {
  "notes:read": "Read your notes",
  "notes:write": "Write notes"
};
