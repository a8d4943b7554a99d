import type { AgentEmail, Delivery, MailBridge, RawEmail } from "../core/email";
import { AgentError } from "../protocol/errors";
import { checkAddress, checkHeader, checkLine } from "./check";

/** A mail in the hands of its agent. What it can do goes over the bridge, until `release`. */
export class ReceivedEmail implements AgentEmail {
  readonly from: string;
  readonly to: string;
  readonly headers: Headers;
  readonly rawSize: number;
  readonly secure: boolean;
  #bridge: MailBridge | undefined;
  #isRejected = false;
  readonly #calls = new Set<Promise<unknown>>();
  /** Of those that nobody can wait for. */
  #failure: { error: unknown } | undefined;

  constructor({ from, to, headers, rawSize, secure }: Delivery, bridge: MailBridge) {
    this.from = from;
    this.to = to;
    this.headers = new Headers(headers);
    this.rawSize = rawSize;
    this.secure = secure;
    this.#bridge = bridge;
  }

  get isRejected(): boolean {
    return this.#isRejected;
  }

  async getRaw(): Promise<Uint8Array> {
    return this.#call((bridge) => bridge.getRaw());
  }

  async reply({ from, to, raw }: RawEmail): Promise<void> {
    checkAddress("The sender's address", from);
    checkAddress("The recipient's address", to);
    await this.#call((bridge) => bridge.reply({ from, to, raw }));
  }

  async forward(rcptTo: string, headers?: Headers): Promise<void> {
    checkAddress("The recipient's address", rcptTo);
    const added = headers && [...headers];
    for (const [name, value] of added ?? []) checkHeader(name, value);
    await this.#call((bridge) => bridge.forward(rcptTo, added));
  }

  setReject(reason: string): void {
    checkLine("The reason", reason);
    this.#call((bridge) => bridge.setReject(reason)).catch((error: unknown) => (this.#failure ??= { error }));
    this.#isRejected = true;
  }

  /** Waits for what was begun, then lets go of the mail. */
  async release(): Promise<void> {
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
    this.#bridge = undefined;
    if (this.#failure) throw this.#failure.error;
  }

  #call<Result>(run: (bridge: MailBridge) => Promise<Result>): Promise<Result> {
    if (!this.#bridge) throw released();
    const call = run(this.#bridge).finally(() => this.#calls.delete(call));
    this.#calls.add(call);
    return call;
  }
}

/** What anything says that comes after the end of `onEmail`. */
export const released = (): AgentError =>
  new AgentError(
    "EMAIL_RELEASED",
    "This mail was handed back when onEmail() ended: it can be replied to, forwarded, rejected and read until then. Send a mail of your own with sendEmail()."
  );
