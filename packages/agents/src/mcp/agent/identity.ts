/** Where the props of common sign-ins have what does not change: the id of a user, as far as there is one. */
const fields = ["userId", "user_id", "sub", "id", "login", "email", "username"];

/** Whose request it is, by the props that the OAuth provider has put into the context. Tokens among them change, and say nothing. */
export function identityOf(props: unknown): string | undefined {
  if (typeof props !== "object" || props === null) return undefined;
  const { claims, user } = props as { claims?: unknown; user?: unknown };
  for (const source of [props, claims, user]) {
    if (typeof source !== "object" || source === null) continue;
    for (const field of fields) {
      const value = (source as Record<string, unknown>)[field];
      if (typeof value === "string" || typeof value === "number") return `${field}:${value}`;
    }
  }
  return undefined;
}
