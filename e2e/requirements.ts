/** Something that users of the product can rely on. */
export interface Requirement {
  text: string;
  /** The page of the specification that promises it; `README` for what this repository adds. */
  page: string;
  /** Why no scenario can pass yet. Scenarios that prove it must then fail. */
  knownFailure?: string;
}

/** What the product promises. Each is proved by at least one scenario, which cites its id. */
export const requirements = {
  "stream-answers": {
    text: "An answer is shown while it is being written.",
    page: "chat-agents#how-it-works"
  },
  "tool-on-server": {
    text: "A tool with `execute` runs on the server as soon as the model calls it.",
    page: "chat-agents#server-side-tools"
  },
  "tool-in-browser": {
    text: "A tool without `execute` is answered by the browser, and the conversation goes on by itself.",
    page: "chat-agents#client-side-tools"
  },
  "tool-approval": {
    text: "A tool with `needsApproval` runs after the user has approved, and never if the user rejects.",
    page: "chat-agents#tool-approval-human-in-the-loop"
  },
  "approval-waits": {
    text: "A question for approval waits as long as it takes: through reloads and restarts.",
    page: "human-in-the-loop"
  },
  "history-survives-reload": {
    text: "Messages are stored: a reload shows the same messages in the same order.",
    page: "chat-agents#overview"
  },
  "history-survives-restart": {
    text: "Conversations survive a restart of the server, also one that nobody announced.",
    page: "chat-agents#overview"
  },
  "stream-survives-reload": {
    text: "A client that reloads in the middle of an answer gets what it missed, and then the rest, live.",
    page: "chat-agents#resumable-streaming"
  },
  "stream-survives-lost-connection": {
    text: "A client whose connection breaks in the middle of an answer loses nothing of it.",
    page: "chat-agents#resumable-streaming"
  },
  "stream-cut-by-restart": {
    text: "An answer that a crash cuts off keeps what was said, and the conversation can go on.",
    page: "chat-agents#overview"
  },
  "stream-without-client": {
    text: "An answer is finished and stored although every client has left.",
    page: "chat-agents#resumable-streaming"
  },
  "reconnect-by-itself": {
    text: "A client reconnects by itself when the server is back.",
    page: "client-sdk"
  },
  "live-in-all-clients": {
    text: "What one client says and is answered appears in all clients of the same agent.",
    page: "chat-agents#multi-client-sync"
  },
  "state-in-all-clients": {
    text: "State that one client sets appears in all clients at once, and is still there after a reload.",
    page: "store-and-sync-state#state-flow"
  },
  "clear-history": {
    text: "Clearing the history empties it here, in every other client, and in storage.",
    page: "chat-agents#return-values"
  },
  "stop-answer": {
    text: "Stop ends the answer; what was said until then stays.",
    page: "chat-agents#request-cancellation"
  },
  "failed-answer": {
    text: "When the model fails, the user sees why and can try again.",
    page: "chat-agents#return-values"
  },
  "accessible-page": {
    text: "The starter's page has no serious accessibility problem, in light and dark, wide and narrow.",
    page: "README"
  },
  "keyboard-only": {
    text: "Asking, approving and clearing work with the keyboard alone.",
    page: "README"
  },
  "starter-builds": {
    text: "The starter builds, passes the deployment's dry run, and runs as built.",
    page: "build-a-chat-agent#6-deploy"
  },
  "nothing-leaves": {
    text: "With the demo model, the page talks to its own server only.",
    page: "README"
  }
} as const satisfies Record<string, Requirement>;

export type RequirementId = keyof typeof requirements;
