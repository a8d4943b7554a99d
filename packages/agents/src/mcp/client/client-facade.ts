import type { SessionClient } from "./session-client";
import type { Catalogue, McpClient } from "./types";

/** Where the client at hand comes from. */
export interface ClientSource {
  /** Runs a request on the client of the connection; it is made if there is none. */
  ask(run: (client: SessionClient) => Promise<unknown>): Promise<unknown>;
  /** The same, if there is one. */
  current(): SessionClient | undefined;
  readonly catalogue: Catalogue;
}

const asking = [
  "callTool",
  "complete",
  "getPrompt",
  "listPrompts",
  "listResources",
  "listResourceTemplates",
  "listTools",
  "ping",
  "readResource",
  "request",
  "sendRootsListChanged",
  "setLoggingLevel",
  "subscribeResource",
  "unsubscribeResource"
] as const satisfies readonly (keyof McpClient)[];

const telling = ["setRequestHandler", "setNotificationHandler"] as const satisfies readonly (keyof McpClient)[];

type AnyMethod = (...args: unknown[]) => unknown;
type Methods = Record<string, AnyMethod>;

/** What a program has asked clients to do with what servers send, to be told to each new client. */
export class ClientHandlers {
  readonly #calls: [method: (typeof telling)[number], args: unknown[]][] = [];

  add(method: (typeof telling)[number], args: unknown[]): void {
    this.#calls.push([method, args]);
  }

  apply(client: SessionClient): void {
    for (const [method, args] of this.#calls) (client as unknown as Methods)[method]!(...args);
  }
}

/** One client for all lives of a connection: what it is asked, it asks whichever connection there is. */
export function clientFacade(source: ClientSource, handlers: ClientHandlers): McpClient {
  const facade: Methods = {
    getServerCapabilities: () => source.catalogue.capabilities ?? undefined,
    getInstructions: () => source.catalogue.instructions ?? undefined
  };
  for (const method of asking) {
    facade[method] = (...args) =>
      source.ask((client) => (client as unknown as Methods)[method]!(...args) as Promise<unknown>);
  }
  for (const method of telling) {
    facade[method] = (...args) => {
      handlers.add(method, args);
      const client = source.current() as unknown as Methods | undefined;
      client?.[method]!(...args);
    };
  }
  // It has all methods that are listed, which are all that the type has.
  return facade as unknown as McpClient;
}
