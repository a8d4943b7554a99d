import type { Page } from "./page.ts";

export const guideOauthMcpClient = {
  initiate: [18, "`addMcpServer` returns `authUrl` instead of connecting, if somebody has to sign in."],
  completes: [14, "The agent completes the connection by itself when the user comes back."],
  nonce: [15, "A nonce and the server's id are stored, checked when somebody comes back, and used up."],
  expires: [15, "They expire."],
  redirects: [59, "Users come back to `/dashboard`, or `/auth-error?error=<message>`."],
  customHandler: [61, "A handler closes the pop-up."],
  failed: [78, "After a failure the state is `failed`, with the message in `error`."],
  onMcpUpdate: [121, "`onMcpUpdate` is called when the state changes."],
  states: [150, "From `authenticating` over `connecting` to `ready`."],
  retry: [152, "Users can try again."],
  "removed-only": [214, "A failed server stays until it is removed."],
  escaped: [214, "Messages are escaped."],
  types: [33, "The documented agents and pages compile."]
} as const satisfies Page;
