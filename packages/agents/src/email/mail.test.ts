import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import PostalMime from "postal-mime";
import { routeAgentEmail } from "../index";
import {
  createAddressBasedEmailResolver,
  createSecureReplyEmailResolver,
  signAgentHeaders,
  type AgentEmail,
  type SendEmailOptions
} from "../email";
import { connect, errorOf, evict, logged } from "../test/kit";
import { Postman } from "../test/mail-agents";
import { LiveMail } from "./bridge";
import { asRaw, deliver, header, HeldMail, newName, warned } from "../test/mail-kit";

const secret = "a secret of a test";
const errorsOf = (stub: DurableObjectStub<Postman>) => runInDurableObject(stub, ({ errors }) => errors);

describe("[E7] an agent that gets a mail", () => {
  // proves email-routing#from, email-routing#to, email-routing#headers, email-routing#rawSize
  it("has what the mail says", async () => {
    const held = new HeldMail({ headers: { "X-Other": "value" }, body: "Good morning" });
    let seen: unknown;
    await deliver(held, ({ from, to, headers, rawSize }) => {
      seen = { from, to, subject: headers.get("Subject"), other: headers.get("x-other"), rawSize };
    });
    expect(seen).toMatchObject({
      from: "ada@example.com",
      to: "support@example.org",
      subject: "A question",
      other: "value",
      rawSize: held.message.rawSize
    });
  });

  // proves email-routing#getRaw, email-routing#postal-mime
  it("reads it whole, more than once", async () => {
    const texts: (string | undefined)[] = [];
    await deliver(new HeldMail({ body: "Good morning" }), async (email) => {
      for (const raw of [await email.getRaw(), await email.getRaw()]) {
        expect(raw).toBeInstanceOf(Uint8Array);
        texts.push((await PostalMime.parse(raw)).text?.trim());
      }
    });
    expect(texts).toEqual(["Good morning", "Good morning"]);
  });

  // proves email-routing#email-reply, email-routing#forward, email-routing#setReject
  it("replies, forwards and rejects by the mail that the Worker holds", async () => {
    const held = new HeldMail();
    await deliver(held, async (email) => {
      await email.reply({ from: email.to, to: email.from, raw: "Subject: x\r\n\r\ny" });
      await email.forward("boss@example.org", new Headers({ "X-Seen": "yes" }));
      await email.forward("other@example.org");
      email.setReject("Not today");
    });
    expect(held.replies).toEqual([{ from: "support@example.org", to: "ada@example.com", raw: "Subject: x\r\n\r\ny" }]);
    expect(held.forwards).toEqual([
      ["boss@example.org", [["x-seen", "yes"]]],
      ["other@example.org", undefined]
    ]);
    expect(held.rejections).toEqual(["Not today"]);
  });

  // proves agent-class-internals#getCurrentAgent-email, get-current-agent#email, get-current-agent#in-onEmail
  it("has it in its context, and nothing else", async () => {
    let given: AgentEmail | undefined;
    const stub = await deliver(new HeldMail(), (email) => void (given = email));
    await runInDurableObject(stub, (agent) => {
      const context = agent.context as Record<string, unknown>;
      expect(context.agent).toBe(agent);
      expect(context.email).toBe(given);
      expect([context.connection, context.request]).toEqual([undefined, undefined]);
    });
  });

  it("is told what the mail server says", async () => {
    const held = new HeldMail();
    held.message.forward = () => Promise.reject(new Error("destination address is not verified"));
    held.message.setReject = () => {
      throw new Error("too late");
    };
    let forwarding: unknown;
    const rejecting = await errorOf(() =>
      deliver(held, async (email) => {
        forwarding = await errorOf(() => email.forward("boss@example.org"));
        email.setReject("Not today");
      })
    );
    expect(forwarding).toMatchObject({ message: "destination address is not verified" });
    // Nobody can wait for a rejection, so all that is left is to fail.
    expect(rejecting).toMatchObject({ message: "too late" });
  });

  it.each<[string, () => unknown]>([
    ["has ended", () => {}],
    [
      "has failed",
      () => {
        throw new Error("thrown in onEmail");
      }
    ]
  ])("can do nothing with it any more when onEmail %s", async (_name, end) => {
    const held = new HeldMail();
    let kept!: AgentEmail;
    const name = newName();
    const handle = (email: AgentEmail) => {
      kept = email;
      return end();
    };
    await deliver(held, handle, { name }).catch(() => undefined);
    await runInDurableObject(env.Postman.getByName(name), async (agent) => {
      const late = [
        () => kept.getRaw(),
        () => kept.reply({ from: kept.to, to: kept.from, raw: "" }),
        () => kept.forward("boss@example.org"),
        async () => kept.setReject("no"),
        () => agent.replyToEmail(kept, { body: "Sorry, late" })
      ];
      for (const call of late) expect(await errorOf(call)).toMatchObject({ code: "EMAIL_RELEASED" });
      expect(kept.headers.get("subject")).toBe("A question");
    });
    expect([held.replies, held.forwards, held.rejections]).toEqual([[], [], []]);
  });

  it("and its Worker lets go of it, too, whoever still has the bridge", async () => {
    const held = new HeldMail();
    const live = new LiveMail(held.message);
    await live.getRaw();
    LiveMail.release(live);
    const late = [
      () => live.getRaw(),
      () => live.reply({ from: "support@example.org", to: "ada@example.com", raw: "" }),
      () => live.forward("boss@example.org"),
      () => live.setReject("no")
    ];
    for (const call of late) expect(await errorOf(async () => call())).toMatchObject({ code: "EMAIL_RELEASED" });
    expect([held.replies, held.forwards, held.rejections]).toEqual([[], [], []]);
  });

  it("finishes what was begun and not awaited", async () => {
    const held = new HeldMail();
    await deliver(held, (email) => {
      void email.getRaw().then(() => email.forward("boss@example.org"));
      email.setReject("Not today");
    });
    expect(held.forwards).toEqual([["boss@example.org", undefined]]);
    expect(held.rejections).toEqual(["Not today"]);
  });

  it("without onEmail says so", async () => {
    const held = new HeldMail();
    const warnings = await warned(() => deliver(held, () => {}, { agent: "Mailless" }));
    expect(warnings).toEqual([["A mail from ada@example.com was dropped: Mailless has no onEmail()"]]);
  });
});

describe("[E8] an error in onEmail", () => {
  it("goes to onError and to the Worker, as it is", async () => {
    const name = newName();
    const fail = () => {
      throw Object.assign(new Error("thrown in onEmail"), { code: "MINE" });
    };
    const error = await errorOf(() => deliver(new HeldMail(), fail, { name }));
    expect(error).toMatchObject({ message: "thrown in onEmail", code: "MINE" });
    expect(await errorsOf(env.Postman.getByName(name))).toEqual([
      expect.objectContaining({ message: "thrown in onEmail" })
    ]);
  });
});

describe("[E5] [E6] the route", () => {
  // proves agent-class-internals#routeAgentEmail, agent-class-internals#onEmail, agents-api#onEmail
  it.each(["Postman", "postman", "POSTMAN", "OncePostman", "once-postman", "oncepostman"])(
    "finds %s",
    async (agentName) => {
      const to = `${agentName}+route-${agentName}@example.org`;
      const held = new HeldMail({ to });
      await routeAgentEmail(held.message, env, { resolver: createAddressBasedEmailResolver("Nobody") });
      const namespace = /^once/i.test(agentName) ? env.OncePostman : env.Postman;
      const context = await runInDurableObject(namespace.getByName(`route-${agentName}`), (agent) => agent.context);
      expect(context).toMatchObject({ email: { to } });
    }
  );

  // proves email-routing#onNoRoute
  it("that is none is for onNoRoute", async () => {
    const held = new HeldMail();
    const onNoRoute = (email: ForwardableEmailMessage) => email.setReject("Unknown recipient");
    await deliver(held, () => {}, { resolver: () => null, onNoRoute });
    expect(held.rejections).toEqual(["Unknown recipient"]);
  });

  // proves email-routing#onNoRoute-default
  it("that is none is a warning without onNoRoute", async () => {
    const held = new HeldMail();
    const warnings = await warned(() => deliver(held, () => {}, { resolver: async () => null }));
    expect(warnings).toEqual([["No agent for the mail from ada@example.com to support@example.org: it is dropped"]]);
    expect(held.rejections).toEqual([]);
  });

  it("to a class that does not exist is for onNoRoute, and in the log", async () => {
    const held = new HeldMail();
    const onNoRoute = (email: ForwardableEmailMessage) => email.setReject("Unknown recipient");
    const lines = await logged(() => deliver(held, () => {}, { agent: "Nobody", onNoRoute }).catch(() => undefined));
    expect(held.rejections).toEqual(["Unknown recipient"]);
    expect(String(lines[0])).toMatch(/No agent "Nobody".*mailless.*postman/);
  });

  it("to a class that does not exist is an error without onNoRoute", async () => {
    const error = await errorOf(() => deliver(new HeldMail(), () => {}, { agent: "Nobody" }));
    expect(error).toMatchObject({ code: "EMAIL_AGENT_UNKNOWN", message: expect.stringMatching(/postman/) });
  });
});

describe("[E9] a reply", () => {
  // proves agent-class-internals#replyToEmail, agents-api#replyToEmail, email-routing#replyToEmail, email-routing#fromName
  // proves email-routing#body, email-routing#contentType
  it("goes back, with its thread", async () => {
    const references = Array.from({ length: 20 }, (_, index) => `<earlier-mail-${index}@example.com>`).join(" ");
    const held = new HeldMail({
      headers: {
        "Message-ID": "<q@example.com>",
        "In-Reply-To": "<earlier-mail-19@example.com>",
        References: references
      }
    });
    let sent: unknown;
    await deliver(held, async (email, agent) => {
      sent = await agent.replyToEmail(email, { fromName: "Support Bot", body: "Thanks – ☃\r\n.\r\nFrom here" });
    });
    const reply = await held.reply();
    expect(sent).toBe(true);
    expect(held.replies[0]).toMatchObject({ from: "support@example.org", to: "ada@example.com" });
    expect(reply).toMatchObject({
      from: { name: "Support Bot", address: "support@example.org" },
      to: [{ address: "ada@example.com" }],
      subject: "Re: A question",
      inReplyTo: "<q@example.com>",
      references: `${references} <q@example.com>`
    });
    expect(reply.text?.trimEnd()).toBe("Thanks – ☃\n.\nFrom here");
    expect([header(reply, "content-type"), reply.date, reply.messageId]).toEqual([
      "text/plain; charset=utf-8",
      expect.any(String),
      expect.stringMatching(/@example\.org>$/)
    ]);
  });

  // proves email-routing#contentType, email-routing#reply-headers, email-routing#subject
  it("has what is asked for", async () => {
    const held = new HeldMail();
    await deliver(held, (email, agent) =>
      agent.replyToEmail(email, {
        fromName: "Süpport, the „Bot“",
        subject: "Grüße",
        body: "<p>Thanks</p>",
        contentType: "text/html",
        headers: { "X-Custom-Header": "value" },
        replyTo: "team@example.org"
      })
    );
    const reply = await held.reply();
    expect(reply).toMatchObject({ subject: "Grüße", from: { name: "Süpport, the „Bot“" }, html: "<p>Thanks</p>\n" });
    expect(reply.replyTo).toEqual([expect.objectContaining({ address: "team@example.org" })]);
    expect(header(reply, "x-custom-header")).toBe("value");
  });

  // proves email-routing#subject
  it.each([
    ["A question", "Re: A question"],
    ["Re: A question", "Re: A question"],
    ["RE:  A\tquestion", "RE: A question"],
    ["=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "Re: Grüße"],
    [undefined, "Re:"]
  ])("to %j is about %j", async (subject, expected) => {
    const held = new HeldMail({ headers: { Subject: subject } });
    await deliver(held, (email, agent) => agent.replyToEmail(email, { body: "x" }));
    expect((await held.reply()).subject?.trim()).toBe(expected);
  });

  it.each([
    ["Support@Example.ORG", "Support@example.org"],
    ["support@bücher.example", "support@xn--bcher-kva.example"]
  ])("from %s has one sender, in its header and for the mail server", async (to, sender) => {
    const held = new HeldMail({ to });
    await deliver(held, (email, agent) => agent.replyToEmail(email, { body: "x" }));
    const [, address] = /^From: (\S+)\r$/m.exec(held.replies[0]!.raw) ?? [];
    expect([address, held.replies[0]!.from]).toEqual([sender, sender]);
  });

  it("to a mail without an id has no thread", async () => {
    const held = new HeldMail({ headers: { "Message-ID": undefined } });
    await deliver(held, (email, agent) => agent.replyToEmail(email, { body: "x" }));
    const reply = await held.reply();
    expect([reply.inReplyTo, reply.references]).toEqual([undefined, undefined]);
  });
});

describe("[E10] a reply with a secret", () => {
  const resolver = createSecureReplyEmailResolver(secret);

  // proves email-routing#secure-reply-signed, email-routing#signed-headers, email-routing#enforced-secret, email-routing#enforced-omitted, email-routing#enforced-null
  it("comes back to the same instance, which has to sign again", async () => {
    const name = newName();
    const first = new HeldMail();
    await deliver(first, (email, agent) => agent.replyToEmail(email, { body: "x", secret }), { name });
    const { headers } = await first.reply();
    const signed = headers.filter(({ key }) => key.startsWith("x-agent-")).map(({ key, value }) => [key, value]);
    expect(signed.map(([key]) => key)).toEqual(["x-agent-name", "x-agent-id", "x-agent-sig", "x-agent-sig-ts"]);
    const second = new HeldMail({ to: "anything@example.org", headers: Object.fromEntries(signed) });
    const outcomes: unknown[] = [];
    const stub = await deliver(
      second,
      async (email, agent) => {
        outcomes.push(email.secure, await errorOf(() => agent.replyToEmail(email, { body: "x" })));
        // What a program makes of the mail is still that mail.
        const copy = Object.assign(Object.create(email) as AgentEmail, { subject: "x" });
        outcomes.push(await errorOf(() => agent.replyToEmail(copy, { body: "x", secret: undefined })));
        await agent.replyToEmail(email, { body: "signed", secret });
        await agent.replyToEmail(email, { body: "not signed", secret: null });
      },
      { name, resolver }
    );
    expect(await runInDurableObject(stub, (agent) => agent.name)).toBe(name);
    expect(outcomes).toEqual([
      true,
      expect.objectContaining({ code: "EMAIL_SECRET_REQUIRED" }),
      expect.objectContaining({ code: "EMAIL_SECRET_REQUIRED" })
    ]);
    const replies = await Promise.all(second.replies.map(({ raw }) => PostalMime.parse(raw)));
    expect(replies.map((reply) => header(reply, "x-agent-id"))).toEqual([name, undefined]);
  });

  it("has an address that comes back, too, if asked for", async () => {
    const name = newName();
    const first = new HeldMail();
    await deliver(first, (email, agent) => agent.replyToEmail(email, { body: "x", secret, signReplyTo: true }), {
      name
    });
    const [{ address = "" } = {}] = (await first.reply()).replyTo ?? [];
    let arrived: string | undefined;
    await deliver(new HeldMail({ to: address }), (_, agent) => void (arrived = agent.name), { name, resolver });
    expect(arrived).toBe(name);
  });

  it("is not sent when the secret is empty, or an address is to be signed without one", async () => {
    const held = new HeldMail();
    const errors: unknown[] = [];
    await deliver(held, async (email, agent) => {
      errors.push(await errorOf(() => agent.replyToEmail(email, { body: "x", secret: "" })));
      errors.push(await errorOf(() => agent.replyToEmail(email, { body: "x", signReplyTo: true })));
    });
    const missing = expect.objectContaining({ code: "EMAIL_SECRET_MISSING" });
    expect([errors, held.replies]).toEqual([[missing, missing], []]);
  });

  // proves email-routing#secure-reply, email-routing#verified, email-routing#secret
  it("cannot be had by headers of somebody else", async () => {
    const held = new HeldMail({ headers: await signAgentHeaders("another secret", "Postman", "victim") });
    const onNoRoute = (email: ForwardableEmailMessage) => email.setReject("Unknown recipient");
    await deliver(held, () => {}, { resolver, onNoRoute });
    expect(held.rejections).toEqual(["Unknown recipient"]);
  });
});

describe("[E11] nothing is sent with", () => {
  const line = "x\r\nBcc: victim@example.com";
  it.each<[string, Record<string, unknown>]>([
    ["a name of two lines", { fromName: line }],
    ["a subject of two lines", { subject: line }],
    ["a subject with a bare line feed", { subject: "x\nBcc: victim@example.com" }],
    ["a subject with a bare carriage return", { subject: "x\rBcc: victim@example.com" }],
    ["a subject with a null", { subject: "x\0y" }],
    ["a subject with a line separator", { subject: "x\u2028Bcc: victim@example.com" }],
    ["a header of two lines", { headers: { "X-Custom": line } }],
    ["a header whose name is two lines", { headers: { "X-Custom: x\r\nBcc": "victim@example.com" } }],
    ["a header whose name has a colon", { headers: { "Bcc:victim@example.com": "x" } }],
    ["a header without a name", { headers: { "": "x" } }],
    ["a header that is no text", { headers: { "X-Custom": ["a", "b"] } }],
    ["another recipient", { headers: { Bcc: "victim@example.com" } }],
    ["another sender", { headers: { from: "boss@example.com" } }],
    ["another thread", { headers: { "In-Reply-To": "<x@example.com>" } }],
    ["another form", { headers: { "Content-Type": "multipart/mixed; boundary=x" } }],
    ["a content type of parts", { contentType: "multipart/mixed; boundary=x" }],
    ["a content type of two lines", { contentType: `text/plain\r\nBcc: victim@example.com` }],
    ["two addresses for answers", { replyTo: "a@example.com, b@example.com" }],
    ["an address for answers with a name", { replyTo: "A <a@example.com>" }],
    ["an address for answers of two lines", { replyTo: `${line}` }],
    ["a body that is no text", { body: { path: "/etc/passwd" } }],
    ["no body", { body: undefined }],
    ["a signed header of its own", { secret, headers: { "x-agent-id": "victim" } }]
  ])("%s", async (_name, options) => {
    const held = new HeldMail();
    let error: unknown;
    await deliver(held, async (email, agent) => {
      error = await errorOf(() => agent.replyToEmail(email, { body: "x", ...options } as never));
    });
    expect(error).toMatchObject({ code: "EMAIL_INVALID" });
    expect(held.replies).toEqual([]);
  });

  it.each(["ada@example.com\r\nRCPT TO:<victim@example.com>", "ada@example.com,victim@example.com", "ada", ""])(
    "the address %j",
    async (address) => {
      const held = new HeldMail();
      const errors: unknown[] = [];
      await deliver(held, async (email) => {
        errors.push(await errorOf(() => email.forward(address)));
        errors.push(await errorOf(() => email.reply({ from: email.to, to: address, raw: "" })));
        errors.push(await errorOf(() => email.reply({ from: address, to: email.from, raw: "" })));
      });
      const invalid = expect.objectContaining({ code: "EMAIL_INVALID" });
      expect([errors, held.replies, held.forwards]).toEqual([[invalid, invalid, invalid], [], []]);
    }
  );

  it("a reason of two lines", async () => {
    const held = new HeldMail();
    let error: unknown;
    await deliver(held, async (email) => {
      error = await errorOf(() => email.setReject("no\r\n250 OK"));
    });
    expect([error, held.rejections]).toEqual([expect.objectContaining({ code: "EMAIL_INVALID" }), []]);
  });

  it("what the mail says, where that is not what it seems", async () => {
    // The word is decoded by whoever shows it; it must stay one word of one header until then.
    const held = new HeldMail({ headers: { Subject: "=?UTF-8?Q?x=0D=0ABcc:_victim=40example.com?=" } });
    await deliver(held, (email, agent) => agent.replyToEmail(email, { body: "x" }));
    const [head = ""] = held.replies[0]!.raw.split("\r\n\r\n");
    expect(head).not.toMatch(/^bcc/im);
    expect((await held.reply()).bcc).toBeUndefined();
  });
});

describe("[E12] a mail of an agent", () => {
  it("says that a program has written it", async () => {
    const held = new HeldMail();
    await deliver(held, (email, agent) => agent.replyToEmail(email, { body: "x" }));
    expect(header(await held.reply(), "auto-submitted")).toBe("auto-replied");
  });

  it("says something else if the program does", async () => {
    const held = new HeldMail();
    const headers = { "auto-submitted": "auto-notified" };
    await deliver(held, (email, agent) => agent.replyToEmail(email, { body: "x", headers }));
    expect(header(await held.reply(), "auto-submitted")).toBe("auto-notified");
  });

  it.each<[string, ConstructorParameters<typeof HeldMail>[0]]>([
    ["another agent", { headers: { "Auto-Submitted": "auto-replied" } }],
    ["a list", { headers: { Precedence: "list" } }],
    ["a mail server", { from: "" }],
    ["who wants no automatic answers", { headers: { "X-Auto-Response-Suppress": "All" } }]
  ])("does not answer %s", async (_name, letter) => {
    const held = new HeldMail(letter);
    let sent: unknown;
    await deliver(held, async (email, agent) => void (sent = await agent.replyToEmail(email, { body: "x" })));
    expect([sent, held.replies]).toEqual([false, []]);
  });

  it("of a person answers all the same, and says nothing of programs", async () => {
    const held = new HeldMail({ headers: { Precedence: "list" } });
    await deliver(held, (email, agent) => agent.replyToEmail(email, { body: "x", automatic: false }));
    expect(header(await held.reply(), "auto-submitted")).toBeUndefined();
  });
});

describe("a mail of the agent's own", () => {
  const send = async (options: Partial<SendEmailOptions>, name = newName()) => {
    const sent: ReturnType<typeof asRaw>[] = [];
    const binding = {
      async send(message: EmailMessage) {
        sent.push(asRaw(message));
        return { messageId: "<given@example.org>" };
      }
    };
    const result = await runInDurableObject(env.Postman.getByName(name), (agent) =>
      agent.sendEmail({
        binding,
        from: "support@example.org",
        to: "ada@example.com",
        subject: "Your order",
        body: "x",
        ...options
      })
    );
    return { result, sent, mail: await PostalMime.parse(sent[0]!.raw) };
  };

  it("is sent through the binding", async () => {
    const { result, sent, mail } = await send({
      fromName: "Support",
      inReplyTo: "<a@b.example>",
      references: "<a@b.example>"
    });
    expect(result).toEqual({ messageId: "<given@example.org>" });
    expect(sent).toEqual([expect.objectContaining({ from: "support@example.org", to: "ada@example.com" })]);
    expect(mail).toMatchObject({
      from: { name: "Support", address: "support@example.org" },
      to: [{ address: "ada@example.com" }],
      subject: "Your order",
      inReplyTo: "<a@b.example>",
      references: "<a@b.example>"
    });
    expect([header(mail, "auto-submitted"), header(mail, "reply-to")]).toEqual(["auto-generated", undefined]);
  });

  it("with a secret has an address by which answers come back", async () => {
    const name = newName();
    const { mail } = await send({ secret }, name);
    const [{ address = "" } = {}] = mail.replyTo ?? [];
    expect(address).toMatch(/^support\+postman=postman-\d+=[a-z2-7]{21}@example\.org$/);
    let arrived: unknown;
    await deliver(new HeldMail({ to: address }), (email, agent) => void (arrived = [agent.name, email.secure]), {
      name,
      resolver: createSecureReplyEmailResolver(secret)
    });
    expect(arrived).toEqual([name, true]);
  });

  it("with a secret may keep its address", async () => {
    const { mail } = await send({ secret, signReplyTo: false });
    expect([mail.replyTo, header(mail, "x-agent-name")]).toEqual([undefined, "Postman"]);
  });

  it.each<[string, Partial<SendEmailOptions>]>([
    ["a recipient of two lines", { to: "ada@example.com\r\nBcc: victim@example.com" }],
    ["a sender of two lines", { from: "x@example.org\r\nBcc: victim@example.com" }],
    ["a thread of two lines", { inReplyTo: "<a@b>\r\nBcc: victim@example.com" }],
    ["references of two lines", { references: "<a@b>\r\nBcc: victim@example.com" }]
  ])("[E11] is not sent with %s", async (_name, options) => {
    expect(await errorOf(() => send(options))).toMatchObject({ code: "EMAIL_INVALID" });
  });
});

describe("[E13] a mail that comes twice", () => {
  const letter = { headers: { "Message-ID": "<twice@example.com>" } };
  const once = (name: string, handle: () => unknown, more = letter) =>
    deliver(new HeldMail(more), handle, { name, agent: "OncePostman" });

  it("is handled twice by default, and nothing is stored", async () => {
    const name = newName();
    let handled = 0;
    for (let n = 0; n < 2; n++) await deliver(new HeldMail(letter), () => handled++, { name });
    expect([handled, await env.Postman.getByName(name).size()]).toEqual([2, 0]);
  });

  it("is handled once with the option, also when the agent was evicted meanwhile", async () => {
    const name = newName();
    let handled = 0;
    await once(name, () => handled++);
    await evict(env.OncePostman.getByName(name));
    await once(name, () => handled++);
    await once(name, () => handled++, { headers: { "Message-ID": "<another@example.com>" } });
    expect(handled).toBe(2);
  });

  it("is handled once when the second comes during the first", async () => {
    const name = newName();
    let handled = 0;
    let finish!: () => void;
    const busy = new Promise<void>((resolve) => (finish = resolve));
    await runInDurableObject(env.OncePostman.getByName(name), async (agent) => {
      const begun = new Promise<void>((resolve) => {
        Postman.handlers.set(name, () => (handled++, resolve(), busy));
      });
      const { from, to, headers, rawSize } = new HeldMail(letter).message;
      const delivery = { from, to, headers: [...headers], rawSize, secure: false };
      const both = [1, 2].map(() => agent.__agentEmail(delivery, new LiveMail(new HeldMail().message)));
      await begun;
      // The second is a step behind.
      await new Promise((resolve) => setTimeout(resolve, 0));
      expect(handled).toBe(1);
      finish();
      await Promise.all(both);
    });
    expect(handled).toBe(1);
  });

  it("is handled again when the first was not, or was refused", async () => {
    const name = newName();
    let handled = 0;
    const fail = () => {
      handled++;
      throw new Error("thrown in onEmail");
    };
    await once(name, fail).catch(() => undefined);
    const refuse = (email: AgentEmail) => (handled++, email.setReject("no"));
    const held = [new HeldMail(letter), new HeldMail(letter)];
    for (const each of held) await deliver(each, refuse, { name, agent: "OncePostman" });
    expect([handled, held.map(({ rejections }) => rejections)]).toEqual([3, [["no"], ["no"]]]);
  });

  it("is handled again when the agent died while it handled the first", async () => {
    const name = newName();
    const die = (_: AgentEmail, agent: Postman) => agent.die();
    const killed = await errorOf(() => deliver(new HeldMail(letter), die, { name, agent: "OncePostman" }));
    expect(killed).toBeInstanceOf(Error);
    let handled = 0;
    await once(name, () => handled++);
    await once(name, () => handled++);
    expect(handled).toBe(1);
  });

  it("without an id is two mails", async () => {
    const name = newName();
    let handled = 0;
    for (let n = 0; n < 2; n++) await once(name, () => handled++, { headers: { "Message-ID": undefined } } as never);
    expect(handled).toBe(2);
  });

  it("after a week is a new one, and the old row is gone", async () => {
    const name = newName();
    let handled = 0;
    await once(name, () => handled++);
    const stub = env.OncePostman.getByName(name);
    await runInDurableObject(stub, (agent) => {
      agent.sql`UPDATE cf_agents_emails SET received_at = received_at - ${7 * 24 * 3_600_000 + 60_000}`;
    });
    await once(name, () => handled++, { headers: { "Message-ID": "<another@example.com>" } });
    await once(name, () => handled++);
    expect(handled).toBe(3);
  });
});

describe("[E14] an event tells", () => {
  // proves observability#email:receive, observability#email:reply
  it("what came and went", async () => {
    const name = newName();
    const events: unknown[] = [];
    const stub = env.OncePostman.getByName(name);
    await runInDurableObject(stub, (agent) => {
      agent.observability = {
        emit: ({ type, payload }) => void (type.startsWith("email:") && events.push([type, payload]))
      };
    });
    const letter = { headers: { "Message-ID": "<event@example.com>" } };
    const options = { name, agent: "OncePostman" };
    await deliver(new HeldMail(letter), (email, agent) => agent.replyToEmail(email, { body: "x" }), options);
    await deliver(new HeldMail(letter), () => {}, options);
    const automatic = { headers: { Subject: undefined, Precedence: "bulk" } };
    await deliver(new HeldMail(automatic), (email, agent) => agent.replyToEmail(email, { body: "x" }), options);
    const received = { from: "ada@example.com", to: "support@example.org" };
    expect(events).toEqual([
      ["email:receive", { ...received, subject: "A question" }],
      ["email:reply", { from: "support@example.org", to: "ada@example.com", subject: "Re: A question" }],
      ["email:duplicate", { ...received, subject: "A question" }],
      ["email:receive", received],
      ["email:suppress", received]
    ]);
  });
});

it("a client cannot give an agent a mail", async () => {
  const connection = await connect(env.Postman.getByName(newName()));
  expect(await connection.call("__agentEmail", {}, {})).toMatchObject({ success: false });
  expect(await connection.call("onEmail", {})).toMatchObject({ success: false });
});
