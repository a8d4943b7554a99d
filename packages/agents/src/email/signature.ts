import { AgentError } from "../protocol/errors";
import { checkAddress, invalid } from "./check";

/** How long a signature is good if nobody says otherwise: 30 days. */
export const DEFAULT_MAX_AGE_SECONDS = 30 * 24 * 60 * 60;

/** Why a mail is no proven reply. */
export type SignatureFailureReason = "missing_headers" | "expired" | "invalid" | "malformed_timestamp";

/** Whom a signature names. */
export interface Signed {
  agentName: string;
  agentId: string;
}

// Clocks of two machines differ.
const maxSkewSeconds = 300;
const encoder = new TextEncoder();

/**
 * Signs the headers by which a reply finds its agent again, for mail that is sent by other means than the agent's own.
 *
 * @param secret the one that `createSecureReplyEmailResolver` has
 * @param agentName the class of the agent, or the name of its binding
 * @param agentId the name of the instance
 * @returns `X-Agent-Name`, `X-Agent-ID`, `X-Agent-Sig` and `X-Agent-Sig-Ts`
 * @throws EMAIL_SECRET_MISSING, EMAIL_INVALID
 * @example const headers = await signAgentHeaders(env.EMAIL_SECRET, "SupportAgent", "ticket-7");
 */
export function signAgentHeaders(secret: string, agentName: string, agentId: string): Promise<Record<string, string>> {
  return signHeaders(secret, { agentName, agentId }, Date.now());
}

/** As `signAgentHeaders`, at a time. */
export async function signHeaders(
  secret: string,
  { agentName, agentId }: Signed,
  nowMs: number
): Promise<Record<string, string>> {
  const key = await keyOf(secret);
  if (!agentName || !agentId) throw invalid("A signature names an agent and its instance: neither may be empty");
  const seconds = String(Math.floor(nowMs / 1000));
  const signature = await crypto.subtle.sign("HMAC", key, headersText(agentName, agentId, seconds));
  return {
    "X-Agent-Name": asHeader(agentName),
    "X-Agent-ID": asHeader(agentId),
    "X-Agent-Sig": btoa(String.fromCharCode(...new Uint8Array(signature))),
    "X-Agent-Sig-Ts": seconds
  };
}

/** Whom the headers of a mail name, or why they prove nothing. */
export async function verifyHeaders(
  secret: string,
  headers: Headers,
  maxAgeSeconds: number,
  nowMs: number
): Promise<Signed | SignatureFailureReason> {
  const [name, id, signature, seconds] = ["X-Agent-Name", "X-Agent-ID", "X-Agent-Sig", "X-Agent-Sig-Ts"].map((header) =>
    headers.get(header)
  );
  if (!name || !id || !signature || !seconds) return "missing_headers";
  if (!/^\d{1,12}$/.test(seconds)) return "malformed_timestamp";
  const ageSeconds = nowMs / 1000 - Number(seconds);
  if (!(ageSeconds <= maxAgeSeconds)) return "expired";
  const signed = { agentName: fromHeader(name), agentId: fromHeader(id) };
  const bytes = fromBase64(signature);
  if (ageSeconds < -maxSkewSeconds || !bytes || !signed.agentName || !signed.agentId) return "invalid";
  const text = headersText(signed.agentName, signed.agentId, seconds);
  // Takes as long for any signature.
  const valid = await crypto.subtle.verify("HMAC", await keyOf(secret), bytes, text);
  return valid ? (signed as Signed) : "invalid";
}

const maxLocalLength = 64;
// Minutes since 2020 in five digits: until 2083.
const firstMinute = 26_297_280;
const addressToken = /^([a-z0-9_-]+|\.[a-z2-7]+)=([a-z0-9_-]+|\.[a-z2-7]+)=([a-z2-7]{5})([a-z2-7]{16})$/;

/**
 * An address that leads a reply to an agent, whatever the other's mail program does with headers:
 * `support@example.com` → `support+supportagent=ticket-7=…@example.com`.
 *
 * @throws EMAIL_SECRET_MISSING; EMAIL_INVALID for what is no address, and for names that do not fit in one
 */
export async function signAddress(secret: string, address: string, signed: Signed, nowMs: number): Promise<string> {
  const key = await keyOf(secret);
  const at = checkAddress("The address for replies", address).lastIndexOf("@");
  const [name, id] = [asWord(signed.agentName.toLowerCase()), asWord(signed.agentId)];
  const minutes = Math.floor(nowMs / 60_000) - firstMinute;
  const time = [20, 15, 10, 5, 0].map((shift) => digits[(minutes >> shift) & 31]).join("");
  const local = `${address.slice(0, at)}+${name}=${id}=${time}${base32(await shortSignature(key, name, id, time))}`;
  if (local.length > maxLocalLength) {
    throw invalid(
      `A signed address has no room for these names: ${local.length} characters before the @, of which ${maxLocalLength} are allowed. Use a shorter address, class or instance name.`
    );
  }
  return local + address.slice(at);
}

/** Whom an address names, or why it proves nothing. */
export async function verifyAddress(
  secret: string,
  address: string,
  maxAgeSeconds: number,
  nowMs: number
): Promise<Signed | SignatureFailureReason> {
  const local = address.slice(0, address.lastIndexOf("@"));
  // Mail servers may change the case.
  const found = addressToken.exec(local.slice(local.lastIndexOf("+") + 1).toLowerCase());
  if (!found || !local.includes("+")) return "missing_headers";
  const [, name = "", id = "", time = "", signature = ""] = found;
  let minutes = firstMinute;
  for (let place = 0; place < 5; place++) minutes += digits.indexOf(time[place]!) << (20 - 5 * place);
  const ageSeconds = nowMs / 1000 - minutes * 60;
  if (!(ageSeconds <= maxAgeSeconds)) return "expired";
  const key = await keyOf(secret);
  const expected = await shortSignature(key, name, id, time);
  // Only whole signatures are compared in constant time: both are signed once more.
  const given = await crypto.subtle.sign("HMAC", key, fromBase32(signature));
  const valid = await crypto.subtle.verify("HMAC", key, given, expected);
  return valid && ageSeconds >= -maxSkewSeconds ? { agentName: fromWord(name), agentId: fromWord(id) } : "invalid";
}

/** @throws EMAIL_SECRET_MISSING for anything but a text with something in it: a variable that is not set, most of the time */
export function checkSecret(secret: unknown): string {
  if (typeof secret === "string" && secret !== "") return secret;
  throw new AgentError(
    "EMAIL_SECRET_MISSING",
    "Signed mail needs a secret, and there is none. Is the variable set? (wrangler secret put EMAIL_SECRET)"
  );
}

function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = encoder.encode(checkSecret(secret));
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

// What is signed says what it is for, and where each part ends.
const headersText = (name: string, id: string, seconds: string) =>
  encoder.encode(JSON.stringify(["agents mail headers", name, id, seconds]));

/** 80 bits: as many as fit. Whoever guesses has to send a mail for each guess. */
async function shortSignature(key: CryptoKey, name: string, id: string, time: string): Promise<Uint8Array> {
  const text = encoder.encode(JSON.stringify(["agents mail address", name, id, time]));
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, text)).slice(0, 10);
}

/** A header takes printable ASCII; names may be any text. */
const asHeader = (text: string): string => text.replace(/[^!-$&-~]+/g, encodeURIComponent);

function fromHeader(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

const digits = "abcdefghijklmnopqrstuvwxyz234567";

/** A name as it is where nothing in it could be changed on the way, else in letters that survive it. */
const asWord = (text: string): string => (/^[a-z0-9_-]+$/.test(text) ? text : `.${base32(encoder.encode(text))}`);

const fromWord = (word: string): string =>
  word.startsWith(".") ? new TextDecoder().decode(fromBase32(word.slice(1))) : word;

function base32(bytes: Uint8Array): string {
  let text = "";
  let [bits, count] = [0, 0];
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    for (count += 8; count >= 5;) text += digits[(bits >> (count -= 5)) & 31];
    bits &= 31;
  }
  return count > 0 ? text + digits[(bits << (5 - count)) & 31] : text;
}

function fromBase32(text: string): Uint8Array {
  const bytes: number[] = [];
  let [bits, count] = [0, 0];
  for (const digit of text) {
    bits = ((bits << 5) | digits.indexOf(digit)) & 0xfff;
    if ((count += 5) >= 8) bytes.push((bits >> (count -= 8)) & 255);
  }
  return new Uint8Array(bytes);
}
