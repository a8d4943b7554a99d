// What the build makes of the library that writes mail (bundle-libraries.ts), against the whole of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import MimeNode from "nodemailer/lib/mime-node";
import { expect, it, onTestFinished } from "vitest";
import { bundleLibrary } from "../../bundle-libraries.ts";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../test/random";

async function built(): Promise<typeof MimeNode> {
  const folder = mkdtempSync(join(tmpdir(), "mime-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "mime.mjs");
  await bundleLibrary("email/mime", join(import.meta.dirname, "mime.ts"), file);
  return ((await import(pathToFileURL(file).href)) as { default: typeof MimeNode }).default;
}

type Headers = Record<string, string | { name: string; address: string }>;

/** As an agent does (compose.ts), without what differs from one mail to the next. */
async function write(Writer: typeof MimeNode, type: string, headers: Headers, body: string) {
  const mail = new Writer(`${type}; charset=utf-8`, {
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: "\r\n",
    normalizeHeaderKey: (header) => header
  });
  const { From, To, Subject, ...others } = structuredClone(headers);
  mail.setHeader({ From, To, Subject });
  mail.setHeader(others);
  mail.setContent(body);
  const raw = (await mail.build()).toString();
  return {
    raw: raw
      .replace(/^Date: .{29,31}\r$/m, "Date: (now)\r")
      .replace(/^(Message-ID:\s+)<[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}@/m, "$1<(new)@"),
    envelope: mail.getEnvelope()
  };
}

it("writes what the whole library does, given addresses in parts", async () => {
  const Built = await built();
  for (const [type, Subject, body] of [
    ["text/plain", "Order 7", "Thank you.\n"],
    ["text/html", "Ordre reçu ".repeat(20), "<p>Grüße</p>\n".repeat(50)],
    ["text/plain", "注文", `${"注文を受け付けました。".repeat(40)}\n.\nFrom here\n${"x".repeat(2000)}`]
  ] as const) {
    const headers = {
      From: { name: "Zoë, of “Support”", address: "support@bücher.example" },
      Subject,
      References: "<a@example.org> <b@example.org>"
    };
    const expected = await write(MimeNode, type, { ...headers, To: "ada@example.org" }, body);
    expect(expected).toEqual({
      raw: expect.stringMatching(/^Date: \(now\)\r\nMessage-ID: <\(new\)@xn--bcher-kva\.example>\r\n/m),
      envelope: { from: "support@xn--bcher-kva.example", to: ["ada@example.org"] }
    });
    const To = { name: "", address: "ada@example.org" };
    expect(await write(Built, type, { ...headers, To }, body)).toEqual(expected);
  }
});

const ascii = 'order 7 Re: = =3D =?utf-8?Q?a?= =?x?= "quoted" back\\slash a,b;c <b> (x) .'.split(" ");
const others = "Grüße café 注文を受け付けました Ω≈ç 😀 👩‍👩‍👧 \ud83d ﬁ مرحبا …".split(" ");
const words = [...ascii, ...others, "", "\t", "x".repeat(90), "ü".repeat(60)];
const text = (random: Random, most: number, between = [" ", " ", "", "  "]) =>
  Array.from({ length: random.below(most) }, () => random.pick(words) + random.pick(between)).join("");

const users = ["ada", "a.b+c", '"a b"', "zoë", "用户", "o'neil", "x".repeat(64), "a..b", '"q\\"q"'];
const domains = [
  ..."example.org bücher.example 例え.jp XN--BCHER-KVA.example [192.0.2.1] a_b.example faß.de".split(" "),
  `${"a.".repeat(40)}org`
];
const address = (random: Random) => ({
  name: random.chance(0.3) ? "" : text(random, 4),
  address: `${random.pick(users)}@${random.pick(domains)}`
});
const ids = (random: Random, most: number) =>
  Array.from(
    { length: random.below(most) },
    () => `<${random.below(2 ** 30)}.${random.pick(words).trim()}@x.example>`
  ).join(" ");

const names =
  "X-Order x-order Auto-Submitted List-Unsubscribe X-SMTPAPI OTP-Token Content-features ARC-Seal Priority".split(" ");

function headersFrom(random: Random): Headers {
  const headers: Headers = { From: address(random), To: address(random), Subject: text(random, 12) };
  for (let i = random.below(4); i > 0; i--) headers[random.pick(names)] = text(random, random.pick([3, 30]));
  if (random.chance(0.3)) headers["Reply-To"] = address(random);
  if (random.chance(0.5)) headers["In-Reply-To"] = ids(random, 2);
  if (random.chance(0.5)) headers.References = ids(random, 20);
  return headers;
}

function bodyFrom(random: Random): string {
  const lines = [" ", "", "\n", "\r\n", "\r", "\n\n", " \n", "\n.\n", "\nFrom "];
  if (random.chance(0.5)) return text(random, 60, lines);
  // In letters of one kind: how it is encoded depends on how many there are.
  const word = random.pick(words);
  return Array.from({ length: random.below(400) }, () => word + random.pick(lines)).join("");
}

it(`writes what the whole library does (${fuzzSeeds} seeds)`, { timeout: fuzzTimeoutMs(60_000) }, async () => {
  const Built = await built();
  const encodings = new Set<string | undefined>();
  await eachSeed(async (random) => {
    for (let i = 0; i < 5; i++) {
      const type = random.pick(["text/plain", "text/html", "text/x.y+z"]);
      const mail = [type, headersFrom(random), bodyFrom(random)] as const;
      const expected = await write(MimeNode, ...mail);
      expect({ mail, ...(await write(Built, ...mail)) }).toEqual({ mail, ...expected });
      encodings.add(/^Content-Transfer-Encoding: (.*)\r$/m.exec(expected.raw)?.[1]);
    }
  });
  // Mails of each, and such without a text, if there were many.
  const all = ["7bit", "base64", "quoted-printable", undefined];
  expect(all.filter((encoding) => fuzzSeeds >= 300 && !encodings.has(encoding))).toEqual([]);
});
