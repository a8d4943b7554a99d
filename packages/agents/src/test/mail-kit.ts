import { env } from "cloudflare:test";
import PostalMime, { type Email } from "postal-mime";
import { vi } from "vitest";
import { routeAgentEmail, type EmailRoutingOptions } from "../index";
import { createCatchAllEmailResolver, type AgentEmail } from "../email";
import { Postman } from "./mail-agents";

export interface Letter {
  from?: string;
  to?: string;
  /** Those that are undefined are left out. */
  headers?: Record<string, string | undefined>;
  body?: string;
}

let letters = 0;

/** A mail that a Worker holds, and what becomes of it. */
export class HeldMail {
  readonly replies: { from: string; to: string; raw: string }[] = [];
  readonly forwards: [rcptTo: string, headers: [string, string][] | undefined][] = [];
  readonly rejections: string[] = [];
  readonly message: ForwardableEmailMessage;

  constructor({ from = "ada@example.com", to = "support@example.org", headers = {}, body = "Hello" }: Letter = {}) {
    const all = {
      From: from,
      To: to,
      Subject: "A question",
      "Message-ID": `<letter-${letters++}@example.com>`,
      ...headers
    };
    const lines = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const raw = new TextEncoder().encode([...lines.map((line) => line.join(": ")), "", body].join("\r\n"));
    const sent = { messageId: "<sent@example.org>" };
    this.message = {
      from,
      to,
      headers: new Headers(lines),
      raw: new Blob([raw]).stream(),
      rawSize: raw.length,
      setReject: (reason: string) => void this.rejections.push(reason),
      forward: async (rcptTo: string, added?: Headers) => {
        this.forwards.push([rcptTo, added && [...added]]);
        return sent;
      },
      reply: async (message: object) => {
        this.replies.push(asRaw(message));
        return sent;
      }
    };
  }

  /** The one reply, as its reader sees it. */
  async reply(): Promise<Email> {
    if (this.replies.length !== 1) throw new Error(`${this.replies.length} replies`);
    return PostalMime.parse(this.replies[0]!.raw);
  }
}

/** What was made with `new EmailMessage`: the local runtime hides the text in it. */
export const asRaw = (message: object): { from: string; to: string; raw: string } => {
  const { from, to, "EmailMessage::raw": raw } = message as Record<string, string>;
  return { from: from!, to: to!, raw: raw! };
};

export const header = ({ headers }: Email, name: string): string | undefined =>
  headers.find(({ key }) => key === name.toLowerCase())?.value;

let names = 0;
export const newName = (): string => `postman-${names++}`;

/** Has an agent get a mail, by default a new one. */
export async function deliver(
  held: HeldMail,
  handle: (email: AgentEmail, agent: Postman) => unknown,
  {
    name = newName(),
    agent = "Postman",
    ...options
  }: { name?: string; agent?: string } & Partial<EmailRoutingOptions> = {}
): Promise<DurableObjectStub<Postman>> {
  Postman.handlers.set(name, handle);
  await routeAgentEmail(held.message, env, { resolver: createCatchAllEmailResolver(agent, name), ...options });
  return (env as unknown as Record<string, DurableObjectNamespace<Postman>>)[agent]!.getByName(name);
}

/** What is logged as a warning while `run` executes. */
export async function warned(run: () => unknown): Promise<unknown[][]> {
  const calls: unknown[][] = [];
  const log = vi.spyOn(console, "warn").mockImplementation((...line) => void calls.push(line));
  try {
    await run();
    return calls;
  } finally {
    log.mockRestore();
  }
}
