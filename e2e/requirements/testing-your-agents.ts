import type { Page } from "./page.ts";

export const testingYourAgents = {
  "same-tools": [5, "Agents are tested with the tools of Workers: vitest, inside the runtime."],
  "setup-config": [15, "A configuration with Cloudflare's plugin and the one of wrangler is all that vitest needs."],
  "setup-examples": "The examples of the page run as they stand there.",
  bindings: [30, "The agents are bound by their names."],
  "unit-worker": [70, "A test calls the Worker's `fetch` with `env`, and reads what the agent answers."],
  "unit-methods": [53, "A test calls methods of an agent and looks at its state."],
  run: [96, "`vitest` runs them."],
  connect: "`connect(agent)` is a client that shows frames in their order, and calls.",
  ends: "An agent can be evicted, cut and killed in a test.",
  clock: "Schedules run when the test's clock says so.",
  "drain-queue": "A test waits for the queue of an agent.",
  model: "A language model says what the test has written.",
  mailbox: "Mail is delivered to a Worker, and what becomes of it is kept.",
  introspect: "A test sees what an agent does and has stored.",
  "not-shipped": "None of the test kit is in a Worker that does not import it."
} as const satisfies Page;
