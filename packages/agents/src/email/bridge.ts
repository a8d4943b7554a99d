import { RpcTarget } from "cloudflare:workers";
import type { MailBridge, RawEmail } from "../core/email";
import { released } from "./received";

/** The mail that the Worker holds, as its agent may use it while the Worker waits. */
export class LiveMail extends RpcTarget implements MailBridge {
  #message: ForwardableEmailMessage | undefined;
  #raw: Promise<Uint8Array> | undefined;

  constructor(message: ForwardableEmailMessage) {
    super();
    this.#message = message;
  }

  // A stream can be read once, and an agent may ask again.
  getRaw(): Promise<Uint8Array> {
    return (this.#raw ??= new Response(this.#live.raw).bytes());
  }

  async reply(reply: RawEmail): Promise<void> {
    await this.#live.reply(await envelope(reply));
  }

  async forward(rcptTo: string, headers?: [name: string, value: string][]): Promise<void> {
    await this.#live.forward(rcptTo, headers && new Headers(headers));
  }

  async setReject(reason: string): Promise<void> {
    this.#live.setReject(reason);
  }

  /** From now on, everybody who still has it gets an error. */
  static release(mail: LiveMail): void {
    mail.#message = undefined;
    mail.#raw = undefined;
  }

  get #live(): ForwardableEmailMessage {
    if (!this.#message) throw released();
    return this.#message;
  }
}

/** A mail as the platform takes it. */
export async function envelope({ from, to, raw }: RawEmail): Promise<EmailMessage> {
  try {
    const { EmailMessage } = await import("cloudflare:email");
    return new EmailMessage(from, to, raw);
  } catch (error) {
    if (!/No such module/i.test(String(error))) throw error;
    // No mail server of the platform is behind this one, so nothing but the program itself can be.
    return { from, to, raw } as EmailMessage;
  }
}
