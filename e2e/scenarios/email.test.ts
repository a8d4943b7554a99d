import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import { fileURLToPath } from "node:url";
import { signAgentHeaders } from "agents/email";
import PostalMime from "postal-mime";
import { bundle, workerOptions } from "../harness/bundle.ts";
import { deliver, headersOf, sentBy } from "../harness/mail.ts";
import { Project } from "../harness/project.ts";
import { startDev, type Dev } from "../harness/wrangler.ts";
import { Workerd } from "../harness/workerd.ts";

// Raw mail to a real Worker, and what it does with it. First the complete example of the page "Email routing", as it stands there.

const example = `
import { Agent, routeAgentEmail } from "agents";
import {
  createAddressBasedEmailResolver,
  createSecureReplyEmailResolver,
  type AgentEmail,
} from "agents/email";
import PostalMime from "postal-mime";
interface Env {
  EmailAgent: DurableObjectNamespace;
  EMAIL_SECRET: string;
}
export class EmailAgent extends Agent {
  async onEmail(email: AgentEmail) {
    const raw = await email.getRaw();
    const parsed = await PostalMime.parse(raw);
    console.log(\`Email from \${email.from}: \${parsed.subject}\`);
    // Store the email in state
    const emails = this.state.emails || [];
    emails.push({
      from: email.from,
      subject: parsed.subject,
      receivedAt: new Date().toISOString(),
    });
    this.setState({ ...this.state, emails });
    // Send auto-reply with signed headers
    await this.replyToEmail(email, {
      fromName: "Support Bot",
      body: \`Thanks for your email! We received: "\${parsed.subject}"\`,
      secret: this.env.EMAIL_SECRET,
    });
  }
}
export default {
  async email(message, env: Env) {
    const secureReplyResolver = createSecureReplyEmailResolver(
      env.EMAIL_SECRET,
      {
        maxAge: 7 * 24 * 60 * 60, // 7 days
        onInvalidSignature: (email, reason) => {
          console.warn(\`Invalid signature from \${email.from}: \${reason}\`);
        },
      },
    );
    const addressResolver = createAddressBasedEmailResolver("EmailAgent");
    await routeAgentEmail(message, env, {
      resolver: async (email, env) => {
        // Try secure reply routing first
        const replyRouting = await secureReplyResolver(email, env);
        if (replyRouting) return replyRouting;
        // Fall back to address-based routing
        return addressResolver(email, env);
      },
      onNoRoute: (email) => {
        console.warn(\`No route found for email from \${email.from}\`);
        email.setReject("Unknown recipient");
      },
    });
  },
} satisfies ExportedHandler<Env>;
`;

// What the example leaves open: who handled a mail, and a state to begin with.
const traced = example
  .replace("class EmailAgent extends Agent {", "class EmailAgent extends Agent {\n  initialState = { emails: [] };")
  .replace('headers"', 'headers"')
  .replace("secret: this.env", 'headers: { "X-Handled-By": `${this.name} ${emails.length}` },\n      secret: this.env');

const secret = "the secret of a test";
let project: Project;
let dev: Dev;

before(async () => {
  project = await Project.create({
    "src/index.ts": traced,
    "wrangler.jsonc": JSON.stringify({
      name: "mail",
      main: "src/index.ts",
      // The date and the flag of the page "Configuration".
      compatibility_date: "2026-04-03",
      compatibility_flags: ["nodejs_compat"],
      durable_objects: { bindings: [{ name: "EmailAgent", class_name: "EmailAgent" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["EmailAgent"] }],
      vars: { EMAIL_SECRET: secret }
    })
  });
  dev = await project.dev();
});

after(async () => {
  await project?.remove();
});

/** Who answered a mail, and how many it has got by then. */
async function handledBy(to: string, headers: Record<string, string> = {}): Promise<string | undefined> {
  const { replies, rejectReason } = await deliver(dev.host, { to, headers });
  return replies[0]?.headers.find(({ key }) => key === "x-handled-by")?.value ?? rejectReason;
}

// proves email-routing#complete-example, email-routing#quick-start, email-routing#postal-mime, email-routing#replyToEmail
// proves email-routing#routeAgentEmail, email-routing#resolver, email-routing#by-address, email-routing#email-reply
test("the complete example answers a mail", async () => {
  const thread = "<first@example.com> <second@example.com>";
  const { outcome, replies, raw } = await deliver(dev.host, {
    to: "support@example.org",
    headers: {
      Subject: "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= from Ada",
      "Message-ID": "<third@example.com>",
      "In-Reply-To": "<second@example.com>",
      References: thread
    }
  });
  assert.deepEqual([outcome, replies.length], ["ok", 1]);
  const [reply] = replies;
  assert.equal(reply!.subject, "Re: Grüße from Ada");
  assert.deepEqual(reply!.from, { name: "Support Bot", address: "support@example.org" });
  assert.equal(reply!.to?.[0]?.address, "ada@example.com");
  assert.equal(reply!.inReplyTo, "<third@example.com>");
  assert.equal(reply!.references, `${thread} <third@example.com>`);
  assert.equal(reply!.text?.trim(), 'Thanks for your email! We received: "Grüße from Ada"');
  assert.match(raw[0]!, /^Auto-Submitted: auto-replied\r$/m);
});

// proves email-routing#combining, email-routing#secure-reply-signed, email-routing#verified, email-routing#secure-reply
test("a signed reply comes back to the agent that was answered, wherever it is sent to", async () => {
  const first = await deliver(dev.host, { to: "alpha@example.org" });
  const signed = headersOf(first.replies[0]!, "x-agent-");
  assert.equal(await handledBy("beta@example.org", signed), "alpha 2");
  assert.equal(await handledBy("beta@example.org"), "beta 1");
});

/** Signed headers for the agent `victim`, of some days ago. */
async function signedDaysAgo(days: number): Promise<Record<string, string>> {
  mock.timers.enable({ apis: ["Date"], now: Date.now() - days * 24 * 60 * 60 * 1000 });
  try {
    return await signAgentHeaders(secret, "EmailAgent", "victim");
  } finally {
    mock.timers.reset();
  }
}

const changes: [name: string, days: number, change: (headers: Record<string, string>) => Record<string, string>][] = [
  ["for another instance", 0, () => ({ "X-Agent-ID": "other-victim" })],
  ["for another class", 0, () => ({ "X-Agent-Name": "OtherAgent" })],
  ["that was made with another secret", 0, () => ({ "X-Agent-Sig": `${"A".repeat(43)}=` })],
  ["that is no signature", 0, () => ({ "X-Agent-Sig": "<script>" })],
  ["that is too long", 0, ({ "X-Agent-Sig": signature }) => ({ "X-Agent-Sig": `${signature}AAAA` })],
  ["whose time is another one", 0, ({ "X-Agent-Sig-Ts": time }) => ({ "X-Agent-Sig-Ts": String(Number(time) + 1) })],
  ["whose time is malformed", 0, () => ({ "X-Agent-Sig-Ts": "yesterday" })],
  ["that has expired", 8, () => ({})],
  ["that has expired, made new", 8, () => ({ "X-Agent-Sig-Ts": String(Math.floor(Date.now() / 1000)) })]
];

// proves email-routing#secure-reply-expired, email-routing#secret, email-routing#secure-reply
test("a signature that is good leads to its agent", async () => {
  assert.equal(await handledBy("anybody@example.org", await signedDaysAgo(6)), "victim 1");
});

for (const [name, days, change] of changes) {
  test(`a signature ${name} leads nowhere but to the address`, async () => {
    const headers = await signedDaysAgo(days);
    const mallory = `mallory-${changes.findIndex(([other]) => other === name)}`;
    assert.equal(await handledBy(`${mallory}@example.org`, { ...headers, ...change(headers) }), `${mallory} 1`);
  });
}

// proves email-routing#onNoRoute
test("mail for a class that does not exist is rejected by onNoRoute", async () => {
  assert.equal(await handledBy("NoSuchAgent+id@example.org"), "Unknown recipient");
});

const attempts: [name: string, headers: Record<string, string>][] = [
  ["in an encoded word", { Subject: "=?UTF-8?Q?x=0D=0ABcc:_victim=40example.com=0D=0A=0D=0ABody?=" }],
  ["in base64", { Subject: `=?UTF-8?B?${btoa("x\r\nBcc: victim@example.com")}?=` }],
  ["in a folded line", { Subject: "x\r\n Bcc: victim@example.com" }],
  ["in the Message-ID", { "Message-ID": "<a@example.com>\r\n Bcc: <victim@example.com>" }],
  ["in the references", { "In-Reply-To": "<a@b>", References: "<a@b>\r\n Bcc: <victim@example.com>" }]
];

for (const [name, headers] of attempts) {
  test(`a mail cannot put a header into its reply: ${name}`, async () => {
    const { raw, replies } = await deliver(dev.host, { to: "injected@example.org", headers });
    for (const [index, mail] of raw.entries()) {
      const [head = ""] = mail.split("\r\n\r\n");
      assert.doesNotMatch(head, /^bcc:/im);
      assert.equal(replies[index]!.bcc, undefined);
      assert.equal(replies[index]!.to?.length, 1);
    }
  });
}

test("a help desk knows its tickets and the mails it has had after the server was killed", async (context) => {
  const folder = fileURLToPath(new URL("../../examples/email/", import.meta.url));
  const data = await mkdtemp(join(tmpdir(), "agents-email-"));
  let desk = await startDev(folder, "--persist-to", data);
  context.after(async () => {
    await desk.stop();
    await rm(data, { recursive: true, force: true });
  });
  const question = { to: "help@example.org", headers: { "Message-ID": "<lamp@example.com>" } };
  const [first] = (await deliver(desk.host, question)).replies;
  const [, ticket] = /mail 1 of ticket (\w+)/.exec(first!.text!)!;
  // The team is told by a mail of the agent's own, and its answer belongs to the ticket.
  const [told] = await sentBy(desk.host);
  assert.deepEqual([told!.to, told!.from], [["team@example.org"], "help@example.org"]);
  assert.match(told!.headers["auto-submitted"]!, /^auto-generated$/);

  // SIGKILL.
  await desk.stop();
  desk = await startDev(folder, "--persist-to", data);
  assert.deepEqual((await deliver(desk.host, question)).replies, []);
  for (const [place, to] of [first!.replyTo![0]!.address!, told!.replyTo].entries()) {
    const { replies } = await deliver(desk.host, {
      to: to.toUpperCase(),
      headers: { "Message-ID": `<answer-${place}@a.example>` }
    });
    assert.match(replies[0]!.text!, new RegExp(`mail ${place + 2} of ticket ${ticket}`));
  }
});

test("a server without mail of the platform runs agents, and mail that its program brings", async (context) => {
  const server = new Workerd({ classes: ["MailAgent"], hasMail: false });
  context.after(() => server.stop());
  const fixture = fileURLToPath(new URL("../fixtures/mail-agent.ts", import.meta.url));
  await server.run(await bundle({ ...workerOptions, entryPoints: [fixture] }));
  const response = await fetch(server.url, { method: "POST", body: "Hello" });
  const [reply] = (await response.json()) as { from: string; to: string; raw: string }[];
  assert.deepEqual([reply!.from, reply!.to], ["support@example.org", "ada@example.com"]);
  const { subject, text, inReplyTo } = await PostalMime.parse(reply!.raw);
  assert.deepEqual([subject, text?.trim(), inReplyTo], ["Re: By HTTP", "5 bytes", "<1@example.com>"]);
});
