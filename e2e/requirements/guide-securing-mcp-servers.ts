import type { Page } from "./page.ts";

export const guideSecuringMcpServers = {
  csrf: [27, "A consent that is sent from another site, or a second time, is refused."],
  sanitize: [58, "What a client says of itself is shown as text, and runs no code."],
  csp: [87, "A content security policy keeps scripts and foreign frames away."],
  "state-binding": [112, "An authorization that is under way belongs to the browser that began it."],
  "host-cookies": [157, "Cookies have `__Host-` names, and are secure, for one host, and not for scripts."],
  "approved-clients": [171, "A client that a user has approved is not asked about again; another one is."],
  hmac: [188, "A cookie that somebody has changed is not believed."]
} as const satisfies Page;
