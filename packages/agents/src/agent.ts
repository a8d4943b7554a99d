import { DurableObject } from "cloudflare:workers";
import type { Capability, Operation } from "./core/capability";
import { classNameOf } from "./core/class-name";
import {
  asConnection,
  hasFlag,
  setFlag,
  type Connection,
  type ConnectionContext,
  type WSMessage
} from "./core/connection";
import { echoClose, send } from "./core/connections";
import { currentContext, type AgentContext } from "./core/context";
import { Gate, holdConstruction, wrapMembers, wrapPrototypes } from "./core/gate";
import { Host, mayByDefault } from "./core/host";
import { MemorySockets } from "./core/memory-sockets";
import type { Schema, SchemaDefinition } from "./core/meta";
import { resolveOptions, type AgentStaticOptions } from "./core/options";
import type { StartMessage } from "./core/route";
import { createSql, type SqlParameter, type SqlRow } from "./core/sql";
import { wait } from "./core/wait";
import type { ObservabilityEvent } from "./observability/events";
import { genericObservability, type Observability } from "./observability/observability";
import { AgentError } from "./protocol/errors";
import { stateErrors, type IdentityFrame, type McpServersFrame } from "./protocol/frames";
import { kebabCase } from "./protocol/names";
import { callableMethods, inheritCallable, type CallableMetadata } from "./rpc/callable";
import { Rpc } from "./rpc/rpc";
import { notificationOf } from "./state/notification";
import { State, stateSchema, type StateSource } from "./state/state";

const nameKey = "__ps_name";
const noServers: McpServersFrame = {
  type: "cf_agent_mcp_servers",
  mcp: { servers: {}, tools: [], prompts: [], resources: [] }
};
const noServersText = JSON.stringify(noServers);

let hostOf: (agent: object) => Host;

/**
 * A stateful agent: one class, one Durable Object for each name, with a database, a state that clients see, and
 * connections that survive hibernation. Extend it, export it, and bind it as a SQLite-backed Durable Object.
 *
 * @example
 * export class Counter extends Agent<Env, { count: number }> {
 *   initialState = { count: 0 };
 *   @callable() increment() { this.setState({ count: this.state.count + 1 }); return this.state.count; }
 * }
 */
export class Agent<
  Env = Cloudflare.Env,
  // An unstated state is `any`, so that examples that leave it out type-check; a stated one is exact.
  // oxlint-disable-next-line typescript/no-explicit-any
  StateType = any,
  Props extends object = Record<string, unknown>
> extends DurableObject<Env> {
  /** Options of the class. A subclass states what it changes; the rest is inherited. */
  static options: AgentStaticOptions = {};

  static {
    hostOf = (agent) => (agent as Agent).#host;
    // What returns nothing may wait for the start when a stub calls it. Getters and queries stay synchronous: they need none.
    wrapMembers(this.prototype, ["setState"]);
  }

  /** The state of an instance that has none yet. */
  declare initialState: StateType;

  /** Where events go; `undefined` for nowhere. */
  observability: Observability | undefined = genericObservability;

  readonly #gate: Gate;
  readonly #host: Host;
  readonly #state: State;
  readonly #sql;
  #name: string | undefined;
  #identityFrame: string | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    wrapPrototypes(new.target.prototype, Agent.prototype, inheritCallable);
    this.#sql = createSql(ctx.storage.sql);
    this.#gate = new Gate(this, {
      start: (props) => this.#start(props as Props | undefined),
      failed: (error, context) => this.#failed(error, context),
      wait: (delayMs, signal) => wait(delayMs, signal)
    });
    holdConstruction(ctx, this.#gate);
    this.#host = new Host({
      storage: ctx.storage,
      name: ctx.id.name,
      sockets: resolveOptions(new.target).hibernate ? ctx : new MemorySockets(ctx, this),
      alarm: {
        set: (atMs) => void ctx.storage.setAlarm(atMs),
        clear: () => void ctx.storage.deleteAlarm()
      },
      hooks: {
        onConnect: (connection, context) => this.onConnect(connection, context),
        onMessage: (connection, message) => this.onMessage(connection, message),
        onRequest: (request) => this.onRequest(request),
        connectionTags: (connection, context) => this.getConnectionTags(connection, context),
        isReadonly: (connection, context) => this.shouldConnectionBeReadonly(connection, context),
        wantsProtocol: (connection, context) => this.shouldSendProtocolMessages(connection, context),
        mayDo: (connection, operation) => this.authorize(connection, operation),
        identityFrame: () => this.#identify(),
        emit: (type, payload) => this.#emit(type, payload),
        failed: (error) => this.#failed(error, currentContext())
      }
    });
    this.#state = this.#host.install(this.#createState());
    this.#host.install({ name: "mcp", onConnect: (connection) => this.#sendFrame(connection, noServersText) });
    this.#host.install(this.#createRpc());
  }

  #createState(): State {
    return new State({
      schema: this.#host.schema("state", stateSchema),
      initial: () => this.initialState,
      validate: (next, source) => this.validateStateChange(next as StateType, source),
      changed: (next, source) => this.#stateChanged(next as StateType, source),
      broadcast: (frameFor, except) =>
        this.#host.connections.broadcastFrame(frameFor, (connection) => connection === except),
      send: (connection, frame) => this.#sendFrame(connection, frame),
      isExtended: (connection) => hasFlag(connection, "extended"),
      failed: (error) => void this.#failed(error, currentContext())
    });
  }

  #createRpc(): Rpc {
    return new Rpc({
      target: this,
      send,
      isExtended: (connection) => hasFlag(connection, "extended"),
      emit: (type, payload) => this.#emit(type, payload),
      failed: (error) => this.#failed(error, currentContext())
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

  /** A client connected; identity and state have been sent to it. */
  onConnect(_connection: Connection, _ctx: ConnectionContext): void | Promise<void> {}

  /** A message arrived that is not a frame of the agent protocol. */
  onMessage(_connection: Connection, _message: WSMessage): void | Promise<void> {}

  /** A client's connection was closed. */
  onClose(_connection: Connection, _code: number, _reason: string, _wasClean: boolean): void | Promise<void> {}

  /** An error: of a connection, or (with one argument) of anything else. The default logs it. */
  onError(connection: Connection, error: unknown): void | Promise<void>;
  // The second parameter is never given. With it, an override that takes a connection and any error fits both forms.
  // oxlint-disable-next-line typescript/no-explicit-any
  onError(error: unknown, none?: any): void | Promise<void>;
  onError(connectionOrError: unknown, error?: unknown): void | Promise<void> {
    console.error(error ?? connectionOrError);
  }

  /** After a state was stored and sent. For side effects; what it throws goes to `onError`. */
  onStateChanged(_state: StateType, _source: StateSource): void | Promise<void> {}

  /** @deprecated Another name of `onStateChanged`, for programs of older releases. Not called beside it. */
  onStateUpdate?(state: StateType, source: StateSource): void | Promise<void>;

  /** Throw to keep a state from being stored. Synchronous. */
  validateStateChange(_next: StateType, _source: StateSource): void {}

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

  // --- state ---

  /** The current state. The first look at it stores `initialState`. */
  get state(): StateType {
    return this.#state.value as StateType;
  }

  /**
   * Replaces the state: validates it, stores it, sends it to all clients, then calls `onStateChanged`.
   *
   * @param state any JSON value, up to 2,000,000 bytes
   * @throws STATE_TOO_LARGE, STATE_NOT_SERIALIZABLE, CONNECTION_READONLY, or what `validateStateChange` throws; nothing has
   * changed then
   * @example this.setState({ ...this.state, score: 10 });
   */
  setState(state: StateType): void {
    const { connection, agent } = currentContext();
    if (agent === this && connection && hasFlag(connection, "readonly")) {
      throw new AgentError("CONNECTION_READONLY", stateErrors.readonly);
    }
    this.#state.set(state, "server");
  }

  // --- database ---

  /**
   * Queries this instance's own SQLite database. Every value is bound, never spliced into the text.
   *
   * @returns all rows
   * @throws SQL_FAILED (a `SqlError` with the query), SQL_VALUE_INVALID
   * @example const [user] = this.sql<User>`SELECT * FROM users WHERE id = ${id}`;
   */
  sql<Row = SqlRow>(strings: TemplateStringsArray, ...values: SqlParameter[]): Row[] {
    return this.#sql<Row>(strings, ...values);
  }

  // --- connections ---

  /** All open connections, or those with a tag. */
  getConnections<State = unknown>(tag?: string): Iterable<Connection<State>> {
    return this.#host.connections.all(tag);
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

  // --- calls ---

  /** The methods that clients can call, with what `@callable` says of them. */
  getCallableMethods(): Map<string, CallableMetadata> {
    return callableMethods(this);
  }

  // --- entries: the runtime calls these ---

  override fetch(request: Request): Promise<Response> {
    if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      return this.#gate.enter({ request }, () => this.#host.request(request));
    }
    const arrival = this.#host.prepare(request);
    return this.#gate.enter(arrival, () => this.#host.connect(arrival));
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void | Promise<void> {
    const connection = asConnection(socket);
    if (!connection) return;
    return this.#gate.deliver({ connection }, () => this.#host.message(connection, message));
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string, wasClean: boolean): void | Promise<void> {
    const connection = asConnection(socket);
    if (!connection) return;
    echoClose(socket, code, reason);
    return this.#gate.deliver({ connection }, () => {
      this.#emit("disconnect", () => ({ connectionId: connection.id, code, reason }));
      this.#host.closed(connection);
      return this.onClose(connection, code, reason, wasClean);
    });
  }

  override webSocketError(socket: WebSocket, error: unknown): void | Promise<void> {
    const connection = asConnection(socket);
    if (!connection) return;
    return this.#gate.deliver({ connection }, () => {
      throw error;
    });
  }

  override async alarm(): Promise<void> {
    try {
      await this.#gate.enter(undefined, () => this.#host.wake(Date.now()));
    } catch {
      // Reported by the gate. The alarm is gone, what it was set for is not: the agent did not start.
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

  // --- wiring ---

  async #start(props: Props | undefined): Promise<void> {
    await this.#host.start();
    await this.onStart(props);
  }

  async #failed(error: unknown, context: AgentContext): Promise<void> {
    this.#emit("error", () => ({ error: error instanceof Error ? error.message : String(error) }));
    try {
      if (context.connection) await this.onError(context.connection, error);
      else await this.onError(error);
    } catch (thrown) {
      // "Optionally throw to propagate": the caller gets the original error in any case.
      if (thrown !== error) console.error("onError threw:", thrown);
    }
  }

  #stateChanged(next: StateType, source: StateSource): void {
    this.#emit("state:update", () => ({}));
    const pending = notificationOf(this, Agent.prototype).call(this, next, source);
    if (pending) void pending.catch((error: unknown) => this.#failed(error, currentContext()));
  }

  #identify(): string | undefined {
    if (!resolveOptions(this.constructor).sendIdentityOnConnect) return undefined;
    if (this.#identityFrame === undefined) {
      const frame: IdentityFrame = { type: "cf_agent_identity", name: this.name, agent: kebabCase(this.#className) };
      this.#identityFrame = JSON.stringify(frame);
    }
    return this.#identityFrame;
  }

  get #className(): string {
    return classNameOf(this, this.ctx.id, (this.ctx as { exports?: Record<string, unknown> }).exports);
  }

  #sendFrame(connection: Connection, frame: string): void {
    if (!hasFlag(connection, "protocolDisabled")) send(connection, frame);
  }

  #emit(type: string, payload: () => Record<string, unknown>): void {
    const target = this.observability;
    if (!target) return;
    try {
      if (target.wants?.(type) === false) return;
      // The union lists what this package and those beside it emit; a capability may have events of its own.
      target.emit({
        type,
        agent: this.#className,
        name: this.#knownName() ?? "",
        payload: payload(),
        timestamp: Date.now()
      } as ObservabilityEvent);
    } catch (error) {
      // Whoever watches must not change what happens.
      console.error(`observability threw at "${type}":`, error);
    }
  }
}

/** An agent of whatever type parameters. */
// oxlint-disable-next-line typescript/no-explicit-any
type AnyAgent = Agent<any, any, any>;

/** What a package that extends `Agent` builds its capability from. */
export interface CapabilityKit {
  /** Tables of the capability, under a name that is unique in the agent. */
  schema(name: string, definition: SchemaDefinition): Schema;
  readonly connections: Host["connections"];
  /** The capability's work changed: its `nextWake` is asked again. */
  changed(): void;
  /** The wake that the capability asked for last, perhaps in an earlier life of the instance. Costs nothing. */
  wake(): number | undefined;
  emit(type: string, payload: () => Record<string, unknown>): void;
  /** The one path of errors: an event, then `onError`. Never throws. */
  failed(error: unknown): Promise<void>;
}

/**
 * Adds a capability to an agent. Call it in the constructor of a class that extends `Agent`.
 *
 * @throws CAPABILITY_INVALID when the agent has one of this name, or one that handles the same frames
 */
export function installCapability<Installed extends Capability>(
  agent: AnyAgent,
  name: string,
  build: (kit: CapabilityKit) => Installed
): Installed {
  const host = hostOf(agent);
  return host.install(
    build({
      schema: (schemaName, definition) => host.schema(schemaName, definition),
      connections: host.connections,
      changed: () => host.alarms.changed(name),
      wake: () => host.meta.wakeOf(name),
      emit: (type, payload) => host.emit(type, payload),
      failed: (error) => host.failed(error)
    })
  );
}

/**
 * The agent whose code is running, and what it was called by. All fields are `undefined` outside of an agent.
 *
 * @example const { agent, connection } = getCurrentAgent<ChatAgent>();
 */
export function getCurrentAgent<Self extends AnyAgent = Agent>(): AgentContext<Self> {
  // The caller knows which class of agent its code runs in.
  return currentContext() as AgentContext<Self>;
}
