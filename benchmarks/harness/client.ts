// A client with as little work a frame as possible: the load generator shares the machine with what it measures.
import WebSocket from "ws";
import type { Workerd } from "./workerd.ts";

export interface ClientOptions {
  /** Announces the extensions of the protocol, as `agents/client` does. */
  extended?: boolean;
  /** Whether the agent has a state, which comes after the greeting. */
  state?: boolean;
}

interface Call {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface Frame {
  type: string;
  id: string;
  success?: boolean;
  result?: unknown;
  error?: string;
  from?: number;
  to?: number;
  patch?: { path: string; value: number }[];
}

/** In bytes: only a state is that large. */
const largeFrame = 4096;

let serial = 0;

/** A name that no agent of this run has had. */
export const freshName = (prefix: string): string => `${prefix}-${++serial}`;

export class Client {
  /** The highest `rev` of a state that came. */
  rev = -1;
  bytesIn = 0;
  bytesOut = 0;
  /** Called after each state. */
  onState: ((client: Client) => void) | undefined;
  /** Given all frames instead of this client, once it is open. */
  onFrame: ((data: Buffer) => void) | undefined;
  readonly #socket: WebSocket;
  readonly #calls = new Map<string, Call>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #state: boolean;
  #identified = false;
  #revision: number | undefined;
  #nextId = 0;

  /** Connects; resolves when identity and state have come. */
  static async open(server: Workerd, agent: string, name: string, options: ClientOptions = {}): Promise<Client> {
    const client = new Client(server, agent, name, options);
    await client.#ready.promise;
    return client;
  }

  private constructor(server: Workerd, agent: string, name: string, { extended = false, state = true }: ClientOptions) {
    this.#state = state;
    const url = new URL(`/agents/${agent}/${name}${extended ? "?_agents_ext=1" : ""}`, server.url);
    url.protocol = "ws:";
    this.#socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error(`${agent}/${name}: the connection was closed`)));
    this.#socket.on("message", (data: Buffer) => {
      this.bytesIn += data.length;
      try {
        if (this.onFrame) this.onFrame(data);
        else this.#receive(data);
      } catch (error) {
        this.#fail(error as Error);
      }
    });
  }

  /** Calls a method of the agent. */
  call(method: string, ...args: unknown[]): Promise<unknown> {
    const id = String(++this.#nextId);
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.send({ type: "rpc", id, method, args });
    });
  }

  send(frame: object): void {
    const text = JSON.stringify(frame);
    this.bytesOut += Buffer.byteLength(text);
    this.#socket.send(text);
  }

  /** Closes; calls without an answer are given up. */
  close(): Promise<void> {
    this.#calls.clear();
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.close(1000);
    });
  }

  #receive(data: Buffer): void {
    // What is wanted of a state stands at its start, whatever the order of the fields: no need to parse 100 KB to see it.
    const head = data.toString("latin1", 0, 128);
    const rev = /"state":\{"rev":(\d+)/.exec(head)?.[1];
    if (rev !== undefined || data.length > largeFrame) {
      const revision = /"revision":(\d+)/.exec(head)?.[1];
      this.#revision = revision === undefined ? undefined : Number(revision);
      // A large state without one comes once for each update.
      this.#sawState(rev === undefined ? this.rev + 1 : Number(rev));
      return;
    }
    const frame = JSON.parse(data.toString()) as Frame;
    if (frame.type === "rpc") this.#answer(frame);
    else if (frame.type === "cf_agent_state_patch") this.#patch(frame);
    else if (frame.type === "cf_agent_identity") this.#identified = true;
    if (this.#identified && !this.#state) this.#ready.resolve();
  }

  #answer({ id, success, result, error }: Frame): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (success) call?.resolve(result);
    else call?.reject(new Error(error));
  }

  #patch({ from, to, patch }: Frame): void {
    if (from !== this.#revision) throw new Error(`a patch from revision ${from}, but the last was ${this.#revision}`);
    this.#revision = to;
    const change = patch?.find(({ path }) => path.endsWith("/rev"));
    if (!change) throw new Error(`a patch without a rev: ${JSON.stringify(patch)}`);
    this.#sawState(change.value);
  }

  #sawState(rev: number): void {
    this.rev = Math.max(this.rev, rev);
    if (this.#identified) this.#ready.resolve();
    this.onState?.(this);
  }

  #fail(error: Error): void {
    this.#ready.reject(error);
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}

/** Opens `count` clients, some at a time. */
export async function openMany(
  server: Workerd,
  agent: string,
  nameOf: (index: number) => string,
  count: number,
  options?: ClientOptions
): Promise<Client[]> {
  const clients: Client[] = [];
  await inParallel(20, count, async (index) => {
    clients[index] = await Client.open(server, agent, nameOf(index), options);
  });
  return clients;
}

export const closeAll = (clients: Client[]): Promise<void[]> => Promise.all(clients.map((client) => client.close()));

/** Runs `work(0)` to `work(count - 1)`, at most `width` at once. */
export async function inParallel(width: number, count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(width, count) }, async () => {
      while (next < count) await work(next++);
    })
  );
}
