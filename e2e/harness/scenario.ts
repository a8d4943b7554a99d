import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { BrowserContext, BrowserContextOptions } from "playwright-core";
import { requirements, type Requirement, type RequirementId } from "../requirements.ts";
import { closeBrowser, newContext, Watch } from "./browser.ts";
import { ChatTab } from "./chat-tab.ts";
import { Network } from "./network.ts";
import { Server } from "./server.ts";

const results = fileURLToPath(new URL("../test-results/", import.meta.url));

export interface ScenarioOptions {
  /** Another server than the one that all scenarios share. */
  server?: () => Promise<Server>;
  /** Errors in the console that belong to what the scenario does. */
  expectedErrors?: RegExp;
  timeoutMs?: number;
}

/** What a browser itself writes when a server or a network is not there. */
export const lostConnection = /WebSocket connection to .* failed|Failed to load resource: net::ERR_/;

/**
 * Something that a person does with the product. It cites the requirements that it proves.
 *
 * Whatever it is about, it also fails when a page writes an error to its console or talks to anybody else.
 */
export function scenario(
  proves: readonly RequirementId[],
  title: string,
  run: (stage: Stage) => Promise<void>,
  options: ScenarioOptions = {}
): void {
  const known = proves.map((id): Requirement => requirements[id]).find(({ knownFailure }) => knownFailure);
  const name = known ? `${title} (fails as known: ${known.knownFailure})` : title;
  test(name, { timeout: options.timeoutMs ?? 60_000 }, async () => {
    if (!known) return perform(title, run, options);
    await assert.rejects(perform(title, run, options), undefined as never, "It works now: remove `knownFailure`.");
  });
}

async function perform(title: string, run: (stage: Stage) => Promise<void>, options: ScenarioOptions): Promise<void> {
  const server = await (options.server ?? sharedServer)();
  const stage = new Stage(title, server, options.expectedErrors);
  try {
    await run(stage);
    stage.inspect();
  } catch (error) {
    await stage.report(error);
    throw error;
  } finally {
    await stage.close();
  }
}

/** What a scenario plays with. */
export class Stage {
  /** The name of its chat. No other scenario has it. */
  readonly chat: string;
  readonly server: Server;
  readonly #title: string;
  readonly #expectedErrors: RegExp | undefined;
  readonly #contexts: BrowserContext[] = [];
  readonly #watches: Watch[] = [];
  readonly #networks: Network[] = [];
  readonly #tabs: ChatTab[] = [];

  constructor(title: string, server: Server, expectedErrors: RegExp | undefined) {
    this.#title = title;
    this.chat = title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .slice(0, 50)
      .replace(/^-|-$/g, "");
    this.server = server;
    this.#expectedErrors = expectedErrors;
  }

  /** Another person's browser, with nothing in it. */
  async browser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await newContext(options);
    this.#contexts.push(context);
    this.#watches.push(new Watch(context));
    return context;
  }

  /** A tab with the chat, in the first browser unless another is given. */
  async tab({ context, url = this.server.url, chat = this.chat }: TabOptions = {}): Promise<ChatTab> {
    const tab = await ChatTab.open(context ?? this.#contexts[0] ?? (await this.browser()), url, chat);
    this.#tabs.push(tab);
    return tab;
  }

  /** A network that can break. Open tabs at its `url`. */
  async network(): Promise<Network> {
    const network = await Network.before(this.server);
    this.#networks.push(network);
    return network;
  }

  storedMessages() {
    return this.server.storedMessages(this.chat);
  }

  /** Hosts that pages have talked to. */
  get hosts(): string[] {
    return [...new Set(this.#watches.flatMap(({ hosts }) => [...hosts]))];
  }

  /** Every scenario ends with this. */
  inspect(): void {
    const errors = this.#watches.flatMap((watch) => watch.errors);
    const unexpected = errors.filter((error) => !this.#expectedErrors?.test(error));
    assert.deepEqual(unexpected, [], "No errors in the pages");
    const known = [this.server, ...this.#networks].map(({ url }) => new URL(url).host);
    const foreign = this.hosts.filter((host) => !known.includes(host));
    assert.deepEqual(foreign, [], "Nobody else was contacted");
  }

  /** What the pages looked like when it failed, and what they and the server wrote. */
  async report(error: unknown): Promise<void> {
    mkdirSync(results, { recursive: true });
    const file = join(results, this.chat);
    const errors = this.#watches.flatMap((watch) => watch.errors);
    const shown: string[] = [];
    for (const [index, { page }] of this.#tabs.entries()) {
      if (page.isClosed()) continue;
      await page.screenshot({ path: `${file}-${index + 1}.png` }).catch(() => undefined);
      shown.push(`--- tab ${index + 1}\n${await page.locator("body").innerText({ timeout: 2000 }).catch(String)}`);
    }
    const text = [String(error), "--- errors in pages", ...errors, ...shown, "--- server", this.server.log].join("\n");
    writeFileSync(`${file}.txt`, text);
    console.error(`“${this.#title}” failed; what could be seen is in ${file}*`);
  }

  async close(): Promise<void> {
    for (const context of this.#contexts) await context.close();
    for (const network of this.#networks) await network.close();
  }
}

interface TabOptions {
  context?: BrowserContext;
  url?: string;
  chat?: string;
}

/** A server that starts when the first scenario wants it, and stops after the last. */
export function lazyServer(start = () => Server.start()): () => Promise<Server> {
  let server: Promise<Server> | undefined;
  stops.push(async () => (await server)?.stop());
  return () => (server ??= start());
}

const stops: (() => Promise<unknown>)[] = [closeBrowser];

/** For all scenarios that leave it alive. */
const sharedServer = lazyServer();

after(async () => {
  for (const stop of stops) await stop();
});
