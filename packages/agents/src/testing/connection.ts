import { AgentError, type AgentErrorCode } from "../protocol/errors";

/** Whatever takes requests for an agent: a stub, or a Worker that routes to it. */
interface Connectable {
  fetch(request: Request): Promise<Response>;
}

export interface ConnectOptions {
  /** The query of the URL: `_pk=a` chooses the id of the connection, and `_agents_ext=1` announces the extensions of the protocol. */
  query?: string;
  /** Headers of the upgrade request, as a browser sends cookies. */
  headers?: Record<string, string>;
  /** The URL, for a Worker that routes by it. An agent does not look at it. */
  url?: string;
  /** Gets each message as it was sent, before it is parsed. */
  heard?: (data: unknown) => void;
}

/** What was received: the value of JSON, or the message as it was. */
export type Received = unknown;

/** The client's end of a connection to an agent. */
export class TestConnection {
  readonly #socket: WebSocket;
  readonly #received: Received[] = [];
  readonly #waiting: ((received: Received) => void)[] = [];
  #calls = 0;
  /** Settles when the connection is closed by the agent, or cut. */
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket, heard: (data: unknown) => void = () => {}) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
    socket.addEventListener("message", ({ data }) => {
      heard(data);
      this.#receive(parse(data));
    });
    socket.accept();
  }

  #receive(received: Received): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(received);
    else this.#received.push(received);
  }

  /** The next message, in the order in which they were sent. */
  nextFrame(): Promise<Received> {
    if (this.#received.length > 0) return Promise.resolve(this.#received.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next message of this `type`, or for which `wanted` is true; those before it are dropped. */
  async next<Frame = Record<string, unknown>>(wanted: string | ((frame: Frame) => boolean)): Promise<Frame> {
    for (;;) {
      const frame = (await this.nextFrame()) as Frame;
      const isFrame = typeof frame === "object" && frame !== null;
      if (isFrame && (typeof wanted === "string" ? (frame as { type?: string }).type === wanted : wanted(frame)))
        return frame;
    }
  }

  /** What has arrived and was not asked for. */
  get pending(): readonly Received[] {
    return this.#received;
  }

  /** Sends text as it is, bytes as they are, and anything else as JSON. */
  send(message: unknown): void {
    const raw = typeof message === "string" || message instanceof ArrayBuffer;
    this.#socket.send(raw ? message : JSON.stringify(message));
  }

  /**
   * Calls a method, as a client does. Messages before the answer are dropped, the chunks of a stream too.
   *
   * @returns what the method returns
   * @throws AgentError with the message that a client gets, `CALL_FAILED` where the agent names no code
   * @example expect(await connection.call("increment", 2)).toBe(2);
   */
  async call<Result = unknown>(method: string, ...args: unknown[]): Promise<Result> {
    const { success, result, error, code } = await this.answerTo(method, ...args);
    // The caller knows what its method returns.
    if (success) return result as Result;
    throw new AgentError((code as AgentErrorCode | undefined) ?? "CALL_FAILED", String(error));
  }

  /** Calls a method, and gives the last frame of its answer as it was sent. */
  protected answerTo(method: string, ...args: unknown[]): Promise<Record<string, unknown>> {
    const id = `call-${this.#calls++}`;
    this.send({ type: "rpc", id, method, args });
    return this.next((frame) => frame.type === "rpc" && frame.id === id && frame.done !== false);
  }

  /**
   * All that has arrived and was not asked for, once the agent has handled what this connection sent before. A call of a
   * method that no agent has is the barrier: it is always answered, and a connection's frames keep their order.
   */
  async settled(): Promise<Received[]> {
    const id = `settled-${this.#calls++}`;
    this.send({ type: "rpc", id, method: "", args: [] });
    const frames: Received[] = [];
    for (;;) {
      const frame = await this.nextFrame();
      if ((frame as { id?: unknown } | null)?.id === id) return frames;
      frames.push(frame);
    }
  }

  close(code = 1000, reason = ""): void {
    this.#socket.close(code, reason);
  }

  /** As a browser does by `close()`: the other end sees 1005. */
  closeWithoutCode(): void {
    this.#socket.close();
  }
}

function parse(data: unknown): Received {
  if (typeof data !== "string") return data;
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

/** Opens the socket of a connection. What the agent greets with are its first messages. */
export async function openSocket(agent: Connectable, options: ConnectOptions): Promise<WebSocket> {
  const { query, headers, url = "http://test/agents/agent/name" } = options;
  const request = new Request(query ? `${url}?${query}` : url, { headers: { Upgrade: "websocket", ...headers } });
  const response = await agent.fetch(request);
  if (response.webSocket) return response.webSocket;
  throw new Error(`The agent opened no connection: ${response.status} ${await response.text()}`);
}

/**
 * Connects to an agent as a client does.
 *
 * @param agent a stub, by `getAgentByName` or from a binding; or the Worker (`exports.default`) with `url`
 * @throws Error when the upgrade is answered by anything else, with the status
 * @example
 * const connection = await connect(await getAgentByName(env.Counter, "one"));
 * expect(await connection.call("increment")).toBe(1);
 */
export async function connect(agent: Connectable, options: ConnectOptions = {}): Promise<TestConnection> {
  return new TestConnection(await openSocket(agent, options), options.heard);
}
