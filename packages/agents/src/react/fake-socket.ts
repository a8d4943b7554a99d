/** The server's end of a connection that exists only in a test. */
export class FakeSocket extends EventTarget {
  readonly url: URL;
  /** Subprotocols that the client offered. */
  readonly offered: unknown;
  readonly sent: unknown[] = [];
  readyState = 0;
  binaryType = "blob";
  bufferedAmount = 0;

  constructor(url: string, offered?: unknown) {
    super();
    this.url = new URL(url);
    this.offered = offered;
  }

  // the client's side

  send(data: string): void {
    this.sent.push(data.startsWith("{") ? JSON.parse(data) : data);
  }

  close(): void {
    this.readyState = 3;
  }

  // the agent's side

  /**
   * Opens, and says which instance this is: by default the one in the URL.
   *
   * @param isExtended whether it takes part in the extensions of the protocol
   * @param state a frame with its state
   */
  accept(name = this.url.pathname.split("/")[3] ?? "", isExtended = false, state?: object): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
    const limits = { heartbeatMs: 25_000, maxFrameBytes: 2 ** 25 };
    if (isExtended) this.say({ type: "cf_agent_hello", version: 1, connection: "c", ...limits });
    this.say({ type: "cf_agent_identity", name, agent: "counter" });
    if (state) this.say(state);
    this.say({ type: "cf_agent_mcp_servers", mcp: { servers: {}, tools: [], prompts: [], resources: [] } });
  }

  say(frame: object): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }

  state(state: unknown): void {
    this.say({ type: "cf_agent_state", state });
  }

  drop(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}

/** A `WebSocket` class, and the sockets that were made of it. */
export function fakeSockets(): { WebSocket: typeof FakeSocket; all: FakeSocket[]; next(): Promise<FakeSocket> } {
  const all: FakeSocket[] = [];
  const waiting: ((socket: FakeSocket) => void)[] = [];
  let taken = 0;
  return {
    all,
    WebSocket: class extends FakeSocket {
      constructor(url: string, offered?: unknown) {
        super(url, offered);
        all.push(this);
        waiting.shift()?.(this);
      }
    },
    next() {
      const socket = all[taken++];
      return socket ? Promise.resolve(socket) : new Promise((resolve) => waiting.push(resolve));
    }
  };
}
