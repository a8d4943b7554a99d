import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bundlePage } from "./bundle.ts";
import type { Implementation } from "./versions.ts";

/** Serves the scripts of pages: whose hooks are in a page is not its server's business. */
export class Scripts {
  readonly #texts = new Map<string, string>();
  readonly #server = createServer(({ url = "" }, response) => {
    const text = this.#texts.get(url);
    response.writeHead(text === undefined ? 404 : 200, {
      "content-type": "text/javascript",
      "access-control-allow-origin": "*",
      // A browser compiles what it keeps only once.
      "cache-control": "public, max-age=3600, immutable"
    });
    response.end(text);
  });

  static async start(): Promise<Scripts> {
    const scripts = new Scripts();
    await once(scripts.#server.listen(0, "127.0.0.1"), "listening");
    return scripts;
  }

  /** @returns where the script with an implementation's hooks is */
  async add(implementation: Implementation): Promise<string> {
    const path = `/${implementation}.js`;
    if (!this.#texts.has(path)) this.#texts.set(path, await bundlePage(implementation));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
