import type { AgentEmail, Delivery, MailBridge } from "../core/email";
import type { Schema, SchemaDefinition } from "../core/meta";
import { AgentError } from "../protocol/errors";
import { isFromProgram } from "./auto-reply";
import { envelope } from "./bridge";
import { compose, type Draft } from "./compose";
import { ReceivedEmail } from "./received";
import { signAddress, signHeaders, type Signed } from "./signature";

/** What a reply and a mail of one's own have in common. */
interface Content {
  /** Shown for the sender's address. */
  fromName?: string;
  body: string;
  /** Of the body: `text/plain` by default, or `text/html`. */
  contentType?: string;
  /** Others than those that the mail has from its fields. */
  headers?: Record<string, string>;
  /** Where answers go, if not to the sender. */
  replyTo?: string;
  /** Make the address for answers one that proves which agent they are for. Needs a secret. */
  signReplyTo?: boolean;
  /**
   * Written by a program: the mail says so, and no automatic mail is answered, since that may never end. Default true; `false` for what a
   * person has asked for.
   */
  automatic?: boolean;
}

export interface ReplyOptions extends Content {
  /** Default: that of the mail, after `Re: `. */
  subject?: string;
  /** Signs the headers for `createSecureReplyEmailResolver`. A mail that came by it has to be replied to with one, or with `null` for not. */
  secret?: string | null;
  /** Default false: not every address takes mail for what is added after a `+`. */
  signReplyTo?: boolean;
}

export interface SendEmailOptions extends Content {
  /** A `send_email` binding. */
  binding: { send(message: EmailMessage): Promise<unknown> };
  /** An address of a domain from which the account may send. */
  from: string;
  to: string;
  subject: string;
  /** Signs the headers and the address for answers: these come back to this instance by `createSecureReplyEmailResolver`. */
  secret?: string;
  /** Default true when there is a secret. */
  signReplyTo?: boolean;
  /** The Message-ID of the mail that this one continues. */
  inReplyTo?: string;
  /** The `References` of that mail. */
  references?: string;
}

export interface MailDeps {
  readonly schema: Schema;
  now(): number;
  emit(type: string, payload: () => Record<string, unknown>): void;
  dropsDuplicates(): boolean;
  /** Whom signatures name. */
  self(): Signed;
  /** The agent's own code. */
  handle(email: AgentEmail): unknown;
}

export const mailSchema: SchemaDefinition = {
  tables: ["cf_agents_emails"],
  migrations: [
    `CREATE TABLE IF NOT EXISTS cf_agents_emails (message_id TEXT PRIMARY KEY NOT NULL, received_at INTEGER NOT NULL) WITHOUT ROWID;
     CREATE INDEX IF NOT EXISTS cf_agents_emails_received ON cf_agents_emails (received_at)`
  ]
};

// Mail servers give up trying again after five days.
const rememberedMs = 7 * 24 * 60 * 60 * 1000;

/** The mail of an agent: what it gets, what it replies, what it sends. */
export class Mail {
  readonly name = "email";
  readonly #deps: MailDeps;
  /** Those with a Message-ID that the agent has at the moment. */
  readonly #open = new Map<string, Promise<unknown>>();

  constructor(deps: MailDeps) {
    this.#deps = deps;
  }

  /** The entry of a mail into the agent, and what gives the mail to its code there. */
  open(delivery: Delivery, bridge: MailBridge): { email: AgentEmail; run: () => Promise<void> } {
    const email = new ReceivedEmail(delivery, bridge);
    return { email, run: () => this.#receive(email) };
  }

  async #receive(email: ReceivedEmail): Promise<void> {
    const id = this.#deps.dropsDuplicates() ? email.headers.get("message-id")?.trim() : undefined;
    if (!id) return this.#handle(email);
    // The other one may fail, and then this one is no duplicate.
    for (let other; (other = this.#open.get(id));) await other;
    if (this.#isKnown(id)) return this.#emit("email:duplicate", email);
    const work = this.#handle(email);
    this.#open.set(id, work.then(nothing, nothing));
    try {
      await work;
      // One that was refused is refused again.
      if (!email.isRejected) this.#remember(id);
    } finally {
      this.#open.delete(id);
    }
  }

  async #handle(email: ReceivedEmail): Promise<void> {
    this.#emit("email:receive", email);
    try {
      await this.#deps.handle(email);
    } finally {
      await email.release();
    }
  }

  #isKnown(id: string): boolean {
    const rows = this.#deps.schema.read("SELECT 1 FROM cf_agents_emails WHERE message_id = ?", id);
    return rows.length > 0;
  }

  #remember(id: string): void {
    const { schema } = this.#deps;
    const nowMs = this.#deps.now();
    schema.write("INSERT OR REPLACE INTO cf_agents_emails (message_id, received_at) VALUES (?, ?)", id, nowMs);
    schema.write("DELETE FROM cf_agents_emails WHERE received_at < ?", nowMs - rememberedMs);
  }

  async reply(email: AgentEmail, options: ReplyOptions): Promise<boolean> {
    const { secret, automatic = true } = options;
    if (email.secure && secret === undefined) {
      throw new AgentError(
        "EMAIL_SECRET_REQUIRED",
        "This mail came by createSecureReplyEmailResolver(): give replyToEmail() the secret, so that the answer can come the same way, or `secret: null` for a reply that cannot be answered so."
      );
    }
    if (automatic && isFromProgram(email)) {
      this.#emit("email:suppress", email);
      return false;
    }
    const id = email.headers.get("message-id")?.trim();
    const draft = await this.#draft(options, {
      from: email.to,
      to: email.from,
      subject: options.subject ?? replySubject(email.headers.get("subject")),
      secret: secret ?? undefined,
      signReplyTo: options.signReplyTo ?? false,
      mark: "auto-replied",
      inReplyTo: id,
      references: [email.headers.get("references")?.trim(), id].filter(Boolean).join(" ")
    });
    const reply = await compose(draft);
    await email.reply(reply);
    this.#emit("email:reply", reply, draft.subject);
    return true;
  }

  async send(options: SendEmailOptions): Promise<{ messageId: string | undefined }> {
    const draft = await this.#draft(options, {
      ...options,
      signReplyTo: options.signReplyTo ?? options.secret !== undefined,
      mark: "auto-generated"
    });
    const mail = await compose(draft);
    const sent = await options.binding.send(await envelope(mail));
    this.#emit("email:send", mail, draft.subject);
    return { messageId: (sent as { messageId?: string } | undefined)?.messageId };
  }

  async #draft(
    { fromName, body, contentType, headers, replyTo, automatic = true }: Content,
    more: Pick<Draft, "from" | "to" | "subject" | "inReplyTo" | "references"> & {
      secret?: string | undefined;
      signReplyTo: boolean;
      mark: string;
    }
  ): Promise<Draft> {
    const { from, to, subject, secret, signReplyTo, mark, inReplyTo, references } = more;
    const [self, nowMs] = [this.#deps.self(), this.#deps.now()];
    const isMarked = Object.keys(headers ?? {}).some((header) => header.toLowerCase() === "auto-submitted");
    return {
      from,
      to,
      subject,
      fromName,
      body,
      contentType,
      inReplyTo,
      references,
      headers: automatic && !isMarked ? { "Auto-Submitted": mark, ...headers } : headers,
      ownHeaders: secret === undefined ? {} : await signHeaders(secret, self, nowMs),
      // Without a secret this throws: an answer that proves nothing must not look as if it did.
      replyTo: signReplyTo ? await signAddress(secret ?? "", replyTo ?? from, self, nowMs) : replyTo
    };
  }

  #emit(type: string, { from, to, headers }: Pick<AgentEmail, "from" | "to"> & { headers?: Headers }, about?: string) {
    this.#deps.emit(type, () => {
      const subject = about ?? headers?.get("subject");
      return { from, to, ...(subject != null && { subject }) };
    });
  }
}

const nothing = () => {};

function replySubject(subject: string | null): string {
  // What a header has been folded by is no part of it.
  const text = (subject ?? "").replace(/\s+/g, " ").trim();
  return /^re:/i.test(text) ? text : `Re: ${text}`;
}
