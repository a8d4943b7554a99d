// The snippets of the page "Email routing", and what is beyond it.
import { Agent, getCurrentAgent, routeAgentEmail, type EmailRoutingOptions } from "agents";
import {
  createAddressBasedEmailResolver,
  createCatchAllEmailResolver,
  createSecureReplyEmailResolver,
  isAutoReplyEmail,
  signAgentHeaders,
  type AgentEmail,
  type EmailHeader,
  type EmailResolver,
  type EmailResolverResult,
  type SignatureFailureReason
} from "agents/email";
import { expectTypeOf } from "vitest";

interface Env {
  EmailAgent: DurableObjectNamespace<EmailAgent>;
  EMAIL_SECRET: string;
  EMAIL: SendEmail;
}
declare const parsed: { headers: { key: string; value: string; originalKey: string }[] };
declare function isSpam(email: AgentEmail): boolean;

export class EmailAgent extends Agent<Env> {
  override async onEmail(email: AgentEmail) {
    console.log("Received email from:", email.from);
    console.log("Subject:", email.headers.get("subject"));
    const raw = await email.getRaw();
    expectTypeOf(raw.length).toEqualTypeOf<number>();
    if (isAutoReplyEmail(parsed.headers) || isAutoReplyEmail(email.headers)) return;
    await this.replyToEmail(email, {
      fromName: "Support Bot", // Display name for the sender
      subject: "Re: Your inquiry", // Optional, defaults to "Re: "
      body: "Thanks for contacting us!", // Email body
      contentType: "text/plain", // Optional, defaults to "text/plain"
      headers: {
        // Optional custom headers
        "X-Custom-Header": "value"
      },
      secret: this.env.EMAIL_SECRET // Optional, signs headers for secure reply routing
    });
    await this.replyToEmail(email, { fromName: "My Agent", body: "Thanks for your email!", secret: null });
    await email.forward("admin@example.com");
    if (isSpam(email)) {
      email.setReject("Message rejected as spam");
      return;
    }
    expectTypeOf(getCurrentAgent().email).toEqualTypeOf<AgentEmail | undefined>();
    const { messageId } = await this.sendEmail({
      binding: this.env.EMAIL,
      from: "support@example.com",
      to: email.from,
      subject: "Something else",
      body: "<p>Hello</p>",
      contentType: "text/html",
      secret: this.env.EMAIL_SECRET
    });
    expectTypeOf(messageId).toEqualTypeOf<string | undefined>();
  }
}

// proves email-routing#from, email-routing#to, email-routing#headers, email-routing#rawSize
export function fields(email: AgentEmail) {
  expectTypeOf(email).toExtend<{ from: string; to: string; headers: Headers; rawSize: number }>();
}

export default {
  async email(message, env) {
    await routeAgentEmail(message, env, { resolver: createAddressBasedEmailResolver("EmailAgent") });
    await routeAgentEmail(message, env, { resolver: createCatchAllEmailResolver("EmailAgent", "default") });
    const secureReplyResolver = createSecureReplyEmailResolver(env.EMAIL_SECRET, {
      // Maximum age of signature in seconds (default: 30 days)
      maxAge: 7 * 24 * 60 * 60, // 7 days
      // Callback for logging/debugging signature failures
      onInvalidSignature: (email, reason) => {
        console.warn(`Invalid signature from ${email.from}: ${reason}`);
        expectTypeOf(reason).toEqualTypeOf<SignatureFailureReason>();
      }
    });
    const addressResolver = createAddressBasedEmailResolver("EmailAgent");
    await routeAgentEmail(message, env, {
      resolver: async (email, env) => {
        // First, check if this is a signed reply
        const replyRouting = await secureReplyResolver(email, env);
        if (replyRouting) return replyRouting;
        // Otherwise, route based on recipient address
        return addressResolver(email, env);
      },
      // Handle emails that do not match any routing rule
      onNoRoute: (email) => {
        console.warn(`No route found for email from ${email.from}`);
        email.setReject("Unknown recipient");
      }
    });
  }
} satisfies ExportedHandler<Env>;

// proves email-routing#reasons
expectTypeOf<SignatureFailureReason>().toEqualTypeOf<
  "missing_headers" | "expired" | "invalid" | "malformed_timestamp"
>();
expectTypeOf(signAgentHeaders("secret", "EmailAgent", "one")).toEqualTypeOf<Promise<Record<string, string>>>();
expectTypeOf<EmailRoutingOptions["resolver"]>().toEqualTypeOf<EmailResolver>();
expectTypeOf<EmailHeader>().toEqualTypeOf<{ key: string; value: string }>();
const own: EmailResolver = ({ to }): EmailResolverResult => ({ agentName: "EmailAgent", agentId: to });
void own;

export class Wrong extends Agent<Env> {
  override async onEmail(email: AgentEmail) {
    // @ts-expect-error there is no reply without a text
    await this.replyToEmail(email, { fromName: "My Agent" });
    // @ts-expect-error a mail of one's own has to go somewhere
    await this.sendEmail({ binding: this.env.EMAIL, from: "a@example.com", subject: "x", body: "x" });
  }
}
