import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from "playwright-core";
import { findBrowser } from "../../scripts/find-browser.ts";

let launched: Promise<Browser> | undefined;

/** One browser for all scenarios. Each gets a context: a profile of its own, with nothing in it. */
export async function newContext(options: BrowserContextOptions): Promise<BrowserContext> {
  launched ??= chromium.launch({
    executablePath: findBrowser(),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  });
  return (await launched).newContext({ locale: "en-US", viewport: { width: 1280, height: 800 }, ...options });
}

export async function closeBrowser(): Promise<void> {
  await (await launched)?.close();
  launched = undefined;
}

/** Writes down what no page of this product should do. */
export class Watch {
  /** Errors in consoles, and uncaught ones. */
  readonly errors: string[] = [];
  readonly hosts = new Set<string>();

  constructor(context: BrowserContext) {
    context.on("console", (message) => {
      if (message.type() === "error") this.errors.push(`console: ${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => this.errors.push(`uncaught: ${String(error.error().stack)}`));
    context.on("request", (request) => this.#note(request.url()));
    context.on("page", (page) => page.on("websocket", (socket) => this.#note(socket.url())));
  }

  #note(address: string): void {
    const { host } = new URL(address);
    // data: and blob: have none.
    if (host !== "") this.hosts.add(host);
  }
}
