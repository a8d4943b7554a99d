import { randomUUID } from "node:crypto";
import type { Browser, BrowserContext } from "playwright-core";
import * as ours from "agents/client";
import { ChatPage, type PageOptions } from "./chat-page.ts";
import type { Scripts } from "./scripts.ts";
import { Session, type ClientModule, type SessionOptions } from "./session.ts";
import { Traffic } from "./traffic.ts";
import { folderOf, type Direction, type Implementation, type Version } from "./versions.ts";
import type { Server } from "./workerd.ts";

/** Where a pair meets. */
export interface Stage {
  server: Server;
  browser: Browser;
  scripts: Scripts;
}

/** A client and a server that know nothing of each other. */
export class Pair {
  readonly direction: Direction;
  readonly version: Version;
  readonly server: Server;
  readonly traffic = new Traffic();
  readonly agentFetch: ClientModule["agentFetch"];
  readonly #AgentClient: ClientModule["AgentClient"];
  readonly #context: BrowserContext;
  readonly #script: string;
  readonly #sessions: Session[] = [];

  private constructor(
    direction: Direction,
    version: Version,
    server: Server,
    { AgentClient, agentFetch }: ClientModule,
    context: BrowserContext,
    script: string
  ) {
    this.direction = direction;
    this.version = version;
    this.server = server;
    this.agentFetch = agentFetch;
    this.#AgentClient = AgentClient;
    this.#context = context;
    this.#script = script;
  }

  static async make(direction: Direction, version: Version, { server, browser, scripts }: Stage): Promise<Pair> {
    const client: Implementation = direction === "their client, our server" ? version : "ours";
    const [module, context, script] = await Promise.all([
      clientModule(client),
      browser.newContext(),
      scripts.add(client)
    ]);
    return new Pair(direction, version, server, module, context, script);
  }

  /** A name that no other scenario uses. */
  readonly unique = (): string => `room-${randomUUID()}`;

  /** Makes a client of a new, or the named, `Counter`. */
  session(options: Partial<SessionOptions> = {}): Session {
    const session = new Session(this.#AgentClient, {
      agent: "Counter",
      name: this.unique(),
      host: this.server.host,
      WebSocket: this.traffic.WebSocket,
      // What reconnects should not make a test wait.
      minReconnectionDelay: 20,
      maxReconnectionDelay: 200,
      ...options
    });
    this.#sessions.push(session);
    return session;
  }

  /** Opens a page in a browser, with the React hooks. */
  page(options: PageOptions): Promise<ChatPage> {
    const place = { url: this.server.url, script: this.#script, traffic: this.traffic };
    return ChatPage.open(this.#context, place, options);
  }

  /** Ends what a scenario has begun. */
  async endScenario(): Promise<void> {
    for (const session of this.#sessions.splice(0)) session.client.close();
    await Promise.all(this.#context.pages().map((page) => page.close()));
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}

async function clientModule(client: Implementation): Promise<ClientModule> {
  if (client === "ours") return ours;
  return (await import(`${folderOf(client)}client.js`)) as ClientModule;
}
