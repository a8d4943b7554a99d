import { createHash } from "node:crypto";
import { AgentError } from "../protocol/errors";

/** A request for approval. */
export interface ApprovalRequest<Args = unknown> {
  /** An id of yours, by which the same request may be made again; a random one if left out. */
  id?: string;
  /** Which part of the program asks; its handler is told of the decision. "program" if left out. */
  source?: string;
  /** What is to be done: the name of a tool, of a method. */
  subject: string;
  /** With what: any JSON value, up to 500,000 bytes. */
  args?: Args;
  /** The right that whoever decides must have. */
  scope?: string;
  requestedBy?: string;
  /** When it is too late to decide, in ms since the epoch. Never, if left out. */
  expiresMs?: number;
  /** Whether the decider may change the arguments; not, if left out. */
  editable?: boolean;
  /** How many people have to approve, 1 to 100; one rejection is enough. 1 if left out. */
  quorum?: number;
  /** What you want to be told again with the decision: any JSON value, up to 500,000 bytes. */
  context?: unknown;
}

/** A decision, and who makes it. */
export interface ApprovalChoice {
  approved: boolean;
  /** Who decides: goes into the trail. Take it from a session or a token, never from the message that decides. */
  by: string;
  /** The rights that they have: the scope must be among them. As trusted as `by`. */
  rights?: readonly string[];
  comment?: string;
  /** Other arguments, where the request says that these may be edited. */
  args?: unknown;
  /** The `argsHash` of what the decider saw: refused if it is another one. */
  argsHash?: string;
  /** Approves all further ones of this source, subject and scope too: until a time in ms, or until it is revoked. */
  grant?: true | { untilMs?: number };
}

/** A JSON value as it is stored, and its hash. */
export interface Stored {
  text: string;
  hash: string;
}

// Arguments, edited arguments and context share a row, and a row holds 2 MB.
const maxJsonBytes = 500_000;
const maxNameLength = 256;
const maxQuorum = 100;
const maxCommentLength = 10_000;

export const invalid = (message: string, cause?: unknown): AgentError =>
  new AgentError("APPROVAL_INVALID", message, { cause });

/** Checks what comes from programs, and through them from clients. */
export function nameIn(field: string, value: unknown): string {
  if (typeof value === "string" && value !== "" && value.length <= maxNameLength) return value;
  throw invalid(`${field} must be a text of 1 to ${maxNameLength} characters`);
}

export const optionalNameIn = (field: string, value: unknown): string | null =>
  value === undefined || value === null ? null : nameIn(field, value);

export function commentIn(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" && value.length <= maxCommentLength) return value;
  throw invalid(`comment must be a text of at most ${maxCommentLength} characters`);
}

/** A time that is still to come. */
export function futureIn(field: string, value: unknown, nowMs: number): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isSafeInteger(Math.ceil(value)) && value > nowMs) return Math.ceil(value);
  throw invalid(`${field} must be a time to come, in ms since the epoch: Date.now() + 60_000 for a minute from now`);
}

export function grantIn(value: unknown, nowMs: number): { untilMs: number | null } | undefined {
  if (value === undefined || value === null || value === false) return undefined;
  if (value === true) return { untilMs: null };
  if (typeof value !== "object") throw invalid("grant must be true, or { untilMs }");
  return { untilMs: futureIn("grant.untilMs", (value as { untilMs?: unknown }).untilMs, nowMs) };
}

/** How many have to approve, if one is not enough. Nobody of several can change what the others have approved. */
export function quorumIn(value: unknown, editable: boolean): number | null {
  if (value === undefined || value === null || value === 1) return null;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > maxQuorum) {
    throw invalid(`quorum must be a whole number from 1 to ${maxQuorum}`);
  }
  if (editable) throw invalid("What several people approve cannot be editable");
  return value;
}

export const hasRight = (scope: string | null, rights: unknown): boolean =>
  scope === null || (Array.isArray(rights) && rights.includes(scope));

/** Writes arguments as JSON; no arguments are `null`. */
export function jsonIn(field: string, value: unknown): Stored {
  try {
    const text = JSON.stringify(value ?? null);
    if (text === undefined) throw new TypeError(`a ${typeof value}`);
    const bytes = new TextEncoder().encode(text).byteLength;
    if (bytes > maxJsonBytes) throw invalid(`${field} has ${bytes} bytes of JSON; the limit is ${maxJsonBytes}`);
    return {
      text,
      hash: createHash("sha256")
        .update(canonical(JSON.parse(text)))
        .digest("hex")
    };
  } catch (cause) {
    if (AgentError.isInstance(cause)) throw cause;
    throw invalid(`${field} must be a JSON value`, cause);
  }
}

/** JSON with sorted keys: two objects that differ in the order of their fields are the same arguments. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(",")}}`;
}
