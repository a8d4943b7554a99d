import type { Page } from "./page.ts";

export const usingAiModels = {
  "any-provider": [2, "Models of any provider can be called."],
  "ai-sdk": [8, "The AI SDK works inside an agent."],
  "from-onRequest": [10, "A model can be called in `onRequest`."],
  "from-schedule": [10, "When a scheduled task runs."],
  "from-onMessage": [10, "In `onMessage`."],
  "from-method": [10, "In any method of one's own."],
  disconnect: [
    11,
    "If a client disconnects in the middle of an answer, the agent goes on, and the client gets it when it comes back."
  ],
  "websockets-types": [46, "The agent that streams over WebSockets compiles."],
  "websockets-chunks": [71, "Chunks are sent as they come."],
  "websockets-done": [74, "Then `done`."],
  "websockets-error": [76, "An error is told instead."],
  state: [81, "Answers can be kept in the state, which a client gets when it connects again."],
  "workers-ai": [84, "`stream: true` gives a stream that can be the response, as event stream."],
  "workers-ai-types": [94, "The snippet for Workers AI compiles."],
  "ai-binding": [124, "The `ai` binding is accepted."],
  gateway: [139, "Options of a gateway reach the binding."],
  "gateway-types": [151, "The snippet for AI Gateway compiles."],
  "ai-sdk-types": [220, "The snippet for the AI SDK compiles."],
  generateText: [229, "`generateText` answers a request."],
  "provider-types": [270, "Another provider takes its place, and compiles."],
  "openai-compatible-types": [302, "The snippet for other endpoints compiles, given the package `openai`."],
  "openai-compatible": [309, "A response can be written after it was returned."],
  sse: [298, "`onRequest` can answer by server-sent events."]
} as const satisfies Page;
