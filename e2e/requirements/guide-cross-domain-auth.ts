import type { Page } from "./page.ts";

export const guideCrossDomainAuth = {
  "token-in-query": [12, "A token in the query of the URL reaches the agent."],
  "verify-in-onConnect": [13, "The agent verifies it in `onConnect`."],
  "same-origin-cookies": [17, "Cookies of the same origin reach it, too."],
  "static-query": [28, "`query` of the hook may be an object."],
  "async-query": [37, "`query` may be an async function, called right before connecting."],
  suspense: [59, "A `Suspense` boundary shows its fallback while the query is made."],
  "refresh-after-refusal": [66, "When the agent refuses a token, the query is asked for a fresh one."],
  "queryDeps-empty": [102, "With `queryDeps: []` it is asked on mount, whatever is rendered."],
  "other-host": [116, "`host` may be another host, with its scheme."],
  "other-host-async": [141, "So with an async query."],
  "close-unauthorized": [159, '`connection.close(4001, "Unauthorized")` in `onConnect` keeps a client out.'],
  "connection-state": [163, "`connection.setState` remembers who it is."],
  "check-in-onMessage": [177, "`onMessage` can see that somebody is not authenticated."],
  "state-in-onMessage": [182, "`onMessage` can read who sent it."],
  "short-lived": [188, "A token that has expired is refused."],
  "scoped-tokens": [189, "A token of another instance can be told."],
  "every-connection": [190, "`onConnect` runs for every connection."],
  wss: [191, "Connections are secure, except to this machine and private networks."]
} as const satisfies Page;
