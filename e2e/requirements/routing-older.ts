import type { Page } from "./page.ts";

/** An older form of the page "Routing", which has all that both say. Here is what only this one says. */
export const routingOlder = {
  "http-and-websocket": [53, "`routeAgentRequest` handles HTTP requests and WebSocket upgrades."],
  "basePath-exact": [334, "A path of exactly `/user` can be forwarded to the instance of a session."],
  "path-with-basePath": [432, '`basePath` "user" and `path` "settings" make `/user/settings`.'],
  "path-with-name": [435, "Without `basePath` they make `/agents/my-agent/room/settings`."],
  "no-identity": [449, "An agent that hides its identity can be used all the same."]
} as const satisfies Page;
