// What the build makes of the library that writes mail (bundle-libraries.ts).
import { expect, it } from "vitest";
import MimeNode from "nodemailer/lib/mime-node";

it("writes what the whole library does", async () => {
  const { default: Built } = (await import(new URL("../../dist/email/mime.mjs", import.meta.url).href)) as {
    default: typeof MimeNode;
  };
  const write = async (
    Writer: typeof MimeNode,
    to: string | { name: string; address: string },
    type: string,
    subject: string,
    body: string
  ) => {
    const mail = new Writer(`${type}; charset=utf-8`, { newline: "\r\n", normalizeHeaderKey: (header) => header });
    mail.setHeader({
      From: { name: "Zoë, of “Support”", address: "support@bücher.example" },
      To: to,
      Subject: subject,
      Date: "Sun, 22 Nov 2026 00:00:00 +0000",
      "Message-ID": "<1@example.org>",
      References: "<a@example.org> <b@example.org>"
    });
    mail.setContent(body);
    return { raw: (await mail.build()).toString(), envelope: mail.getEnvelope() };
  };
  for (const [type, subject, body] of [
    ["text/plain", "Order 7", "Thank you.\n"],
    ["text/html", "Ordre reçu ".repeat(20), "<p>Grüße</p>\n".repeat(50)],
    ["text/plain", "注文", `${"注文を受け付けました。".repeat(40)}\n.\nFrom here\n${"x".repeat(2000)}`]
  ] as const) {
    const expected = await write(MimeNode, "ada@example.org", type, subject, body);
    expect(expected.raw).toContain("support@xn--bcher-kva.example");
    const to = { name: "", address: "ada@example.org" };
    expect(await write(Built, to, type, subject, body)).toEqual(expected);
  }
});
