export type { AgentEmail, RawEmail } from "./core/email";
export { isAutoReplyEmail, type EmailHeader } from "./email/auto-reply";
export type { ReplyOptions, SendEmailOptions } from "./email/mail";
export {
  createAddressBasedEmailResolver,
  createCatchAllEmailResolver,
  createHeaderBasedEmailResolver,
  createSecureReplyEmailResolver,
  type EmailResolver,
  type EmailResolverResult,
  type SecureReplyResolverOptions
} from "./email/resolvers";
export { DEFAULT_MAX_AGE_SECONDS, signAgentHeaders, type SignatureFailureReason } from "./email/signature";
