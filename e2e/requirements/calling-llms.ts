import type { Page } from "./page.ts";

export const callingLlms = {
  "context-types": [14, "The agent that builds prompts compiles."],
  context: [16, "A prompt is built from what the agent has stored, after an eviction too."],
  "no-history-from-clients": [29, "A client sends what is new, not the conversation."],
  disconnect: [32, "The agent goes on after its client has gone, and stores the answer."],
  "delivered-later": [32, "The client gets it when it comes back."],
  "disconnect-types": [38, "The agent that survives disconnections compiles."],
  "send-to-nobody": [47, "Sending to a client that has gone is no error."],
  AIChatAgent: [54, "`AIChatAgent` stores messages and resumes streams by itself."],
  autonomous: [56, "A model is called when it is time, with nobody there."],
  "autonomous-types": [60, "The agent that does so compiles."],
  "autonomous-once": [62, "Scheduled in `onStart`, it is there once, however often the agent starts."],
  "autonomous-broadcast": [75, "Whoever is connected is told."],
  pipeline: [80, "A method may call several models, each with what came before."],
  "pipeline-types": [86, "The agent that does so compiles."],
  "pipeline-persisted": [108, "The result is there after an eviction."],
  caching: [110, "What is kept is not asked again, after an eviction too."],
  "caching-types": [114, "The agent that keeps answers compiles."]
} as const satisfies Page;
