import type { Page } from "playwright-core";

/** What is between a page and its agents. Made before the page is opened. */
export class Network {
  readonly #page: Page;
  #isDown = false;

  private constructor(page: Page) {
    this.#page = page;
  }

  static async of(page: Page): Promise<Network> {
    const network = new Network(page);
    await page.routeWebSocket(/\/agents\//, (socket) => {
      if (network.#isDown) return void socket.close({ code: 1001, reason: "no network" });
      const server = socket.connectToServer();
      socket.onMessage((message) => network.#isDown || server.send(message));
      server.onMessage((message) => network.#isDown || socket.send(message));
    });
    return network;
  }

  /** From now on nothing arrives, in either direction, and nobody is told: connections stay open. */
  async goDown(): Promise<void> {
    this.#isDown = true;
    await this.#page.context().setOffline(true);
  }

  /** What was lost stays lost. */
  async comeBack(): Promise<void> {
    this.#isDown = false;
    await this.#page.context().setOffline(false);
  }
}
