import type { RepositoryEvent } from "./events";

/** Whether GitHub has sent this body: its signature is compared by the platform, which takes as long for a wrong one as for a good one. */
export async function isFromGitHub(body: ArrayBuffer, signature: string | null, secret: string): Promise<boolean> {
  const [, hex] = /^sha256=([0-9a-f]{64})$/i.exec(signature ?? "") ?? [];
  if (!hex || !secret) return false;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, false, ["verify"]);
  const bytes = Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
  return crypto.subtle.verify("HMAC", key, bytes, body);
}

/** A delivery that GitHub has signed. Its fields are GitHub's; which of them are there depends on the event. */
export interface Delivery {
  id: string;
  type: string;
  payload: Payload;
}

export interface Payload {
  action?: string;
  repository?: { full_name?: unknown; stargazers_count?: unknown };
  sender?: { login?: unknown };
  head_commit?: { message?: unknown; url?: unknown } | null;
  issue?: { title?: unknown; html_url?: unknown };
  pull_request?: { title?: unknown; html_url?: unknown };
  release?: { name?: unknown; html_url?: unknown };
}

/** `owner/name`, if a delivery is about a repository. */
export function repositoryOf({ repository }: Payload): string | undefined {
  const name = repository?.full_name;
  return typeof name === "string" && /^[\w-]+\/[\w.-]+$/.test(name) ? name : undefined;
}

/** What is worth showing of a delivery. */
export function eventOf({ id, type, payload }: Delivery, receivedAt: number): RepositoryEvent {
  const { action, sender, issue, pull_request, release, head_commit } = payload;
  const about = issue ?? pull_request ?? release;
  const title = about ? ("title" in about ? about.title : (about as { name?: unknown }).name) : head_commit?.message;
  return {
    id,
    type: action ? `${type} ${action}` : type,
    actor: textOf(sender?.login, 100) || "somebody",
    title: textOf(title, 200).split("\n")[0]!,
    url: linkOf(about?.html_url ?? head_commit?.url),
    receivedAt
  };
}

const textOf = (value: unknown, length: number): string => (typeof value === "string" ? value.slice(0, length) : "");

/** Only links to GitHub become links of the page. */
const linkOf = (value: unknown): string | null =>
  typeof value === "string" && value.startsWith("https://github.com/") ? value : null;
