import { Agent, routeAgentEmail } from "agents";
import { createSecureReplyEmailResolver, type AgentEmail, type EmailResolverResult } from "agents/email";
import PostalMime from "postal-mime";

interface Env {
  Ticket: DurableObjectNamespace<Ticket>;
  EMAIL: SendEmail;
  TEAM: string;
  EMAIL_SECRET: string;
}

/** One conversation by mail. */
export class Ticket extends Agent<Env> {
  // Mail servers deliver a mail again when they are not sure.
  static override options = { dropDuplicateEmails: true };

  override onStart() {
    this.sql`CREATE TABLE IF NOT EXISTS mails (sender TEXT, subject TEXT, text TEXT, received_at INTEGER)`;
  }

  override async onEmail(email: AgentEmail) {
    const { subject = "(none)", text = "" } = await PostalMime.parse(await email.getRaw());
    if (/unsubscribe/i.test(subject)) {
      email.setReject("This is a help desk, not a list");
      return;
    }
    this.sql`INSERT INTO mails VALUES (${email.from}, ${subject}, ${text.trim()}, ${Date.now()})`;
    const [{ count } = { count: 0 }] = this.sql<{ count: number }>`SELECT count(*) AS count FROM mails`;
    if (count === 1) await this.#tellTeam(email, subject);
    // Whoever answers this comes back to this ticket, and nobody can come to another one.
    await this.replyToEmail(email, {
      fromName: "Help desk",
      body: `Thank you. This is mail ${count} of ticket ${this.name}; "${subject}" is now in it.`,
      secret: this.env.EMAIL_SECRET,
      signReplyTo: true,
      replyTo: "help@example.org"
    });
  }

  /** What the team answers to this mail comes back to the ticket, too. */
  async #tellTeam(email: AgentEmail, subject: string) {
    await this.sendEmail({
      binding: this.env.EMAIL,
      from: "help@example.org",
      fromName: "Help desk",
      to: this.env.TEAM,
      subject: `Ticket ${this.name}: ${subject}`,
      body: `${email.from} asks for help.`,
      secret: this.env.EMAIL_SECRET
    });
  }
}

export default {
  fetch: () => new Response("Write to help@example.org.\n"),

  async email(message, env) {
    const byReply = createSecureReplyEmailResolver(env.EMAIL_SECRET, {
      maxAge: 7 * 24 * 60 * 60,
      onInvalidSignature: ({ from }, reason) => {
        if (reason !== "missing_headers") console.warn(`A mail from ${from} is not the reply that it says: ${reason}`);
      }
    });
    await routeAgentEmail(message, env, {
      resolver: async (email, env: Env) => (await byReply(email, env)) ?? newTicket(email),
      onNoRoute: (email) => email.setReject("Unknown recipient")
    });
  }
} satisfies ExportedHandler<Env>;

/** A ticket is named after the mail that begins it, and its sender: the same mail is the same ticket, however often it is delivered. */
async function newTicket({ from, to, headers }: ForwardableEmailMessage): Promise<EmailResolverResult> {
  if (to.toLowerCase() !== "help@example.org") return null;
  const id = new TextEncoder().encode(JSON.stringify([from, headers.get("message-id") ?? crypto.randomUUID()]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", id));
  return {
    agentName: "Ticket",
    agentId: Array.from(digest.slice(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("")
  };
}
