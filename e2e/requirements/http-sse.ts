import type { Page } from "./page.ts";

export const httpSse = {
  onRequest: [12, "`onRequest` handles HTTP requests, by path and method."],
  "onRequest-state": [16, "`onRequest` can read the state."],
  "onRequest-body": [22, "`onRequest` can read the body of the request, and act on it."],
  "onRequest-status": [26, "`onRequest` chooses the status of its answer."],
  stream: [42, "`onRequest` may answer with a ReadableStream, whose events arrive as they are sent."],
  headers: [56, "The headers of a stream reach the client."],
  "no-timeout": [101, "A stream may last as long as it likes, and does not keep others waiting."],
  format: [71, "Events carry type, id and data to the client as they were written."],
  "ai-sdk": [93, "A text stream of the AI SDK can be the answer."],
  "persist-progress": [99, "What a stream has sent can be kept in the state while it is sent."],
  "same-instance": [100, "A client that reconnects comes to the same instance."],
  resume: [107, "`Last-Event-ID` reaches the agent, which can go on from there."],
  "websocket-both-ways": [125, "WebSockets carry messages in both directions."],
  "websocket-binary": [127, "WebSockets carry bytes."]
} as const satisfies Page;
