import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";

/** A mail on its way to a Worker. */
export interface IncomingMail {
  /** The sender of the envelope, and of the `From` header unless `headers` says otherwise. */
  from: string;
  /** The recipient of the envelope, and of the `To` header. */
  to: string;
  subject?: string;
  text?: string;
  headers?: Record<string, string>;
  /** The whole message as MIME, instead of what is above but the envelope. */
  raw?: string;
}

/** A mail that a Worker has sent: a reply, or by a `send_email` binding. */
export interface SentMail {
  from: string;
  to: string;
  /** The message as MIME, where it was given as such. */
  raw?: string;
  /** What was handed to `reply` or `send`. */
  message: unknown;
}

/** What became of a mail. */
export interface Delivery {
  replies: SentMail[];
  forwards: { to: string; headers: Record<string, string> }[];
  /** Why it was rejected, if it was. */
  rejected?: string;
}

/** Whoever takes mail: the default export of a Worker. */
interface MailHandler<Env> {
  // oxlint-disable-next-line typescript/no-explicit-any
  email?(message: any, env: Env, context: any): unknown;
}

/** A post office for a test: what is sent is kept, and mail is delivered as the runtime does. */
export interface Mailbox {
  /** All that was sent by `binding`, in order. */
  readonly sent: SentMail[];
  /** Stands in for a `send_email` binding: `{ ...env, EMAIL: mail.binding }`. */
  readonly binding: { send(message: unknown): Promise<{ messageId: string }> };
  /**
   * Delivers a mail to a Worker's `email` handler, and resolves when it is done, `waitUntil` included.
   *
   * @throws what the handler throws
   */
  deliver<Env>(worker: MailHandler<Env>, env: Env, mail: IncomingMail): Promise<Delivery>;
}

/** What the runtime's own class of messages keeps its text under. */
const rawKey = "EmailMessage::raw";

/**
 * Makes a mailbox.
 *
 * @example
 * const mail = mailbox();
 * const { replies } = await mail.deliver(worker, env, { from: "ada@example.com", to: "support@example.com", text: "Help!" });
 * expect(replies[0].raw).toContain("We are on it");
 */
export function mailbox(): Mailbox {
  const sent: SentMail[] = [];
  return {
    sent,
    binding: {
      async send(message) {
        sent.push(await sentMail(message));
        return { messageId: `<sent-${sent.length}@test>` };
      }
    },
    async deliver(worker, env, mail) {
      if (!worker.email) throw new Error("The Worker has no email handler");
      const delivery: Delivery = { replies: [], forwards: [] };
      const context = createExecutionContext();
      await worker.email(messageOf(mail, delivery), env, context);
      await waitOnExecutionContext(context);
      return delivery;
    }
  };
}

/** A message as the runtime hands it to a Worker. */
function messageOf(mail: IncomingMail, delivery: Delivery) {
  const bytes = new TextEncoder().encode(mail.raw ?? written(mail));
  const { from, to } = mail;
  return {
    from,
    to,
    headers: headersOf(new TextDecoder().decode(bytes)),
    // A stream is read once.
    raw: new Blob([bytes]).stream(),
    rawSize: bytes.byteLength,
    setReject(reason: string) {
      delivery.rejected = reason;
    },
    async forward(recipient: string, headers?: Headers) {
      delivery.forwards.push({ to: recipient, headers: Object.fromEntries(headers ?? []) });
      return { messageId: `<forwarded-${delivery.forwards.length}@test>` };
    },
    async reply(message: unknown) {
      delivery.replies.push(await sentMail(message));
      return { messageId: `<reply-${delivery.replies.length}@test>` };
    }
  };
}

function written({ from, to, subject, text = "", headers }: IncomingMail): string {
  const lines = {
    From: from,
    To: to,
    "Message-ID": `<${crypto.randomUUID()}@test>`,
    Date: new Date().toUTCString(),
    ...(subject !== undefined && { Subject: subject }),
    "Content-Type": "text/plain; charset=utf-8",
    ...headers
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}`);
  return [...head, "", text].join("\r\n");
}

/** The headers of a message; one that goes over several lines is one. */
function headersOf(raw: string): Headers {
  const [head = ""] = raw.split(/\r?\n\r?\n/, 1);
  const headers = new Headers();
  for (const line of head.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return headers;
}

async function sentMail(message: unknown): Promise<SentMail> {
  const { from, to, ...rest } = message as { from: unknown; to: unknown };
  const raw = (message as Record<string, unknown>)[rawKey] ?? (rest as { raw?: unknown }).raw;
  return {
    from: addressOf(from),
    to: addressOf(to),
    // A text, or a stream of it.
    ...(raw !== undefined && { raw: await new Response(raw as BodyInit).text() }),
    message
  };
}

/** An address may be written as a text, with a name, or as one of several. */
function addressOf(address: unknown): string {
  if (Array.isArray(address)) return address.map(addressOf).join(", ");
  return String((address as { email?: string } | undefined)?.email ?? address);
}
