import { DurableObject } from "cloudflare:workers";
import type { AlarmPort } from "./core/alarm";
import type { Operation } from "./core/capability";
import { classNameOf } from "./core/class-name";
import {
  asConnection,
  hasFlag,
  setFlag,
  type Connection,
  type ConnectionContext,
  type WSMessage
} from "./core/connection";
import { echoClose } from "./core/connections";
import { currentContext, type AgentContext, type Entry } from "./core/context";
import type { AgentEmail, Delivery, MailBridge } from "./core/email";
import { Gate, holdConstruction, type GateDeps } from "./core/gate";
import { isUpgrade } from "./core/handshake";
import { Host, mayByDefault, type HostHooks, type WhyAwake } from "./core/host";
import { MemorySockets } from "./core/memory-sockets";
import { resolveOptions, type AgentStaticOptions } from "./core/options";
import type { StartMessage } from "./core/route";
import { isThenable } from "./core/thenable";
import { wait } from "./core/wait";
import type { Mail } from "./email/mail";
import { KeepAlive } from "./keep-alive/keep-alive";
import { emitEvent, genericObservability, type EventOrigin, type Observability } from "./observability/observability";
import { AgentError, destroyedMessage } from "./protocol/errors";
import type { IdentityFrame } from "./protocol/frames";
import { kebabCase } from "./protocol/names";

const nameKey = "__ps_name";

// The platform counts the nanoseconds since the epoch, of which it takes none before, in 63 bits.
const latestAlarmMs = 9e12;

// How long a destroyed instance may finish what it is doing.
const destroyGraceMs = 10_000;

let host: (server: object) => Host;
let about: (server: object) => { agent: string; name: string };
let keepAlive: (server: object) => KeepAlive | undefined;
let begin: (server: object) => () => void;

/** What the layers above install their features in. A member of the class could be called by whoever holds a stub. */
export const hostOf = (server: object): Host => host(server);

/** The names of its class and of the instance, empty where that is not known. */
export const aboutOf = (server: object): { agent: string; name: string } => about(server);

/** Its heartbeats are listed among the schedules. Nothing while there was none in this life of the instance. */
export const keepAliveOf = (server: object): KeepAlive | undefined => keepAlive(server);

/** Its mail, loaded when somebody first asks for it. */
export let mailOf: (server: object) => Promise<Mail>;

/** As `keepAlive()` of the agent, at once. */
export const stayAwake = (server: object): (() => void) => begin(server);

/**
 * The lower half of an agent: one Durable Object with a name, the one gate into it, its connections and its errors. What an
 * agent is beyond that (state, calls, schedules) is in `Agent`.
 */
export class Server<Env = Cloudflare.Env, Props extends object = Record<string, unknown>> extends DurableObject<Env> {
  /** Options of the class. A subclass states what it changes; the rest is inherited. */
  static options: AgentStaticOptions = {};

  static {
    host = (server) => (server as Server).#host;
    about = (server) => (server as Server).#about;
    keepAlive = (server) => (server as Server).#keepAlive;
    begin = (server) => (server as Server).#heartbeats.begin();
    mailOf = async (server) =>
      (await import("./agent-mail")).mailOf(
        server as Server,
        host(server),
        () => (server as Server).#className,
        resolveOptions
      );
  }

  /**
   * The agent, as the gate and the host see it. One small object for each instance: a closure for each of these would cost
   * a thousand instances some megabytes.
   */
  static readonly #Bridge = class implements GateDeps, HostHooks, AlarmPort, EventOrigin {
    readonly #server: Server;

    constructor(server: object) {
      this.#server = server as Server;
    }

    start(props: unknown) {
      return this.#server.#start(props as Record<string, unknown> | undefined);
    }
    failed(error: unknown, context = currentContext()) {
      return this.#server.#failed(error, context);
    }
    wait(delayMs: number, signal: AbortSignal) {
      return wait(delayMs, signal);
    }
    onConnect(connection: Connection, context: ConnectionContext) {
      return this.#server.onConnect(connection, context);
    }
    onMessage(connection: Connection, message: WSMessage) {
      return this.#server.onMessage(connection, message);
    }
    onRequest(request: Request) {
      return this.#server.onRequest(request);
    }
    connectionTags(connection: Connection, context: ConnectionContext) {
      return this.#server.getConnectionTags(connection, context);
    }
    isReadonly(connection: Connection, context: ConnectionContext) {
      return this.#server.shouldConnectionBeReadonly(connection, context);
    }
    wantsProtocol(connection: Connection, context: ConnectionContext) {
      return this.#server.shouldSendProtocolMessages(connection, context);
    }
    mayDo(connection: Connection, operation: Operation) {
      return this.#server.authorize(connection, operation);
    }
    identityFrame() {
      return this.#server.#identify();
    }
    get about() {
      return this.#server.#about;
    }
    emit(type: string, payload: () => Record<string, unknown>) {
      emitEvent(this.#server.observability, this, type, payload);
    }
    set(atMs: number) {
      void this.#server.ctx.storage.setAlarm(Math.min(Math.max(atMs, 1), latestAlarmMs));
    }
    clear() {
      void this.#server.ctx.storage.deleteAlarm();
    }
    now() {
      return Date.now();
    }
    isEnteredDirectly() {
      return this.#server.webSocketMessage === Server.#receive;
    }
    run<Result>(entry: Entry | undefined, run: () => Result | Promise<Result>) {
      return this.#server.#gate.run(entry, run);
    }
    wipe() {
      // Not every compatibility date has the second do the first.
      void this.#server.ctx.storage.deleteAlarm();
      void this.#server.ctx.storage.deleteAll();
    }
  };

  /** Where events go; `undefined` for nowhere. */
  observability: Observability | undefined = genericObservability;

  readonly #gate: Gate;
  readonly #host: Host;
  #keepAlive: KeepAlive | undefined;
  #destroyed: Promise<void> | undefined;
  #name: string | undefined;
  #identityFrame: string | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const bridge = new Server.#Bridge(this);
    this.#gate = new Gate(this, bridge);
    holdConstruction(ctx, this.#gate);
    this.#host = new Host({
      storage: ctx.storage,
      name: ctx.id.name,
      sockets: resolveOptions(new.target).hibernate ? ctx : new MemorySockets(ctx, this),
      owner: this,
      alarm: bridge,
      hooks: bridge
    });
  }

  /**
   * The name under which this instance was created.
   *
   * @throws AGENT_NAME_UNKNOWN when it was reached by an id that was not made from a name
   */
  get name(): string {
    const name = this.#knownName();
    if (name !== undefined) return name;
    throw new AgentError(
      "AGENT_NAME_UNKNOWN",
      "This instance was created by an id without a name. Use getAgentByName(namespace, name) or idFromName(name)."
    );
  }

  #knownName(): string | undefined {
    return (this.#name ??=
      this.ctx.id.name ?? this.#host.meta.name ?? (this.ctx.storage.kv.get(nameKey) as string | undefined));
  }

  // --- hooks: override what you need ---

  /** Runs when the instance starts or wakes, and is over before anything else happens. */
  onStart(_props?: Props): void | Promise<void> {}

  /** Answers HTTP requests. */
  onRequest(_request: Request): Response | Promise<Response> {
    return new Response("Not implemented", { status: 404 });
  }

  /** A mail came by `routeAgentEmail`. What can be done with it ends when this does. */
  onEmail?(email: AgentEmail): void | Promise<void>;

  /** A client connected; identity and state have been sent to it. */
  onConnect(_connection: Connection, _ctx: ConnectionContext): void | Promise<void> {}

  /** A message arrived that is not a frame of the agent protocol. */
  onMessage(_connection: Connection, _message: WSMessage): void | Promise<void> {}

  /** A client's connection was closed, or broke: with 1006 then, after `onError`. */
  onClose(_connection: Connection, _code: number, _reason: string, _wasClean: boolean): void | Promise<void> {}

  /** An error: of a connection, or (with one argument) of anything else. The default logs it. */
  onError(connection: Connection, error: unknown): void | Promise<void>;
  // The second parameter is never given. With it, an override that takes a connection and any error fits both forms.
  // oxlint-disable-next-line typescript/no-explicit-any
  onError(error: unknown, none?: any): void | Promise<void>;
  onError(connectionOrError: unknown, error?: unknown): void | Promise<void> {
    console.error(error ?? connectionOrError);
  }

  /** Up to 9 tags, by which `getConnections` finds this connection. */
  getConnectionTags(_connection: Connection, _ctx: ConnectionContext): string[] | Promise<string[]> {
    return [];
  }

  /**
   * Whether a connection may do what it asks for: asked for every frame of a client that writes, calls or steers. The default
   * lets a read-only connection watch and call, and everybody else do everything. Keep it: `super.authorize(...) && ...`.
   *
   * @param operation its `type`, and what it is about (the method of a call, the id of a tool call)
   * @returns false to refuse; the client is told so in the words of its protocol
   * @example
   * authorize(connection: Connection<{ role: string }>, operation: Operation) {
   *   const isAdmin = connection.state?.role === "admin";
   *   return super.authorize(connection, operation) && (operation.type !== "chat-clear" || isAdmin);
   * }
   */
  authorize(connection: Connection, operation: Operation): boolean {
    return mayByDefault(connection, operation);
  }

  /** Whether this new connection may only watch and call. */
  shouldConnectionBeReadonly(_connection: Connection, _ctx: ConnectionContext): boolean {
    return false;
  }

  /** Whether this new connection gets identity, state and MCP frames. */
  shouldSendProtocolMessages(_connection: Connection, _ctx: ConnectionContext): boolean {
    return true;
  }

  // --- connections ---

  /** All open connections, or those with a tag. */
  getConnections<State = unknown>(tag?: string): Connection<State>[] {
    return [...this.#host.connections.all(tag)];
  }

  /** The open connection with this id. */
  getConnection<State = unknown>(id: string): Connection<State> | undefined {
    return this.#host.connections.get(id);
  }

  /**
   * Sends a message to all connections.
   *
   * @param message text or bytes
   * @param without ids of connections that do not get it
   */
  broadcast(message: string | ArrayBuffer | ArrayBufferView, without?: string[]): void {
    this.#host.connections.broadcast(message, without);
  }

  /** Makes a connection read-only, or lifts that. It holds until the connection ends, hibernation included. */
  setConnectionReadonly(connection: Connection, readonly = true): void {
    setFlag(connection, "readonly", readonly);
  }

  /** Whether a connection may only watch and call. */
  isConnectionReadonly(connection: Connection): boolean {
    return hasFlag(connection, "readonly");
  }

  /** Whether a connection gets identity, state and MCP frames. */
  isConnectionProtocolEnabled(connection: Connection): boolean {
    return !hasFlag(connection, "protocolDisabled");
  }

  // --- life ---

  /**
   * Keeps this instance in memory until the function that it returns is called: for work that nobody waits for, and that an
   * eviction would cut. Each call counts by itself. Shown by `getSchedules()` and `whyAwake()`.
   *
   * @experimental
   * @returns ends it; may be called more than once
   * @example
   * const dispose = await this.keepAlive();
   * try { await crunch(); } finally { dispose(); }
   */
  async keepAlive(): Promise<() => void> {
    return this.#heartbeats.begin();
  }

  /**
   * Runs a function, and keeps this instance in memory until it is over, whether it succeeds or throws.
   *
   * @experimental
   * @returns what the function returns
   * @example const summary = await this.keepAliveWhile(() => this.summarize(url));
   */
  async keepAliveWhile<Result>(run: () => Result | Promise<Result>): Promise<Result> {
    const dispose = this.#heartbeats.begin();
    try {
      return await run();
    } finally {
      dispose();
    }
  }

  get #heartbeats(): KeepAlive {
    return (this.#keepAlive ??= this.#host.install(
      new KeepAlive({
        now: () => Date.now(),
        hold: (promise) => this.ctx.waitUntil(promise),
        changed: () => this.#host.alarms.changed("keep-alive")
      })
    ));
  }

  /** Why this instance is in memory, or will be: the reasons of its alarm, and the work that it is doing. */
  whyAwake(): WhyAwake {
    return this.#host.whyAwake();
  }

  /**
   * Deletes everything that this instance has stored, and ends it. The next one who asks for its name meets a new instance.
   *
   * What is running may finish (for at most 10 s), and nothing of what it still writes is kept; nobody else is let in, with
   * `AGENT_DESTROYED`. Connections are closed with 1001. Safe anywhere: in a scheduled callback, a call, `onStart`.
   *
   * @returns resolves when it is certain to happen, whatever is killed from then on
   * @example async expire() { await this.destroy(); }
   */
  destroy(): Promise<void> {
    return (this.#destroyed ??= this.#destroy());
  }

  async #destroy(): Promise<void> {
    const error = new AgentError("AGENT_DESTROYED", destroyedMessage);
    this.#host.destroy(Date.now());
    this.#gate.close(error);
    this.#host.emit("destroy", () => ({}));
    try {
      await this.ctx.storage.sync();
    } finally {
      this.ctx.waitUntil(this.#end(error));
    }
  }

  /** Leaves memory when all is over. The next instance of this name deletes what is stored, before anything else. */
  async #end(error: Error): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.#gate.emptied(), wait(destroyGraceMs, over.signal)]);
    over.abort();
    // Answers that are on their way get out first.
    setTimeout(() => this.ctx.abort(error.message), 0);
  }

  // --- entries: the runtime calls these ---

  override fetch(request: Request): Promise<Response> {
    if (!isUpgrade(request)) {
      return this.#gate.enter({ request }, () => this.#host.request(request));
    }
    const arrival = this.#host.prepare(request);
    return this.#gate.enter(arrival, () => this.#host.connect(arrival));
  }

  /** As it is here, before anybody has put something else in its place. */
  // oxlint-disable-next-line typescript/unbound-method
  static readonly #receive = Server.prototype.webSocketMessage;

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void | Promise<void> {
    const connection = asConnection(socket, this);
    if (!connection) return;
    return this.#gate.receive(connection, (context) => this.#host.message(connection, message, context));
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string, wasClean: boolean): void | Promise<void> {
    const connection = asConnection(socket, this);
    if (!connection) return;
    echoClose(socket, code, reason);
    return this.#closed(connection, code, reason, wasClean);
  }

  override async webSocketError(socket: WebSocket, error: unknown): Promise<void> {
    const connection = asConnection(socket, this);
    if (!connection) return;
    const told = this.#gate.deliver(connection, () => {
      throw error;
    });
    // The runtime says no more of a socket that broke.
    if (socket.readyState !== WebSocket.OPEN) await this.#closed(connection, 1006, "", false);
    await told;
  }

  #closed(connection: Connection, code: number, reason: string, wasClean: boolean): void | Promise<void> {
    return this.#gate.deliver(connection, () => {
      this.#host.emit("disconnect", () => ({ connectionId: connection.id, code, reason }));
      this.#host.closed(connection);
      return this.onClose(connection, code, reason, wasClean);
    });
  }

  override async alarm(): Promise<void> {
    // It was set to have the remains of a destroyed instance deleted, and they are. Nothing asks for a new one.
    if (this.#host.isReborn && this.#gate.isUnused) return;
    this.#host.alarms.arrived();
    try {
      await this.#gate.enter(undefined, () => this.#host.wake(Date.now()));
    } catch {
      // Reported by the gate. The alarm is gone, what it was set for is not: the agent did not start, or is not gone yet.
      this.#host.alarms.again(Date.now());
    }
  }

  /** Called by `getAgentByName`, before anything else, when there is something that the instance cannot know by itself. */
  async __agentStart(message: StartMessage): Promise<void> {
    if (message.name !== undefined && this.#knownName() === undefined) {
      this.ctx.storage.kv.put(nameKey, message.name);
      this.#name = message.name;
    }
    if (message.props !== undefined) this.#gate.offerProps(message.props);
    await this.#gate.enter(undefined, () => {});
  }

  /** Called by `routeAgentEmail`. What the agent does to the mail goes over the bridge. */
  async __agentEmail(delivery: Delivery, bridge: MailBridge): Promise<void> {
    const entry = (await mailOf(this)).open(delivery, bridge);
    await this.#gate.enter(entry, entry.run);
  }

  // --- wiring ---

  #start(props: Props | undefined): void | PromiseLike<void> {
    const ready = this.#host.start();
    return isThenable(ready) ? ready.then(() => this.#startOwn(props)) : this.#startOwn(props);
  }

  #startOwn(props: Props | undefined): void | PromiseLike<void> {
    const starting = this.onStart(props);
    if (isThenable(starting)) return starting.then(() => this.#host.started());
    this.#host.started();
  }

  async #failed(error: unknown, context: AgentContext): Promise<void> {
    this.#host.emit("error", () => ({ error: error instanceof Error ? error.message : String(error) }));
    try {
      if (context.connection) await this.onError(context.connection, error);
      else await this.onError(error);
    } catch (thrown) {
      // "Optionally throw to propagate": the caller gets the original error in any case.
      if (thrown !== error) console.error("onError threw:", thrown);
    }
  }

  #identify(): string | undefined {
    if (!resolveOptions(this.constructor).sendIdentityOnConnect) return undefined;
    if (this.#identityFrame === undefined) {
      const frame: IdentityFrame = { type: "cf_agent_identity", name: this.name, agent: kebabCase(this.#className) };
      this.#identityFrame = JSON.stringify(frame);
    }
    return this.#identityFrame;
  }

  get #about(): { agent: string; name: string } {
    return { agent: this.#className, name: this.#knownName() ?? "" };
  }

  get #className(): string {
    return classNameOf(this, this.ctx.id, (this.ctx as { exports?: Record<string, unknown> }).exports);
  }
}
