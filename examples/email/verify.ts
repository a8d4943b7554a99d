// Writes to the help desk as people do, and fails if it does not answer as it should: node verify.ts [address]
import assert from "node:assert/strict";
import PostalMime from "postal-mime";

const origin = process.argv[2] ?? "http://localhost:8787";
let mails = 0;

interface Outcome {
  outcome: string;
  rejectReason?: string;
  replies: { raw: string }[];
}

/** Has the development server deliver a mail. */
async function write(to: string, headers: Record<string, string> = {}, from = "ada@example.com"): Promise<Outcome> {
  const all = {
    From: from,
    To: to,
    Subject: "My lamp",
    "Message-ID": `<${Date.now()}-${mails++}@example.com>`,
    ...headers
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const url = new URL(`/cdn-cgi/handler/email?${new URLSearchParams({ from, to, format: "json" })}`, origin);
  const response = await fetch(url, { method: "POST", body: [...lines, "", "It does not shine."].join("\r\n") });
  return (await response.json()) as Outcome;
}

/** The one reply to a mail. */
async function answer(to: string, headers?: Record<string, string>) {
  const { outcome, replies } = await write(to, headers);
  assert.equal(outcome, "ok");
  assert.equal(replies.length, 1);
  const mail = await PostalMime.parse(replies[0]!.raw);
  return { ...mail, replyTo: mail.replyTo?.[0]?.address ?? "" };
}

const first = await answer("help@example.org", { "Message-ID": `<begin-${Date.now()}@example.com>` });
assert.equal(first.subject, "Re: My lamp");
assert.deepEqual(first.from, { name: "Help desk", address: "help@example.org" });
const [, ticket] = /mail 1 of ticket (\w{12})/.exec(first.text ?? "") ?? [];
assert.ok(ticket, first.text);

// People's mail programs write to the address for replies, and keep no headers of ours.
const second = await answer(first.replyTo, { Subject: "Re: My lamp" });
assert.match(second.text ?? "", new RegExp(`mail 2 of ticket ${ticket}`));
assert.equal(second.subject, "Re: My lamp");

// Programs may keep the headers.
const signed = first.headers.filter(({ key }) => key.startsWith("x-agent-"));
assert.equal(signed.length, 4);
const headers = Object.fromEntries(signed.map(({ key, value }) => [key, value]));
assert.match((await answer("help@example.org", headers)).text ?? "", new RegExp(`mail 3 of ticket ${ticket}`));

// Nobody gets into a ticket by changing either.
const forged = await answer("help@example.org", { ...headers, "x-agent-id": "aaaaaaaaaaaa" });
assert.match(forged.text ?? "", /mail 1 of ticket (?!aaaaaaaaaaaa)/);
assert.equal((await write(first.replyTo.replace(ticket, "aaaaaaaaaaaa"))).rejectReason, "Unknown recipient");
assert.equal((await write("somebody@example.org")).rejectReason, "Unknown recipient");

// A mail that comes again is dropped, and a program that answers by itself is not answered.
const again = { "Message-ID": `<again-${Date.now()}@example.com>` };
assert.equal((await write("help@example.org", again)).replies.length, 1);
assert.equal((await write("help@example.org", again)).replies.length, 0);
assert.equal((await write("help@example.org", { "Auto-Submitted": "auto-replied" })).replies.length, 0);
assert.equal(
  (await write("help@example.org", { Subject: "Unsubscribe" })).rejectReason,
  "This is a help desk, not a list"
);

console.log("The help desk opens tickets, knows who answers, and is not fooled.");
