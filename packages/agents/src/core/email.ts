/** A mail that an agent was given. Its methods act on the mail itself, and end with `onEmail`: `EMAIL_RELEASED` afterwards. */
export interface AgentEmail {
  /** The sender, as the mail server was told: empty for a notice of failed delivery. */
  readonly from: string;
  /** The address that it was sent to. */
  readonly to: string;
  readonly headers: Headers;
  /** In bytes. */
  readonly rawSize: number;
  /** It is a proven reply to a mail of this agent: `createSecureReplyEmailResolver` has found it. */
  readonly secure?: boolean;
  /** The mail as it came, headers and all. */
  getRaw(): Promise<Uint8Array>;
  /** Answers with a mail that is complete. `replyToEmail` of the agent makes one. */
  reply(options: RawEmail): Promise<void>;
  /** Sends it on to an address that is verified. Headers that are added begin with `X-`. */
  forward(rcptTo: string, headers?: Headers): Promise<void>;
  /** Refuses it, for good: its sender gets a notice with the reason. */
  setReject(reason: string): void;
}

/** A whole mail, and between whom it goes. */
export interface RawEmail {
  from: string;
  to: string;
  /** MIME, headers first. */
  raw: string;
}

/** A mail as it travels to its agent. */
export interface Delivery {
  from: string;
  to: string;
  headers: [name: string, value: string][];
  rawSize: number;
  secure: boolean;
}

/** What an agent can do with a mail that the Worker holds. Only this crosses between the two. */
export interface MailBridge {
  getRaw(): Promise<Uint8Array>;
  reply(reply: RawEmail): Promise<void>;
  forward(rcptTo: string, headers?: [name: string, value: string][]): Promise<void>;
  setReject(reason: string): Promise<void>;
}
