import type { Page } from "./page.ts";

export const getCurrentAgent = {
  "custom-methods": [7, "Every method of an agent has the context, with nothing to set up."],
  "chat-agent": [11, "So do those of a chat agent."],
  "chat-agent-import": [11, "`AIChatAgent` can be imported from `agents/ai-chat-agent`."],
  "name-and-state": [22, "`agent.name` and `agent.state` are those of the running agent."],
  "external-functions": [29, "Functions that a method calls have it, however deep and after whatever they await."],
  "built-in-methods": [58, "Built-in hooks have it: `onRequest`, `onStateChanged`."],
  "ai-sdk-tools": [84, "Tools of the AI SDK have it."],
  libraries: [92, "So does code that knows nothing of agents."],
  "request-fields": [115, "`request` has the URL and the method."],
  "connection-id": [119, "`connection` has its id."],
  typed: [129, "`getCurrentAgent<MyAgent>()` gives `agent` that type."],
  agent: [139, "`agent` is the current instance."],
  connection: [140, "`connection` is the WebSocket connection, in its handlers."],
  request: [141, "`request` is the HTTP request, in its handlers."],
  email: [142, "`email` is the mail, in its handler."],
  "in-onEmail": [163, "In `onEmail`: agent and email."],
  "in-onRequest": [160, "In `onRequest`: agent and request."],
  "in-onConnect": [161, "In `onConnect`: agent, connection and request."],
  "in-onMessage": [162, "In `onMessage`: agent and connection."],
  "in-rpc": [164, "In a method that a client calls: agent and connection."],
  outside: [170, "Outside of agents all are `undefined`."],
  "in-schedule": [165, "In a scheduled method: the agent."],
  "in-queue": [166, "In a queued method: the agent, and what it was queued with."]
} as const satisfies Page;
