import type { Page } from "./page.ts";

export const mcpAgent = {
  server: [42, "`server` is the `McpServer` of the SDK whose tools clients call."],
  init: [15, "`init()` registers tools before the first request."],
  state: [37, "`state`, `initialState` and `setState` are those of an agent: stored in the instance."],
  onStateChanged: [40, "`onStateChanged` hears of every change."],
  sql: [41, "`sql` queries the database of the instance."],
  props: [105, "What the OAuth provider knows of the user is in `this.props`."],
  serve: [47, "`serve(path)` is a handler for a Worker, over Streamable HTTP."],
  oauth: [67, "`serve(path)` is a handler for the OAuth provider."],
  jurisdiction: [82, "With `jurisdiction`, sessions and their state are kept there."],
  hibernation: [101, "An instance leaves memory when nothing happens, and keeps its state and sessions."],
  "session-instance": [
    118,
    "Each session has an instance of its own, and a new session begins with the initial state."
  ],
  elicitInput: [169, "`elicitInput` asks the user in the middle of a tool."],
  relatedRequestId: [175, "`relatedRequestId` is `extra.requestId` of the tool."],
  "elicit-actions": [176, "The answer is accept with content, or decline."],
  requestedSchema: [174, "What the user fills in fits the JSON Schema of the form."],
  "elicit-unsupported": [293, "Not every client can ask its user."]
} as const satisfies Page;
