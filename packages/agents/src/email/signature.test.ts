import { env } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { AgentError } from "../index";
import { errorOf } from "../test/kit";
import { HeldMail, type Letter } from "../test/mail-kit";
import {
  createAddressBasedEmailResolver,
  createCatchAllEmailResolver,
  createHeaderBasedEmailResolver,
  createSecureReplyEmailResolver,
  DEFAULT_MAX_AGE_SECONDS,
  signAgentHeaders,
  type SecureReplyResolverOptions
} from "../email";
import { signAddress } from "./signature";

const secret = "a secret of a test";
const day = 24 * 60 * 60;
const mail = (letter: Letter) => new HeldMail(letter).message;
const to = (address: string) => mail({ to: address });

afterEach(() => void vi.useRealTimers());

/** What the resolver of proven replies makes of a mail, and why not. */
async function prove(letter: Letter, options: SecureReplyResolverOptions = {}, key = secret) {
  const reasons: string[] = [];
  const onInvalidSignature = (_: unknown, reason: string) => void reasons.push(reason);
  const resolver = createSecureReplyEmailResolver(key, { ...options, onInvalidSignature });
  return { route: await resolver(mail(letter), env), reasons };
}
const proved = (agentName: string, agentId: string) => ({ route: { agentName, agentId, secure: true }, reasons: [] });
const refused = (...reasons: string[]) => ({ route: null, reasons });
const signed = () => signAgentHeaders(secret, "Postman", "one");
const later = (seconds: number) => vi.useFakeTimers({ now: Date.now() + seconds * 1000, toFake: ["Date"] });

describe("[E1] the resolver by address", () => {
  const resolver = createAddressBasedEmailResolver("EmailAgent");

  // proves email-routing#by-address, email-routing#by-address-default, email-routing#by-address-sub-address
  it.each([
    ["support@example.com", { agentName: "EmailAgent", agentId: "support" }],
    ["sales@example.com", { agentName: "EmailAgent", agentId: "sales" }],
    ["NotificationAgent+user123@example.com", { agentName: "NotificationAgent", agentId: "user123" }],
    ["agent+a+b@example.com", { agentName: "agent", agentId: "a+b" }],
    ["+user@example.com", null],
    ["agent+@example.com", null],
    ["@example.com", null],
    ["nobody", null]
  ])("routes %s", async (address, route) => {
    expect(await resolver(to(address), env)).toEqual(route);
  });
});

// proves email-routing#catch-all
it("[E1] the resolver for all routes any mail to one instance", async () => {
  const resolver = createCatchAllEmailResolver("EmailAgent", "default");
  for (const address of ["support@example.com", "Other+x@example.com", "nobody"]) {
    expect(await resolver(to(address), env)).toEqual({ agentName: "EmailAgent", agentId: "default" });
  }
});

it("[E1] the resolver by headers is gone, and says what to use", () => {
  expect(() => createHeaderBasedEmailResolver()).toThrow(
    /createSecureReplyEmailResolver.*createAddressBasedEmailResolver/
  );
});

describe("[E2] signed headers", () => {
  // proves email-routing#signAgentHeaders, email-routing#signed-headers
  it("are the four of the documentation, with the names as they are", async () => {
    const headers = await signed();
    expect(headers).toEqual({
      "X-Agent-Name": "Postman",
      "X-Agent-ID": "one",
      "X-Agent-Sig": expect.stringMatching(/^[\w+/]{43}=$/),
      "X-Agent-Sig-Ts": expect.stringMatching(/^\d{10}$/)
    });
  });

  it.each([
    ["Postman", "one"],
    ["Postman", "a name: of any <kind>, 100 % ☃\r\nBcc: x@example.com"]
  ])("lead back to %s %s", async (agentName, agentId) => {
    const headers = await signAgentHeaders(secret, agentName, agentId);
    expect(Object.values(headers).join("")).toMatch(/^[!-~]+$/);
    expect(await prove({ headers })).toEqual(proved(agentName, agentId));
  });

  // proves email-routing#onInvalidSignature, email-routing#reasons, email-routing#verified
  it.each<[string, (headers: Record<string, string>) => Record<string, string | undefined>, string]>([
    ["without a header", () => ({ "X-Agent-Name": undefined }), "missing_headers"],
    ["without an id", () => ({ "X-Agent-ID": undefined }), "missing_headers"],
    ["without a signature", () => ({ "X-Agent-Sig": undefined }), "missing_headers"],
    ["without a time", () => ({ "X-Agent-Sig-Ts": undefined }), "missing_headers"],
    ["with a time that is none", () => ({ "X-Agent-Sig-Ts": "soon" }), "malformed_timestamp"],
    ["with a negative time", () => ({ "X-Agent-Sig-Ts": "-1" }), "malformed_timestamp"],
    ["with a time of many digits", () => ({ "X-Agent-Sig-Ts": "9".repeat(400) }), "malformed_timestamp"],
    [
      "with two times",
      ({ "X-Agent-Sig-Ts": time }) => ({ "X-Agent-Sig-Ts": `${time}, ${time}` }),
      "malformed_timestamp"
    ],
    ["with another time", ({ "X-Agent-Sig-Ts": time }) => ({ "X-Agent-Sig-Ts": `${Number(time) - 1}` }), "invalid"],
    ["of another instance", () => ({ "X-Agent-ID": "two" }), "invalid"],
    ["of another class", () => ({ "X-Agent-Name": "Other" }), "invalid"],
    // What is signed is not the two names, one after the other.
    ["whose names are cut elsewhere", () => ({ "X-Agent-Name": "Postmano", "X-Agent-ID": "ne" }), "invalid"],
    ["with an id that cannot be read", () => ({ "X-Agent-ID": "%zz" }), "invalid"],
    ["with a signature that is no base64", () => ({ "X-Agent-Sig": "!" }), "invalid"],
    ["with half a signature", ({ "X-Agent-Sig": sig }) => ({ "X-Agent-Sig": sig!.slice(0, 20) }), "invalid"],
    ["with an empty signature", () => ({ "X-Agent-Sig": "====" }), "invalid"]
  ])("%s prove nothing", async (_name, change, reason) => {
    const headers = await signed();
    expect(await prove({ headers: { ...headers, ...change(headers) } })).toEqual(refused(reason));
  });

  // proves email-routing#secret
  it("prove nothing to who has another secret", async () => {
    expect(await prove({ headers: await signed() }, {}, "another")).toEqual(refused("invalid"));
  });

  // proves email-routing#maxAge, email-routing#signAgentHeaders, email-routing#secure-reply-expired
  it("are good for 30 days, and not a second longer", async () => {
    vi.useFakeTimers({ now: 1_800_000_000_000, toFake: ["Date"] });
    const headers = await signed();
    later(DEFAULT_MAX_AGE_SECONDS);
    expect(await prove({ headers })).toEqual(proved("Postman", "one"));
    later(1);
    expect(await prove({ headers })).toEqual(refused("expired"));
    expect(DEFAULT_MAX_AGE_SECONDS).toBe(2_592_000);
  });

  // proves email-routing#maxAge
  it("are good for as long as is said", async () => {
    vi.useFakeTimers({ now: 1_800_000_000_000, toFake: ["Date"] });
    const headers = await signed();
    later(7 * day + 1);
    expect(await prove({ headers }, { maxAge: 7 * day })).toEqual(refused("expired"));
    expect(await prove({ headers }, { maxAge: Number.NaN })).toEqual(refused("expired"));
    expect(await prove({ headers }, { maxAge: 8 * day })).toEqual(proved("Postman", "one"));
  });

  it("of the future prove nothing, but for clocks that differ", async () => {
    vi.useFakeTimers({ now: 1_800_000_000_000, toFake: ["Date"] });
    const headers = await signed();
    later(-300);
    expect(await prove({ headers })).toEqual(proved("Postman", "one"));
    later(-1);
    expect(await prove({ headers })).toEqual(refused("invalid"));
  });
});

describe("[E4] a signed address", () => {
  const address = (id: string, agentName = "Postman") =>
    signAddress(secret, "support@example.org", { agentName, agentId: id }, Date.now());

  it.each([["ticket-7"], ["Ticket 7"], ["Zoë"], ["a=b"]])("leads to %s, also when its case is lost", async (id) => {
    const signedAddress = await address(id);
    expect(signedAddress).toMatch(/^support\+postman=[a-z0-9.-]+=[a-z2-7]{21}@example\.org$/);
    expect(await prove({ to: signedAddress })).toEqual(proved("postman", id));
    expect(await prove({ to: signedAddress.toUpperCase() })).toEqual(proved("postman", id));
  });

  it("proves nothing when anything in it is changed", async () => {
    const signedAddress = await address("ticket-7");
    const start = signedAddress.indexOf("+") + 1;
    for (let place = start; place < signedAddress.indexOf("@"); place++) {
      const other = signedAddress[place] === "b" ? "c" : "b";
      const forged = signedAddress.slice(0, place) + other + signedAddress.slice(place + 1);
      const { route, reasons } = await prove({ to: forged });
      expect([route, reasons.length], forged).toEqual([null, 1]);
    }
  });

  it("expires, and is none of the future", async () => {
    vi.useFakeTimers({ now: 1_800_000_000_000, toFake: ["Date"] });
    const signedAddress = await address("ticket-7");
    later(day);
    expect(await prove({ to: signedAddress }, { maxAge: day })).toEqual(proved("postman", "ticket-7"));
    later(60);
    expect(await prove({ to: signedAddress }, { maxAge: day })).toEqual(refused("expired"));
    later(-2 * day);
    expect(await prove({ to: signedAddress })).toEqual(refused("invalid"));
  });

  it("is refused when there is no room for it", async () => {
    await address("i".repeat(26));
    const error = await errorOf(() => address("i".repeat(27)));
    expect(error).toMatchObject({ code: "EMAIL_INVALID", message: expect.stringMatching(/65 characters/) });
  });

  it("that belongs to somebody else is no signature", async () => {
    for (const other of ["support@example.org", "ann+shopping@example.org", "a+b=c=d@example.org"]) {
      expect(await prove({ to: other })).toEqual(refused("missing_headers"));
    }
  });

  it("does not help mail whose headers are wrong", async () => {
    const headers = { ...(await signed()), "X-Agent-Sig": "AAAA" };
    expect(await prove({ to: await address("ticket-7"), headers })).toEqual(refused("invalid"));
  });
});

describe("[E3] without a secret", () => {
  it.each([undefined, "", null, 7])("%j signs and verifies nothing", async (none) => {
    const noSecret = none as string;
    expect(() => createSecureReplyEmailResolver(noSecret)).toThrow(
      expect.objectContaining({ code: "EMAIL_SECRET_MISSING" })
    );
    const error = await errorOf(() => signAgentHeaders(noSecret, "Postman", "one"));
    expect(AgentError.isInstance(error, "EMAIL_SECRET_MISSING")).toBe(true);
  });

  it("names that are empty are not signed", async () => {
    expect(await errorOf(() => signAgentHeaders(secret, "", "one"))).toMatchObject({ code: "EMAIL_INVALID" });
    expect(await errorOf(() => signAgentHeaders(secret, "Postman", ""))).toMatchObject({ code: "EMAIL_INVALID" });
  });
});
