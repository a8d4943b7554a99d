import { describe, expect, it } from "vitest";
import PostalMime from "postal-mime";
import { isAutoReplyEmail } from "../email";
import { isFromProgram } from "./auto-reply";

describe("[E12] a mail is automatic", () => {
  // proves email-routing#isAutoReplyEmail
  it.each([
    ["Auto-Submitted", "auto-replied", true],
    ["Auto-Submitted", "auto-generated", true],
    ["Auto-Submitted", "Auto-Notified; owner-email=x@example.com", true],
    ["Auto-Submitted", "no", false],
    ["Auto-Submitted", "No (written by hand); a=b", false],
    ["Auto-Submitted", "", false],
    ["X-Auto-Response-Suppress", "All", true],
    ["X-Auto-Response-Suppress", "OOF, AutoReply", true],
    ["X-Auto-Response-Suppress", "None", false],
    ["Precedence", "bulk", true],
    ["Precedence", "list", true],
    ["Precedence", "junk", true],
    ["Precedence", "auto_reply", true],
    ["Precedence", "first-class", false],
    ["Subject", "Re: auto-replied", false]
  ])("by %s: %s is %s", async (name, value, expected) => {
    const raw = `From: a@example.com\r\n${name}: ${value}\r\n\r\nHello`;
    expect(isAutoReplyEmail((await PostalMime.parse(raw)).headers)).toBe(expected);
    expect(isAutoReplyEmail(new Headers([[name, value]]))).toBe(expected);
  });

  it.each<[string, Record<string, string>, boolean]>([
    ["", {}, true],
    ["<>", {}, true],
    ["MAILER-DAEMON@example.com", {}, true],
    ["list@example.com", { "List-Id": "<dev.example.com>" }, true],
    ["ada@example.com", {}, false],
    ["ada@example.com", { "Auto-Submitted": "auto-replied" }, true]
  ])("and not to be answered, from %j with %j: %s", (from, headers, expected) => {
    expect(isFromProgram({ from, headers: new Headers(headers) })).toBe(expected);
  });
});
