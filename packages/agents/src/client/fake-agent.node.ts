// What a test sends and reads is `any`: it is compared as a whole.
/* oxlint-disable typescript/no-explicit-any */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { WebSocketServer, type WebSocket as Socket } from "ws";
import { AgentClient } from "./agent-client";
import type { AgentClientOptions } from "./options";

/** A WebSocket server that does nothing by itself: a test reads what it receives, and says what it sends. */
export async function fakeAgent(): Promise<FakeAgent> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, verifyClient: () => !agent.isDown });
  await once(server, "listening");
  const agent: FakeAgent = new FakeAgent(server);
  onTestFinished(() => agent.stop());
  return agent;
}

export class FakeAgent {
  readonly host: string;
  /** Whether it lets nobody in. */
  isDown = false;
  readonly #server: WebSocketServer;
  readonly #peers = new Queue<Peer>();
  readonly #clients: AgentClient[] = [];

  constructor(server: WebSocketServer) {
    this.#server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket, request) => this.#peers.put(new Peer(socket, request.url ?? "")));
  }

  /** A client of this server, which reconnects without delay. */
  client(options: Partial<AgentClientOptions<any>> = {}): AgentClient {
    const client = new AgentClient({ agent: "Counter", host: this.host, minReconnectionDelay: 1, ...options });
    this.#clients.push(client);
    return client;
  }

  /** The next connection. */
  accepted(): Promise<Peer> {
    return this.#peers.take();
  }

  /**
   * A client with a connection on which the agent has said who it is.
   *
   * @param greeting what else it said
   */
  async connected(
    options: Partial<AgentClientOptions<any>> = {},
    greeting?: Greeting
  ): Promise<{ client: AgentClient; peer: Peer }> {
    const client = this.client(options);
    const peer = await this.accepted();
    peer.greet(greeting);
    await client.ready;
    await through(client, peer);
    return { client, peer };
  }

  stop(): void {
    for (const client of this.#clients) client.close();
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }
}

/** What an agent says to a new connection. */
export interface Greeting {
  name?: string;
  agent?: string;
  state?: unknown;
  /** Of the state. An agent that has one takes part in the extensions. */
  revision?: number;
  epoch?: string;
  /** Of those that it takes. */
  maxFrameBytes?: number;
}

/** The server's end of one connection. */
export class Peer {
  readonly url: URL;
  readonly #socket: Socket;
  readonly #messages = new Queue<any>();

  constructor(socket: Socket, url: string) {
    this.#socket = socket;
    this.url = new URL(url, "ws://fake");
    socket.on("message", (data, isBinary) => this.#messages.put(isBinary ? data : parse(String(data))));
  }

  /** The next message: a value if it was JSON, else the text. */
  received(): Promise<any> {
    return this.#messages.take();
  }

  send(message: unknown): void {
    this.#socket.send(typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  /** What an agent sends to a new connection. */
  greet({ name = "default", agent = "counter", state, revision, epoch = "e", maxFrameBytes }: Greeting = {}): void {
    const at = revision === undefined ? {} : { epoch, revision };
    if (revision !== undefined) this.hello({ maxFrameBytes });
    this.send({ type: "cf_agent_identity", name, agent });
    if (state !== undefined) this.send({ type: "cf_agent_state", state, ...at });
    this.send({ type: "cf_agent_mcp_servers", mcp: { servers: {}, tools: [], prompts: [], resources: [] } });
  }

  /** Says that it takes part in the extensions. */
  hello({
    heartbeatMs = 25_000,
    maxFrameBytes
  }: { heartbeatMs?: number; maxFrameBytes?: number | undefined } = {}): void {
    this.send({ type: "cf_agent_hello", version: 1, connection: "c", heartbeatMs, maxFrameBytes });
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  /** Cuts the line. */
  drop(): void {
    this.#socket.terminate();
  }
}

/** Resolves when the client has handled all that the agent sent before. */
export async function through(client: AgentClient, peer: Peer): Promise<void> {
  const mark = `mark ${Math.random()}`;
  const handled = new Promise<void>((resolve) => {
    const listener = (event: MessageEvent) => {
      if (event.data !== mark) return;
      client.removeEventListener("message", listener);
      resolve();
    };
    client.addEventListener("message", listener);
  });
  peer.send(mark);
  await handled;
}

/** The next event of this type. */
export function event<Type extends "open" | "close" | "error" | "message">(
  client: AgentClient,
  type: Type
): Promise<any> {
  return new Promise((resolve) => (client as EventTarget).addEventListener(type, resolve, { once: true }));
}

class Queue<Item> {
  readonly #items: Item[] = [];
  readonly #takers: ((item: Item) => void)[] = [];

  put(item: Item): void {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(): Promise<Item> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!);
    return new Promise((resolve) => this.#takers.push(resolve));
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
