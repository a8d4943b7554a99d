// Who has signed in, in a cookie that only this Worker can write.

const cookieName = "__Host-session";
const lifeSeconds = 7 * 24 * 60 * 60;

export interface SignedIn {
  userId: string;
  name: string;
}

/** The user of this name. */
export function userOf(name: string): SignedIn {
  const shown = name.trim() || "Guest";
  return { userId: encodeURIComponent(shown.toLowerCase()), name: shown };
}

/** Who has signed in on this browser, if its cookie is one of ours and not too old. */
export async function signedIn(request: Request, secret: string | undefined): Promise<SignedIn | undefined> {
  const [payload, signature] = cookieOf(request)?.split(".") ?? [];
  if (!secret || !payload || !signature) return undefined;
  const isOurs = await crypto.subtle.verify("HMAC", await keyOf(secret), Uint8Array.fromHex(signature), bytes(payload));
  if (!isOurs) return undefined;
  const { expires, ...user } = JSON.parse(decodeURIComponent(payload)) as SignedIn & { expires: number };
  return expires > Date.now() ? user : undefined;
}

/**
 * With `__Host-`, a browser takes the cookie only over TLS (or from this machine), for this host alone and all of its paths: another
 * subdomain can neither read nor set it.
 */
export async function sessionCookie(user: SignedIn, secret: string): Promise<string> {
  const expires = Date.now() + lifeSeconds * 1000;
  const payload = encodeURIComponent(JSON.stringify({ ...user, expires })).replaceAll(".", "%2E");
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", await keyOf(secret), bytes(payload))).toHex();
  return `${cookieName}=${payload}.${signature}; HttpOnly; Secure; Path=/; SameSite=Lax; Max-Age=${lifeSeconds}`;
}

function cookieOf(request: Request): string | undefined {
  const cookies = request.headers.get("Cookie")?.split("; ") ?? [];
  return cookies.find((cookie) => cookie.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
}

const bytes = (value: string) => new TextEncoder().encode(value);

const keyOf = (secret: string) =>
  crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
