import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from "playwright-core";
import { findBrowser } from "../../scripts/find-browser.ts";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
];

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: findBrowser(), args: flags });

/** A browser profile of its own. What goes wrong in its pages, and what they ask of other hosts, is kept. */
export async function openContext(
  browser: Browser,
  options: BrowserContextOptions = {}
): Promise<{ context: BrowserContext; problems: string[]; foreign: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const problems: string[] = [];
  const foreign: string[] = [];
  context.on("page", (page) => {
    page.on("pageerror", (error) => problems.push(`page error: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !isLostConnection(message.text())) problems.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1") foreign.push(request.url());
    });
  });
  return { context, problems, foreign };
}

/** What the browser itself logs when a scenario takes the server away. */
const isLostConnection = (text: string): boolean =>
  /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INTERNET_DISCONNECTED|server connection lost/.test(
    text
  );
