import { AgentError } from "../protocol/errors";
import { extensionsParameter, extensionsVersion, type ServerFrame } from "../protocol/frames";
import { kebabCase } from "../protocol/names";
import { AgentStream } from "./agent-stream";
import { Calls, type AnyCallOptions, type CallLimits } from "./calls";
import { callText } from "./client-frames";
import { isEqual } from "./equal";
import { deferred, isOther, randomId, tellIdentityChange, type AgentSnapshot, type Identity } from "./identity";
import { Link } from "./link";
import type { AgentClientOptions, SetStateOptions } from "./options";
import { ReconnectingSocket } from "./reconnecting-socket";
import { consequenceOf } from "./refusals";
import { decodeServerFrame } from "./server-frames";
import { errorEvent, type Message } from "./socket-events";
import { StateModel } from "./state-model";
import { createStubProxy } from "./stub";
import type {
  CallArguments,
  CallName,
  CallOptionsFor,
  CallResult,
  StateOf,
  StreamName,
  StreamOf,
  StubOf
} from "./types";
import { agentUrl, resolveQuery, type AgentAddress } from "./url";

type FrameHandlers = { [Type in ServerFrame["type"]]: (frame: Extract<ServerFrame, { type: Type }>) => void };

/**
 * A connection to one instance of an agent: its state, its methods, its messages. It connects at once, and again
 * whenever the connection is lost, with a fresh `query`. What is sent meanwhile waits, in order. A close with 1008, 3000,
 * 3003 or 4000 to 4999 is an answer, not an accident: the client then stays closed until `reconnect()`, except that a
 * `query` function is asked once more for a newer token.
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
export class AgentClient<AgentOrState = any, State = StateOf<AgentOrState>> extends ReconnectingSocket {
  /** The id of this connection, the same after reconnecting. The agent knows it as `connection.id`. */
  readonly id: string;
  /** The agent's methods: `await client.stub.add(1, 2)` is `await client.call("add", [1, 2])`. */
  readonly stub: StubOf<AgentOrState>;

  readonly #options: AgentClientOptions<State>;
  readonly #address: AgentAddress;
  readonly #link = new Link({
    isOpen: () => this.readyState === this.OPEN,
    transmit: (data) => this._transmit(data),
    settled: (isExtended) => this.#state.connected(isExtended),
    greeted: () => this.#state.greeted(),
    dead: () => this._dead()
  });
  readonly #state = new StateModel<State>({
    queue: (key, data) =>
      this.#link.send({
        data,
        key,
        take: (isExtended) => this.#state.take(key, isExtended),
        refuse: (error) => this.#state.refuse(key, error)
      }),
    unqueue: (key) => this.#link.outbox.endsWith(key) && this.#link.outbox.remove(key),
    send: (text) => this._transmit(text),
    changed: (state, source) => this.#stateChanged(state, source),
    refused: (error) => this.#options.onStateUpdateError?.(error.message, error)
  });
  readonly #calls = new Calls({
    queue: (key, data, isAgain) =>
      this.#link.send(
        {
          data,
          key,
          take: (isExtended) => this.#calls.take(key, isExtended),
          refuse: (error) => this.#calls.refuse(key, error)
        },
        isAgain
      ),
    withdraw: (id) => this.#link.outbox.remove(id),
    tell: (frame) => this.#link.tell(frame)
  });
  #listeners: readonly (() => void)[] = [];
  #snapshot: AgentSnapshot<State>;
  #ready = deferred();
  #identity: Identity | undefined;
  /** Of calls. Not the connection's: a program may choose that, and use it again after a reload. */
  readonly #callsId = randomId();
  #callCount = 0;
  /** Closed for good: what is not answered by now never will be. */
  #isOver = false;

  /**
   * @param options address, query, callbacks, and the socket's options; `startClosed` waits for `reconnect()`
   * @throws CLIENT_OPTIONS_INVALID
   */
  constructor(options: AgentClientOptions<State>) {
    super(options, {
      url: () => this.#url(),
      canRefresh: () => typeof this.#options.query === "function",
      returned: () => this.#link.returned(),
      // Before anybody else's: a listener of the program finds the frame applied.
      listeners: {
        open: (event) => this.#opened(event),
        message: (event) => this.#received(event),
        close: (event) => this.#closed(event),
        error: (event) => this.#options.onError?.(event)
      }
    });
    const { agent, name, host, path, basePath, prefix, protocol } = options;
    this.#address = { agent, name, host, path, basePath, prefix, protocol };
    this.#options = options;
    this.#snapshot = {
      agent: kebabCase(agent ?? ""),
      name: name ?? "default",
      identified: false,
      state: undefined,
      connectionError: undefined
    };
    this.id = options.id ?? randomId();
    // The proxy has whatever methods the type says.
    this.stub = createStubProxy((method, args) => this.#call(method, args)) as StubOf<AgentOrState>;
    for (const name of methods) Object.assign(this, { [name]: this[name].bind(this) });
    if (!options.startClosed) this.reconnect();
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

  /**
   * Whether the agent takes part in the extensions of the protocol, on this connection; `undefined` while that is not known. For
   * packages that speak to agents in frames of their own.
   */
  get extended(): boolean | undefined {
    return this.#link.isExtended;
  }

  /** Resolves when the agent has said which instance it is; never if it keeps that to itself. New after each loss of the connection. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** The agent's state as far as this client knows, `undefined` before the first. */
  get state(): State | undefined {
    return this.#snapshot.state;
  }

  /** The revision of the state that this client knows, for `ifRevision`; `undefined` with an agent that counts none. */
  get revision(): number | undefined {
    return this.#state.revision;
  }

  /**
   * Writes the agent's state. It shows here at once and is sent to the agent, which sends it to all others. The agent may
   * refuse it: the state is set back then, see `onStateUpdateError`.
   *
   * @param state any JSON value; it replaces the whole state
   * @param options `ifRevision` refuses the write if others have changed the state meanwhile
   * @throws STATE_NOT_SERIALIZABLE; nothing has changed then. Other errors are given to `onStateUpdateError`
   * @example client.setState({ ...client.state, score: 100 }, { ifRevision: true });
   */
  setState(state: State, { ifRevision }: SetStateOptions = {}): void {
    this.#state.write(state, ifRevision);
  }

  /**
   * Calls a method of the agent that is marked `@callable()`. While there is no connection, the call waits for it.
   *
   * @param method its name
   * @param args its arguments, JSON values
   * @param options `timeout` in milliseconds; `signal` to cancel it; `idempotent` if it may run twice; `stream` for a method that
   * streams
   * @returns what the method returns, or what its stream ends with
   * @throws CALL_FAILED, or the code of the agent's own error, with its message; CALL_REFUSED when the agent's `authorize` says no;
   * CONNECTION_CLOSED when the connection was lost after the call was sent (it may have run), or was closed for good; CALL_TIMEOUT;
   * CALL_CANCELLED; FRAME_TOO_LARGE when the agent takes no call of this size
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
   * Calls a method that streams, to read its values in a loop. A slow reader slows the agent down; leaving the loop cancels the
   * call.
   *
   * @param method its name
   * @param args its arguments, JSON values
   * @param options as for `call`
   * @returns the values, and `final`, what the stream ends with
   * @throws what `call` throws, from the loop and from `final`
   * @example
   * const stream = client.stream("generate", [prompt]);
   * for await (const text of stream) append(text);
   * const usage = await stream.final;
   */
  stream<Name extends StreamName<AgentOrState>>(
    method: Name,
    args?: CallArguments<AgentOrState, Name>,
    options?: CallLimits
  ): StreamOf<AgentOrState, Name>;
  /** Streams from a method that the types do not know: state its values. */
  stream<Chunk = never, Final = unknown>(
    method: [Chunk] extends [never] ? never : string,
    args?: readonly unknown[],
    options?: CallLimits
  ): AgentStream<Chunk, Final>;
  stream(method: string, args?: readonly unknown[], options?: CallLimits): AgentStream<unknown> {
    return new AgentStream((onChunk) => {
      const id = this.#nextCall();
      const final = this.#call(method, args, { ...options, stream: { onChunk } }, id, true);
      return { final, read: () => this.#calls.read(id), cancel: () => this.#calls.cancel(id) };
    });
  }

  /**
   * Sends a message to the agent's `onMessage`. While there is no connection, it waits for it.
   *
   * @param data a text, or bytes
   * @param refused called with FRAME_TOO_LARGE when the agent does not take a message of this size, with CONNECTION_CLOSED when
   * the next connection led to another instance; without it, "error" is dispatched
   * @returns whether it went out at once
   * @example client.send(JSON.stringify({ type: "typing" }));
   */
  send(
    data: Message,
    refused: (error: AgentError) => void = (error) => this.dispatchEvent(errorEvent(error))
  ): boolean {
    let isRefused = false;
    const refuse = (error: AgentError) => {
      isRefused = true;
      refused(error);
    };
    return this.#link.send({ data, refuse }) && !isRefused;
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

  /**
   * Closes the connection and stays closed, until `reconnect()`. Calls without an answer reject with CONNECTION_CLOSED.
   *
   * @param code 1000, or 3000 to 4999
   * @param reason what the agent's `onClose` is told, at most 123 bytes
   * @example client.close();
   */
  override close(code?: number, reason?: string): void {
    this.#isOver = true;
    super.close(code, reason);
    // Without a socket there is no close event.
    this.#calls.connectionClosed(true, false);
  }

  /**
   * Connects anew, now, with a fresh `query`, also after the agent has closed the connection for good.
   *
   * @param code with which the connection is closed that there is: 1000, or 3000 to 4999
   * @param reason what the agent's `onClose` is told
   * @throws CLIENT_OPTIONS_INVALID
   * @example if (client.connectionError) client.reconnect();
   */
  override reconnect(code?: number, reason?: string): void {
    agentUrl(this.#address, "ws");
    this.#isOver = false;
    super.reconnect(code, reason);
    this.#update({ connectionError: undefined });
  }

  /** Bytes (of a text: characters) that wait to be sent. */
  override get bufferedAmount(): number {
    return super.bufferedAmount + this.#link.outbox.bytes;
  }

  /**
   * Calls `listener` after every change of the snapshot: of the state, the identity, or the reason why there is no connection.
   *
   * @returns ends that
   * @example const stop = client.subscribe(() => render(client.getSnapshot()));
   */
  subscribe(listener: () => void): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** What this client knows now: the same object until something changes. What arrives and is known already changes nothing. */
  getSnapshot(): AgentSnapshot<State> {
    return this.#snapshot;
  }

  // --- what comes in ---

  readonly #frames: FrameHandlers = {
    cf_agent_identity: ({ name, agent }) => this.#identified(name, agent),
    cf_agent_state: (frame) => this.#state.received(frame),
    cf_agent_state_patch: (frame) => this.#state.patched(frame),
    cf_agent_state_ack: (frame) => this.#state.acknowledged(frame),
    cf_agent_state_reject: (frame) => this.#state.rejected(frame),
    cf_agent_state_error: ({ error }) => this.#options.onStateUpdateError?.(error),
    cf_agent_mcp_servers: ({ mcp }) => this.#options.onMcpUpdate?.(mcp),
    rpc: (frame) => this.#calls.settle(frame),
    // The link has heard of them.
    cf_agent_hello: () => {},
    cf_agent_pong: () => {}
  };

  #received(event: MessageEvent): void {
    const frame = decodeServerFrame(event.data);
    // First: to a documented client, this frame may let out what waits.
    if (frame?.type === "cf_agent_identity" && isOther(this.#identity, frame)) this.#left();
    this.#link.received(frame);
    if (!frame) return this.#options.onMessage?.(event);
    // A handler takes the frames of the type under which it is found, which TypeScript cannot follow.
    (this.#frames[frame.type] as (frame: ServerFrame) => void)(frame);
  }

  #stateChanged(state: State | undefined, source: "server" | "client"): void {
    // A program may have changed the object that is shown, and written it again.
    if (source === "client" || !isEqual(state, this.#snapshot.state)) this.#publish({ state });
    // An agent without a state has nothing that a callback could take.
    if (state !== undefined) this.#options.onStateUpdate?.(state, source);
  }

  /** The connection leads to another instance: it has another state, and what waits is not meant for it. */
  #left(): void {
    this.#state.forget();
    const message = "Connection closed: the next one led to another instance";
    this.#link.outbox.refuseOlder(new AgentError("CONNECTION_CLOSED", message));
  }

  #identified(name: string, agent: string): void {
    const before = this.#identity;
    const after = (this.#identity = { name, agent });
    this.#update({ name, agent, identified: true });
    this.#ready.resolve();
    this.#options.onIdentity?.(name, agent);
    if (isOther(before, after)) tellIdentityChange(this.#options, before, after);
  }

  // --- what goes out ---

  #nextCall(): string {
    return `${this.#callsId}:${++this.#callCount}`;
  }

  #call(
    method: string,
    args: readonly unknown[] = [],
    options: AnyCallOptions = {},
    id = this.#nextCall(),
    hasReader = false
  ): Promise<unknown> {
    if (this.#isOver) return Promise.reject(new AgentError("CONNECTION_CLOSED", "Connection closed"));
    try {
      return this.#calls.add(id, method, callText(id, method, args), options, hasReader);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  // --- the socket's life ---

  async #url(): Promise<string> {
    const query = await resolveQuery(this.#options.query);
    const own = { _pk: this.id, [extensionsParameter]: extensionsVersion };
    return agentUrl(this.#address, "ws", { ...own, ...query });
  }

  #opened(event: Event): void {
    this.#link.opened();
    this.#options.onOpen?.(event);
  }

  #closed(event: CloseEvent): void {
    const { connectionError } = this;
    if (!this.shouldReconnect) this.#isOver = true;
    this.#link.closed();
    if (this.identified) this.#ready = deferred();
    this.#update({ identified: false, connectionError });
    // Nothing that would break the next connection as well.
    const canRepeat = consequenceOf(event.code) !== "fault";
    this.#state.disconnected(canRepeat);
    this.#calls.connectionClosed(this.#isOver, canRepeat);
    this.#options.onClose?.(event);
  }

  #update(change: Partial<AgentSnapshot<State>>): void {
    const before: Partial<AgentSnapshot<State>> = this.#snapshot;
    const keys = Object.keys(change) as (keyof AgentSnapshot<State>)[];
    if (keys.some((key) => change[key] !== before[key])) this.#publish(change);
  }

  #publish(change: Partial<AgentSnapshot<State>>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }
}

// Programs take them out of the object: `const { call, setState } = useAgent(...)`.
const methods = [
  "call",
  "stream",
  "setState",
  "send",
  "fetch",
  "close",
  "reconnect",
  "subscribe",
  "getSnapshot",
  "addEventListener",
  "removeEventListener"
] as const;
