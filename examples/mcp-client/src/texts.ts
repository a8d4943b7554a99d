import type { MCPServer } from "agents";

/** What a page calls the states of a server. */
export const stateTexts: Record<MCPServer["state"], string> = {
  authenticating: "Sign-in needed",
  connecting: "Connecting",
  connected: "Connected",
  discovering: "Looking around",
  ready: "Ready",
  failed: "Failed"
};

/**
 * The error of a server, as text. The agent writes it so that it can be put into HTML as it is; React escapes what it shows, so here it has to
 * be a text again.
 */
export const plain = (error: string): string =>
  error.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** An address without what all of them have. */
export const shortAddress = (url: string): string => url.replace(/^https?:\/\//, "");
