import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { fileURLToPath } from "node:url";
import { startDev, type Dev } from "./wrangler.ts";

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

/** The MCP servers of the examples: one for everybody, and one that wants a sign-in. */
export class ToolServers {
  readonly #data: string;
  readonly #running: Dev[] = [];

  private constructor(data: string) {
    this.#data = data;
  }

  static async start(): Promise<ToolServers> {
    const servers = new ToolServers(await mkdtemp(join(tmpdir(), "agents-mcp-client-")));
    try {
      // Tokens are for one address.
      for (const [name, ...args] of [
        ["mcp-server"],
        ["mcp-authenticated", "--var", "ORIGIN:http://127.0.0.1:$PORT"]
      ] as const) {
        servers.#running.push(await startDev(join(examples, name), "--persist-to", join(servers.#data, name), ...args));
      }
      return servers;
    } catch (error) {
      // Nobody else could end them.
      await servers.stop();
      throw error;
    }
  }

  get openHost(): string {
    return this.#running[0]!.host;
  }
  get closedHost(): string {
    return this.#running[1]!.host;
  }

  async stop(): Promise<void> {
    for (const dev of this.#running) await dev.stop();
    await rm(this.#data, { recursive: true, force: true });
  }
}

/** Says yes on the consent page of the server that wants a sign-in, in a pop-up that closes then. */
export async function allow(popup: Page): Promise<void> {
  await popup.getByLabel("Your name").fill("Ada");
  const over = popup.waitForEvent("close");
  await popup.getByRole("button", { name: "Allow" }).click();
  await over;
}
