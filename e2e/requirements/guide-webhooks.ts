import type { Page } from "./page.ts";

/** The tables of use cases and of providers tell of others. The application of these promises is `examples/webhooks`. */
export const guideWebhooks = {
  "quick-start": [6, "The agent of the quick start takes a webhook with a good signature and refuses others."],
  method: [13, "What is no POST is answered with 405."],
  isolated: [3, "Each source has an agent of its own."],
  live: [303, "Clients see a webhook in the state as it arrives."],
  "from-payload": [109, "The agent can be chosen by the payload."],
  "from-payload-missing": [119, "A payload without what is needed is answered with 400."],
  "from-url": [131, "It can be chosen by the URL."],
  "from-header": [142, "It can be chosen by a header."],
  verified: [154, "Signatures are verified, in constant time."],
  onRequest: [193, "`onRequest` takes the webhook, and answers."],
  stored: [231, "Events are stored in the database."],
  "clean-up": [257, "Old events can be deleted."],
  queried: [273, "Clients can ask for the events that are stored, all or of a type."],
  "use-agent": [319, "A component with `useAgent` shows them."],
  deduplicated: [335, "An event that comes again is not processed again."],
  queued: [357, "Heavy work is queued, and the answer does not wait for it."],
  providers: [381, "One Worker can take webhooks of several services."],
  outgoing: [417, "An agent can send webhooks, signed ones too."],
  "read-only": "Who watches the page of the example can neither write nor deliver."
} as const satisfies Page;
