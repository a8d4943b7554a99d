import { AgentError } from "../protocol/errors";
import {
  checkSecret,
  DEFAULT_MAX_AGE_SECONDS,
  verifyAddress,
  verifyHeaders,
  type SignatureFailureReason
} from "./signature";

/** The agent that a mail is for; `null` if the resolver does not know. */
export type EmailResolverResult = {
  /** A class of the Worker, or its binding. */
  agentName: string;
  /** The name of the instance. */
  agentId: string;
  /** The mail is a proven reply: what the agent replies has to be signed again. */
  secure?: boolean;
} | null;

/** Says which agent a mail is for. It gets the `env` of the Worker, too. */
export type EmailResolver = (
  email: ForwardableEmailMessage,
  // Programs give it the `env` that they have.
  // oxlint-disable-next-line typescript/no-explicit-any
  env: any
) => EmailResolverResult | Promise<EmailResolverResult>;

export interface SecureReplyResolverOptions {
  /** How old a signature may be, in seconds. Default 30 days. */
  maxAge?: number;
  /** Told of each mail that is no proven reply, and why: most mail has no signature at all. */
  onInvalidSignature?(email: ForwardableEmailMessage, reason: SignatureFailureReason): void;
}

/**
 * Routes by the address that a mail was sent to: `support@…` to the instance `support` of the agent, `OtherAgent+id@…` to the instance
 * `id` of another one. Anybody can write to any instance; agents are found whatever the case, instances as they are written.
 *
 * @param agentName for addresses that name none
 * @example const resolver = createAddressBasedEmailResolver("EmailAgent");
 */
export function createAddressBasedEmailResolver(agentName: string): AsyncResolver {
  return async ({ to }) => {
    const local = to.slice(0, Math.max(0, to.lastIndexOf("@")));
    const plus = local.indexOf("+");
    const found =
      plus === -1 ? { agentName, agentId: local } : { agentName: local.slice(0, plus), agentId: local.slice(plus + 1) };
    return found.agentName && found.agentId ? found : null;
  };
}

/**
 * Routes all mail to one instance.
 *
 * @example const resolver = createCatchAllEmailResolver("EmailAgent", "default");
 */
export function createCatchAllEmailResolver(agentName: string, agentId: string): AsyncResolver {
  return async () => ({ agentName, agentId });
}

/**
 * Routes proven replies to the agent that has sent what they answer, and nothing else: those with signed headers
 * (`signAgentHeaders`, `replyToEmail` with a secret), and those to a signed address (`sendEmail` with a secret).
 *
 * @param secret the one that they were signed with
 * @throws EMAIL_SECRET_MISSING at once when it is empty or undefined
 * @example const resolver = createSecureReplyEmailResolver(env.EMAIL_SECRET, { maxAge: 7 * 24 * 60 * 60 });
 */
export function createSecureReplyEmailResolver(
  secret: string,
  { maxAge = DEFAULT_MAX_AGE_SECONDS, onInvalidSignature }: SecureReplyResolverOptions = {}
): AsyncResolver {
  checkSecret(secret);
  return async (email) => {
    let result = await verifyHeaders(secret, email.headers, maxAge, Date.now());
    if (result === "missing_headers") result = await verifyAddress(secret, email.to, maxAge, Date.now());
    if (typeof result === "object") return { ...result, secure: true };
    onInvalidSignature?.(email, result);
    return null;
  };
}

/**
 * @deprecated It believed headers that anybody can write. Use `createSecureReplyEmailResolver` for replies, and
 * `createAddressBasedEmailResolver` for the rest.
 * @throws EMAIL_RESOLVER_REMOVED always
 */
export function createHeaderBasedEmailResolver(): never {
  throw new AgentError(
    "EMAIL_RESOLVER_REMOVED",
    "createHeaderBasedEmailResolver() was removed: it believed headers that anybody can write. Use createSecureReplyEmailResolver(secret) for replies, and createAddressBasedEmailResolver(agentName) for the rest."
  );
}

/** What the resolvers here are: programs that combine them await each. */
type AsyncResolver = (...args: Parameters<EmailResolver>) => Promise<EmailResolverResult>;
