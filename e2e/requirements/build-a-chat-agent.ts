import type { Page } from "./page.ts";

export const buildAChatAgent = {
  config: [26, "The configuration as JSON is accepted."],
  "config-toml": [39, "So is the one as TOML."],
  "ai-binding": [54, "`ai` is a binding of the Worker."],
  "class-binding": [55, "`durable_objects` registers the class, and its name in URLs is that of the class."],
  sqlite: [56, "With `new_sqlite_classes` messages are stored."],
  server: [58, "The server compiles."],
  "tool-getWeather": [157, "A tool with `execute` runs by itself."],
  "tool-getUserTimezone": [158, "One without is answered by the client."],
  "tool-calculate": [159, "One with `needsApproval` waits where that says so, then runs on the server."],
  client: [161, "The client compiles."],
  "client-works": [166, "The client shows messages, what waits for approval and results, sends and clears."],
  useAgent: [269, "`useAgent` connects over a WebSocket."],
  useAgentChat: [270, "`useAgentChat` has messages, streaming and tools."],
  onToolCall: [271, "`onToolCall` gives the result, and the conversation goes on by itself."],
  approval: [272, "`addToolApprovalResponse` approves or rejects."],
  automatic: [273, "Resuming needs no code."],
  types: [277, "`wrangler types` writes what the server needs."],
  dev: [278, "It runs locally."],
  "prompt-weather": [281, "The prompt about weather calls the server's tool."],
  "prompt-timezone": [282, "The prompt about the time zone calls the client's."],
  "prompt-calculate": [283, "The prompt about a large number asks for approval."],
  deploy: [286, "It can be deployed."],
  persisted: [288, "Messages are there after a restart."],
  resumes: [288, "Streams resume after a lost connection."],
  hibernates: [288, "An idle agent is not kept in memory; a hibernated one goes on."]
} as const satisfies Page;
