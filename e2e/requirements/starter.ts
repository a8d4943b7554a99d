import type { Page } from "./page.ts";

/** What the product promises to whoever runs the starter. */
export const starter = {
  "tool-server":
    "A tool on the server runs by itself; the page shows it running, then its result, and the answer streams in.",
  "tool-client": "A tool without `execute` runs in the browser, and the conversation goes on with its result.",
  "tool-approval": "A tool that needs approval waits for it; approved it runs, rejected the model is told.",
  history: "Messages are there after a reload, the same and in the same order.",
  resume: "A stream goes on after a reload in the middle of it, without loss or doubling.",
  edit: "An edited question takes the place of the first, and of what followed, in all tabs and for good; editing can be cancelled.",
  regenerate: "An answer can be given again; the one before is kept.",
  branches:
    "What was said before an edit or another answer can be shown again, in all tabs and after a reload, by keyboard too.",
  tabs: "A second tab sees messages while they are streamed, and shared state, live; both ways.",
  restart: "Messages are there after the server was killed and started again; the page reconnects by itself.",
  "restart-stream":
    "An answer that was cut by a killed server is given again, and can be stopped; the conversation goes on.",
  "restart-approval": "An approval that waits survives a reload and a restart of the server.",
  reminder: "A reminder is shown when it is due, in all tabs and after a reload, until it is dismissed.",
  "reminder-restart": "It is shown even if the server was killed before it was due.",
  "reminder-repeats":
    "A reminder can repeat, by the clocks of the user. Those that wait are listed by the page and the assistant, and can be cancelled.",
  clear: "Clearing empties the conversation here, in other tabs, and for good.",
  stop: "Stop ends an answer; what was said stays, and the conversation goes on.",
  offline: "A connection that is lost in the middle of an answer is found again, and nothing of the answer is missing.",
  "offline-minute":
    "Without a network for a minute in the middle of an answer, the page finds out, and has all of it soon after; what was said meanwhile is sent then.",
  long: "Of a long conversation the end is shown at once; earlier messages come as one scrolls up, each once, and what is read stays in its place.",
  accessible: "No serious accessibility violation, in both themes and on a phone; everything works by keyboard.",
  private: "The page talks to nobody but its own server.",
  build: "The starter builds, passes a dry run of deployment, and the built Worker answers."
} as const satisfies Page;
