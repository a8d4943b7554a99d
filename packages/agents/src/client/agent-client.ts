import ReconnectingWebSocket, { type CloseEvent, type Message } from "partysocket/ws";
import { AgentError } from "../protocol/errors";
import type { ServerFrame } from "../protocol/frames";
import { kebabCase } from "../protocol/names";
import { Calls, type AnyCallOptions } from "./calls";
import { callText, stateText } from "./client-frames";
import { socketOptions, type AgentClientOptions } from "./options";
import { Outbox } from "./outbox";
import { Refusals } from "./refusals";
import { decodeServerFrame } from "./server-frames";
import { createStubProxy } from "./stub";
import type { CallArguments, CallName, CallOptionsFor, CallResult, StateOf, StubOf } from "./types";
import { agentUrl, resolveQuery, type AgentAddress } from "./url";

/** What a client knows of its agent. A new object for every change. */
export interface AgentSnapshot<State> {
  readonly agent: string;
  readonly name: string;
  readonly identified: boolean;
  readonly state: State | undefined;
}

type FrameHandlers = { [Type in ServerFrame["type"]]: (frame: Extract<ServerFrame, { type: Type }>) => void };

/** The key of state frames in the outbox. */
const stateKey = "state";

/**
 * A connection to one instance of an agent: its state, its methods, its messages. It connects at once, and again
 * whenever the connection is lost, with a fresh `query`. What is sent meanwhile waits, in order. A close with 1008 or
 * 4000 to 4999 is an answer, not an accident: the client then stays closed until `reconnect()`, except that a `query`
 * function is asked once more for a newer token.
 *
 * It is a `WebSocket` too. A listener for "message" gets every message, the frames of the agent protocol included; those are
 * already applied then.
 *
 * State the agent's class, and its state if it does not say: `AgentClient<MyAgent>`, `AgentClient<MyAgent, State>`,
 * `AgentClient<State>`.
 *
 * @example
 * const client = new AgentClient<Counter>({ agent: "Counter", name: "my-counter", host: "my-worker.example.workers.dev" });
 * const count = await client.stub.increment();
 * client.close();
 */
// An unstated agent has unknown methods, and a state that is `any`, as on the server.
// oxlint-disable-next-line typescript/no-explicit-any
export class AgentClient<AgentOrState = any, State = StateOf<AgentOrState>> extends ReconnectingWebSocket {
  /** The id of this connection, the same after reconnecting. The agent knows it as `connection.id`. */
  readonly id: string;
  /** The agent's methods: `await client.stub.add(1, 2)` is `await client.call("add", [1, 2])`. */
  readonly stub: StubOf<AgentOrState>;

  readonly #options: AgentClientOptions<State>;
  readonly #address: AgentAddress;
  readonly #outbox = new Outbox();
  readonly #calls = new Calls();
  readonly #refusals = new Refusals();
  #listeners: readonly (() => void)[] = [];
  #snapshot: AgentSnapshot<State>;
  #ready = deferred();
  #identity: { name: string; agent: string } | undefined;
  #callCount = 0;
  /** Counts what makes a query that is being fetched obsolete. */
  #attempt = 0;
  #isReplacing = false;
  /** Closed for good: what is not answered by now never will be. */
  #isOver = false;
  /** The frames that an agent sends to a new connection are through. */
  #isGreeted = false;
  /** The state that `setState` left here is newer than the one the agent is about to send. */
  #isStateAhead = false;

  /**
   * @param options address, query, callbacks, and the socket's options; `startClosed` waits for `reconnect()`
   * @throws CLIENT_OPTIONS_INVALID
   */
  constructor(options: AgentClientOptions<State>) {
    if (!options.startClosed) agentUrl(options, "ws");
    super("", options.protocols, socketOptions(options));
    this._url = () => this.#url();
    this._options.shouldReconnectOnClose = (event) => this.#shouldReconnect(event);
    const { agent, name, host, path, basePath, prefix, protocol } = options;
    this.#address = { agent, name, host, path, basePath, prefix, protocol };
    this.#options = options;
    this.#snapshot = { agent: kebabCase(agent ?? ""), name: name ?? "default", identified: false, state: undefined };
    this.id = options.id ?? randomId();
    // The proxy has whatever methods the type says.
    this.stub = createStubProxy((method, args) => this.#call(method, args)) as StubOf<AgentOrState>;
    this.#bindMethods();
    // Before anybody else's: a listener of the program finds the frame applied.
    this.addEventListener("open", (event) => this.#opened(event));
    this.addEventListener("message", (event) => this.#received(event));
    this.addEventListener("close", (event) => this.#closed(event));
    this.addEventListener("error", (event) => this.#options.onError?.(event));
  }

  /** The agent's class in kebab case: what was asked for, then what the agent says. */
  get agent(): string {
    return this.#snapshot.agent;
  }

  /** The instance's name: what was asked for, then what the agent says. */
  get name(): string {
    return this.#snapshot.name;
  }

  /** Whether the agent has said on this connection which instance it is. */
  get identified(): boolean {
    return this.#snapshot.identified;
  }

  /** Resolves when the agent has said which instance it is; never if it keeps that to itself. New after each loss of the connection. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** The agent's state as far as this client knows, `undefined` before the first. */
  get state(): State | undefined {
    return this.#snapshot.state;
  }

  /**
   * Writes the agent's state. It shows here at once and is sent to the agent, which sends it to all others. The agent may
   * refuse it: see `onStateUpdateError`.
   *
   * @param state any JSON value; it replaces the whole state
   * @throws STATE_NOT_SERIALIZABLE; nothing has changed then
   * @example client.setState({ ...client.state, score: 100 });
   */
  setState(state: State): void {
    this.#transmit(stateText(state), stateKey);
    if (!this.#isGreeted) this.#isStateAhead = true;
    this.#update({ state });
    this.#options.onStateUpdate?.(state, "client");
  }

  /**
   * Calls a method of the agent that is marked `@callable()`. While there is no connection, the call waits for it.
   *
   * @param method its name
   * @param args its arguments, JSON values
   * @param options `timeout` in milliseconds; `stream` for a method that streams
   * @returns what the method returns, or what its stream ends with
   * @throws CALL_FAILED with the agent's message; CONNECTION_CLOSED when the connection was lost after the call was sent (it
   * may have run), or was closed for good; CALL_TIMEOUT
   * @example
   * await client.call("generate", [prompt], { timeout: 30_000, stream: { onChunk: (text) => append(text) } });
   */
  call<Name extends CallName<AgentOrState>>(
    method: Name,
    ...rest: [] extends CallArguments<AgentOrState, Name>
      ? [args?: CallArguments<AgentOrState, Name>, options?: CallOptionsFor<AgentOrState, Name>]
      : [args: CallArguments<AgentOrState, Name>, options?: CallOptionsFor<AgentOrState, Name>]
  ): Promise<CallResult<AgentOrState, Name>>;
  /** Calls a method that the types do not know: state its result. */
  call<Result = never>(
    method: [Result] extends [never] ? never : string,
    args?: readonly unknown[],
    // The values of a method that is not known.
    // oxlint-disable-next-line typescript/no-explicit-any
    options?: AnyCallOptions<any, any>
  ): Promise<Result>;
  call(method: string, args?: readonly unknown[], options?: AnyCallOptions): Promise<unknown> {
    return this.#call(method, args, options);
  }

  /**
   * Sends a message to the agent's `onMessage`. While there is no connection, it waits for it.
   *
   * @returns whether it went out at once
   */
  override send(data: Message): boolean {
    return this.#transmit(data);
  }

  /**
   * Sends an HTTP request to the same instance. It reaches the agent's `onRequest`.
   *
   * @param path what comes after the instance's address
   * @param init as for the global `fetch`
   * @throws CLIENT_OPTIONS_INVALID, or what `fetch` or `query` throws
   * @example const messages = await (await client.fetch("get-messages")).json();
   */
  async fetch(path = "", init?: RequestInit): Promise<Response> {
    const query = await resolveQuery(this.#options.query);
    const address = { ...this.#address, path: `${this.#address.path ?? ""}/${path}` };
    return globalThis.fetch(agentUrl(address, "http", query), init);
  }

  /** Closes the connection and stays closed. Calls without an answer reject with CONNECTION_CLOSED. */
  override close(code?: number, reason?: string): void {
    this.#isOver = true;
    super.close(code, reason);
    // Without a socket there is no close event.
    this.#rejectCalls();
  }

  /**
   * Connects anew, now, with a fresh `query`.
   *
   * @throws CLIENT_OPTIONS_INVALID
   */
  override reconnect(code?: number, reason?: string): void {
    agentUrl(this.#address, "ws");
    this.#isOver = false;
    this.#refusals.reset();
    this.#attempt++;
    this.#isReplacing = true;
    this._options.startClosed = false;
    try {
      super.reconnect(code, reason);
    } finally {
      this.#isReplacing = false;
    }
  }

  /** Bytes (of a text: characters) that wait to be sent. */
  override get bufferedAmount(): number {
    return super.bufferedAmount + this.#outbox.bytes;
  }

  /**
   * Calls `listener` after every change of the snapshot.
   *
   * @returns ends that
   */
  subscribe(listener: () => void): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** What this client knows now: the same object until something changes. */
  getSnapshot(): AgentSnapshot<State> {
    return this.#snapshot;
  }

  // --- what comes in ---

  readonly #frames: FrameHandlers = {
    cf_agent_identity: ({ name, agent }) => this.#identified(name, agent),
    cf_agent_state: ({ state }) => {
      if (this.#isStateAhead) return;
      // What the agent's type says.
      const next = state as State;
      this.#update({ state: next });
      this.#options.onStateUpdate?.(next, "server");
    },
    cf_agent_state_error: ({ error }) => this.#options.onStateUpdateError?.(error),
    cf_agent_mcp_servers: ({ mcp }) => this.#options.onMcpUpdate?.(mcp),
    rpc: (frame) => this.#calls.settle(frame)
  };

  #received(event: MessageEvent): void {
    const frame = decodeServerFrame(event.data);
    if (!frame) return this.#options.onMessage?.(event);
    if (frame.type !== "cf_agent_identity" && frame.type !== "cf_agent_state") {
      this.#isGreeted = true;
      this.#isStateAhead = false;
    }
    // A handler takes the frames of the type under which it is found, which TypeScript cannot follow.
    (this.#frames[frame.type] as (frame: ServerFrame) => void)(frame);
  }

  #identified(name: string, agent: string): void {
    const before = this.#identity;
    const hasChanged = before !== undefined && (before.name !== name || before.agent !== agent);
    this.#identity = { name, agent };
    // Another instance has another state.
    this.#update({ name, agent, identified: true, ...(hasChanged && !this.#isStateAhead && { state: undefined }) });
    this.#ready.resolve();
    this.#options.onIdentity?.(name, agent);
    if (!hasChanged) return;
    if (this.#options.onIdentityChange) this.#options.onIdentityChange(before.name, name, before.agent, agent);
    else {
      console.warn(
        `The connection led to ${before.agent} "${before.name}" and now leads to ${agent} "${name}". ` +
          "Pass onIdentityChange to handle this."
      );
    }
  }

  // --- what goes out ---

  #call(method: string, args: readonly unknown[] = [], options: AnyCallOptions = {}): Promise<unknown> {
    if (this.#isOver) return Promise.reject(new AgentError("CONNECTION_CLOSED", "Connection closed"));
    const id = `${this.id}:${++this.#callCount}`;
    try {
      const text = callText(id, method, args);
      const answer = this.#calls.add(id, method, options, () => this.#outbox.remove(id));
      this.#transmit(text, id);
      return answer;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #transmit(data: Message, key?: string): boolean {
    this.#outbox.push(data, key);
    this.#flush();
    return this.#isOpen;
  }

  get #isOpen(): boolean {
    return this.readyState === this.OPEN;
  }

  #flush(): void {
    this.#outbox.flush(
      () => this.#isOpen,
      (data) => super.send(data)
    );
  }

  // --- the socket's life ---

  async #url(): Promise<string> {
    for (;;) {
      const attempt = this.#attempt;
      const query = await resolveQuery(this.#options.query);
      if (attempt === this.#attempt) return agentUrl(this.#address, "ws", { _pk: this.id, ...query });
    }
  }

  #opened(event: Event): void {
    this.#refusals.opened(Date.now());
    this.#flush();
    this.#options.onOpen?.(event);
  }

  #shouldReconnect(event: CloseEvent): boolean {
    if (this.#isReplacing) return true;
    const { shouldReconnectOnClose, query } = this.#options;
    if (shouldReconnectOnClose) return shouldReconnectOnClose(event);
    return this.#refusals.shouldReconnect(event.code, Date.now(), typeof query === "function");
  }

  #closed(event: CloseEvent): void {
    if (!this.shouldReconnect) this.#isOver = true;
    this.#isGreeted = false;
    this.#isStateAhead = this.#outbox.has(stateKey);
    if (this.identified) {
      this.#ready = deferred();
      this.#update({ identified: false });
    }
    this.#rejectCalls();
    this.#options.onClose?.(event);
  }

  /** Those whose answers were lost with the socket; those that were never sent still can be, unless all is over. */
  #rejectCalls(): void {
    this.#calls.connectionClosed((id) => {
      const isLost = this.#isOver || !this.#outbox.has(id);
      if (isLost) this.#outbox.remove(id);
      return isLost;
    });
  }

  #update(change: Partial<AgentSnapshot<State>>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** Programs take methods out of the object: `const { call, setState } = useAgent(...)`. */
  #bindMethods(): void {
    Object.assign(this, {
      call: this.call.bind(this),
      setState: this.setState.bind(this),
      send: this.send.bind(this),
      fetch: this.fetch.bind(this),
      close: this.close.bind(this),
      reconnect: this.reconnect.bind(this),
      subscribe: this.subscribe.bind(this),
      getSnapshot: this.getSnapshot.bind(this),
      addEventListener: this.addEventListener.bind(this),
      removeEventListener: this.removeEventListener.bind(this)
    });
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

// `crypto.randomUUID` is missing on pages that are served plainly from another machine.
function randomId(): string {
  return (
    crypto.randomUUID?.() ??
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")
  );
}
