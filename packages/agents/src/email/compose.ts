import type { RawEmail } from "../core/email";
import { checkAddress, checkHeader, checkLine, invalid } from "./check";
import type MimeNode from "./mime";

/** A mail before it is written. */
export interface Draft {
  from: string;
  fromName?: string | undefined;
  to: string;
  subject: string;
  body: string;
  contentType?: string | undefined;
  replyTo?: string | undefined;
  inReplyTo?: string | undefined;
  references?: string | undefined;
  /** Of the program that sends it. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Ours, such as signatures. */
  ownHeaders: Readonly<Record<string, string>>;
}

// What a draft says by a field of its own, what belongs to MIME, and what mail servers add.
const managed =
  /^(from|sender|to|cc|bcc|reply-to|subject|in-reply-to|references|message-id|date|received|return-path|mime-version|content-.*)$/i;

/**
 * Writes a mail as MIME.
 *
 * @throws EMAIL_INVALID for what cannot be in a mail; nothing that is given can begin a header or a part of its own
 */
export async function compose(draft: Draft): Promise<RawEmail> {
  const from = checkAddress("The sender's address", draft.from);
  const to = checkAddress("The recipient's address", draft.to);
  const name = checkLine("The sender's name", draft.fromName ?? "");
  const subject = checkLine("The subject", draft.subject);
  if (typeof draft.body !== "string") throw invalid(`The body must be a text, and is ${typeof draft.body}`);
  const headers: Record<string, string> = {};
  for (const [header, value] of Object.entries(draft.headers ?? {})) {
    if (managed.test(header))
      throw invalid(`The header ${header} cannot be set here: the mail has it from its own fields`);
    if (Object.keys(draft.ownHeaders).some((own) => own.toLowerCase() === header.toLowerCase())) {
      throw invalid(`The header ${header} cannot be set here: it is signed`);
    }
    headers[header] = checkHeader(header, value);
  }
  const { default: Library } = await import("./mime");
  const mail: Mail = new Library(`${typeOf(draft.contentType)}; charset=utf-8`, {
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: "\r\n",
    normalizeHeaderKey: (header) => header
  });
  // Addresses have been read: what reads them is not built into the library.
  const addressed = (address: string, name = "") => ({ name, address });
  mail.setHeader({ From: addressed(from, name), To: addressed(to), Subject: subject });
  mail.setHeader({ ...headers, ...draft.ownHeaders });
  if (draft.replyTo) mail.setHeader("Reply-To", addressed(checkAddress("The address for replies", draft.replyTo)));
  if (draft.inReplyTo) mail.setHeader("In-Reply-To", checkLine("In-Reply-To", draft.inReplyTo));
  if (draft.references) mail.setHeader("References", checkLine("References", draft.references));
  mail.setContent(draft.body);
  const raw = (await mail.build()).toString();
  // Mail servers compare the two, and a domain has its own spelling in a header.
  return { from: mail.getEnvelope().from || from, to, raw };
}

/** The rest is left out of what is shipped (bundle-libraries.ts). */
type Mail = Pick<MimeNode, "setHeader" | "setContent" | "build" | "getEnvelope">;

/** The body is a text, which is sent as UTF-8 whatever it was before. */
function typeOf(contentType = "text/plain"): string {
  const [type = ""] = checkLine("The content type", contentType).split(";");
  if (/^text\/[\w.+-]+$/.test(type.trim())) return type.trim();
  throw invalid(`The content type must be that of a text, and is ${JSON.stringify(contentType)}`);
}
