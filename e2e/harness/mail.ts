import PostalMime, { type Email } from "postal-mime";

export interface Letter {
  to: string;
  from?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** What became of a mail that the development server has delivered. */
export interface Delivered {
  /** `ok`, or `exception` when the Worker has failed. */
  outcome: string;
  rejectReason?: string;
  forwards: { recipient: string; headers: [string, string][] }[];
  replies: Email[];
  /** The same, as they were sent. */
  raw: string[];
}

let letters = 0;

/** Gives `wrangler dev` a mail, as a mail server does, and says what its Worker did. */
export async function deliver(
  host: string,
  { to, from = "ada@example.com", headers, body }: Letter
): Promise<Delivered> {
  const all = { From: from, To: to, Subject: "A question", "Message-ID": `<e2e-${letters++}@example.com>`, ...headers };
  const lines = Object.entries(all).map((line) => line.join(": "));
  const query = new URLSearchParams({ from, to, format: "json" });
  const response = await fetch(`http://${host}/cdn-cgi/handler/email?${query.toString()}`, {
    method: "POST",
    body: [...lines, "", body ?? "Hello"].join("\r\n")
  });
  const text = await response.text();
  if (!text.startsWith("{")) throw new Error(text);
  const { replies, ...rest } = JSON.parse(text) as Omit<Delivered, "replies"> & { replies: { raw: string }[] };
  const raw = replies.map((reply) => reply.raw);
  return { ...rest, raw, replies: await Promise.all(raw.map((mail) => PostalMime.parse(mail))) };
}

/** A mail that went out through a `send_email` binding. */
export interface Sent {
  to: string[];
  from: string;
  subject: string;
  replyTo: string;
  headers: Record<string, string>;
}

/** What has been sent since the development server was started, the latest first. */
export async function sentBy(host: string): Promise<Sent[]> {
  const response = await fetch(`http://${host}/cdn-cgi/explorer/api/local/email/sending`);
  return ((await response.json()) as { result: Sent[] }).result;
}

/** The headers of a mail that begin so, to be sent with another one. */
export const headersOf = ({ headers }: Email, start: string): Record<string, string> =>
  Object.fromEntries(headers.filter(({ key }) => key.startsWith(start)).map(({ key, value }) => [key, value]));
