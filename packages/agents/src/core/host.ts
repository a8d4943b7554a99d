import { readCall } from "../protocol/call-text";
import { decodeFrame, type Decoded } from "../protocol/decode";
import { AgentError } from "../protocol/errors";
import { pongText, type Fields } from "../protocol/frames";
import { Alarms, type AlarmPort } from "./alarm";
import type { Capability, FrameHandler, Handled, Hold, Operation } from "./capability";
import { hasFlag, type Connection, type ConnectionContext, type Owner } from "./connection";
import { Connections, send, type SocketHost } from "./connections";
import { runInContext, type CallContext, type Entry, type EntryContext } from "./context";
import { helloFrame, readExtensions } from "./handshake";
import { Meta, Schema, type SchemaDefinition, type Storage } from "./meta";
import { SharedScopes } from "./shared-scope";
import { isThenable } from "./thenable";

/** What the host asks of the agent: its hooks, as they are when they are needed. */
export interface HostHooks {
  onConnect(connection: Connection, context: ConnectionContext): void | Promise<void>;
  onMessage(connection: Connection, message: string | ArrayBuffer): void | Promise<void>;
  onRequest(request: Request): Response | Promise<Response>;
  connectionTags(connection: Connection, context: ConnectionContext): string[] | Promise<string[]>;
  isReadonly(connection: Connection, context: ConnectionContext): boolean;
  wantsProtocol(connection: Connection, context: ConnectionContext): boolean;
  /** Whether a connection may do this. */
  mayDo(connection: Connection, operation: Operation): boolean;
  /** The frame that introduces this instance, unless it stays anonymous. */
  identityFrame(): string | undefined;
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): void | Promise<void>;
  /** Runs code of the agent when it has started, with this context. Its errors are the caller's. */
  run<Result>(entry: Entry | undefined, run: () => Result | Promise<Result>): Result | Promise<Result>;
  /** Whether the runtime hands over messages itself: nobody has brought a context of their own that they would be handled in. */
  isEnteredDirectly(): boolean;
  /** Deletes all that is stored, at once: what is read afterwards finds nothing. */
  wipe(): void;
}

/** Why an instance is in memory, or will be. */
export interface WhyAwake {
  /** Why the alarm is set: each feature's next wake in ms since the epoch, earliest first. */
  alarm: readonly { name: string; atMs: number }[];
  /** What each feature is doing: callbacks that run, `keepAlive()` that was not disposed of. */
  holds: readonly (Hold & { name: string })[];
}

export interface HostDeps {
  storage: Storage;
  /** The name of the instance, where the platform tells it. */
  name: string | undefined;
  sockets: SocketHost;
  /** The agent, whose name its connections tell. */
  owner: Owner;
  alarm: AlarmPort;
  hooks: HostHooks;
}

// What a read-only connection may do all the same.
const readonlyOperations: ReadonlySet<Operation["type"]> = new Set<Operation["type"]>(["call", "chat-resume"]);

/** The default rule: a read-only connection watches and calls, all others may do everything but look inside. */
export const mayByDefault = (connection: Connection, operation: Operation): boolean =>
  operation.type !== "inspect" && (!hasFlag(connection, "readonly") || readonlyOperations.has(operation.type));

/** The runtime answers pings where it can; those of sockets in memory come here. */
const heartbeat: Capability = {
  name: "heartbeat",
  frames: { cf_agent_ping: { check: () => true, handle: (_, connection) => send(connection, pongText) } }
};

/** How to install the capabilities that an instance gets when it first needs them, by name. */
export const lazyCapabilities = new Map<string, (owner: Owner) => void>();

/** A client at the door: its upgrade request as programs see it, and the two ends of its socket. */
export interface Arrival {
  readonly request: Request;
  readonly extended: boolean;
  readonly connection: Connection;
  readonly client: WebSocket;
}

const upgraded = (client: WebSocket): Response => new Response(null, { status: 101, webSocket: client });

/** Who handles the frames of a type. */
interface Found {
  readonly type: string;
  readonly owner: Capability;
  readonly handler: FrameHandler;
}

/** Owns what there is one of in an instance: the meta row, the alarm, the sockets and the frame table. */
export class Host {
  readonly meta: Meta;
  readonly connections: Connections;
  readonly alarms: Alarms;
  /** It found the remains of a destroyed instance, and is a new one. */
  readonly isReborn: boolean = false;
  readonly #storage: Storage;
  readonly #hooks: HostHooks;
  readonly #owner: Owner;
  readonly #scopes: SharedScopes;
  readonly #capabilities: Capability[] = [heartbeat];
  #found: Found | undefined;

  constructor(deps: HostDeps) {
    this.#storage = deps.storage;
    this.#hooks = deps.hooks;
    this.#owner = deps.owner;
    this.meta = new Meta(deps.storage, deps.name);
    if (this.meta.isDestroyed) {
      // No code of the instance that was destroyed is running any more: nothing can be written after this.
      deps.hooks.wipe();
      this.meta = new Meta(deps.storage, deps.name);
      this.isReborn = true;
    }
    this.connections = new Connections(deps.sockets, deps.owner);
    this.#scopes = new SharedScopes(deps.owner);
    this.alarms = new Alarms(this.meta, deps.alarm);
  }

  schema(name: string, definition: SchemaDefinition): Schema {
    return new Schema(name, definition, this.#storage, this.meta);
  }

  install<Installed extends Capability>(capability: Installed): Installed {
    if (this.capability(capability.name)) {
      throw new AgentError("CAPABILITY_INVALID", `This agent has a capability "${capability.name}" already`);
    }
    for (const type in capability.frames) {
      if (this.#find(type)) throw new AgentError("CAPABILITY_INVALID", `Two capabilities handle "${type}" frames`);
    }
    this.#capabilities.push(capability);
    this.alarms.add(capability);
    return capability;
  }

  /** The capability of this name, if it was installed. */
  capability(name: string): Capability | undefined {
    return this.#capabilities.find((capability) => capability.name === name);
  }

  /** All of them, those included that have something stored and were not asked for in this life. */
  all(): readonly Capability[] {
    for (const name of lazyCapabilities.keys()) if (this.meta.version(name) > 0) this.#need(name);
    return this.#capabilities;
  }

  start(): void | PromiseLike<void> {
    this.alarms.restore();
    return this.#startEach(this.#capabilities.values());
  }

  #startEach(rest: Iterable<Capability>): void | PromiseLike<void> {
    for (const capability of rest) {
      const starting = capability.onStart?.();
      if (isThenable(starting)) return starting.then(() => this.#startEach(rest));
    }
  }

  started(): void {
    for (const capability of this.#capabilities) capability.onStarted?.();
  }

  async request(request: Request): Promise<Response> {
    for (const capability of this.#capabilities) {
      const response = await capability.onRequest?.(request);
      if (response) return response;
    }
    return this.#hooks.onRequest(request);
  }

  /** Makes a connection for an upgrade request. It is open once `connect` has accepted it. */
  prepare(original: Request): Arrival {
    const { request, url, extended } = readExtensions(original);
    const { connection, client } = this.connections.create(url);
    return { request, extended, connection, client };
  }

  /** Accepts a socket, introduces the instance, and leaves the rest to the agent. */
  connect(arrival: Arrival): Response | Promise<Response> {
    const context: ConnectionContext = { request: arrival.request };
    const tags = this.#hooks.connectionTags(arrival.connection, context);
    if (!isThenable(tags)) return this.#open(arrival, context, tags);
    return Promise.resolve(tags).then((tags) => this.#open(arrival, context, tags));
  }

  /** What is done at once takes no promise. */
  #open(
    { connection, client, extended }: Arrival,
    context: ConnectionContext,
    tags: string[]
  ): Response | Promise<Response> {
    const readonly = this.#hooks.isReadonly(connection, context);
    const protocolDisabled = !this.#hooks.wantsProtocol(connection, context);
    this.connections.accept(connection, tags, { readonly, protocolDisabled, extended: extended && !protocolDisabled });
    try {
      this.#hooks.emit("connect", () => ({ connectionId: connection.id }));
      this.#introduce(connection, context);
      const connecting = this.#hooks.onConnect(connection, context);
      if (isThenable(connecting)) {
        return Promise.resolve(connecting).then(
          () => upgraded(client),
          (error) => this.#turnAway(connection, error)
        );
      }
    } catch (error) {
      this.#turnAway(connection, error);
    }
    return upgraded(client);
  }

  /** The caller gets the error, and no socket: what was accepted has nobody at its other end. */
  #turnAway(connection: Connection, error: unknown): never {
    this.connections.discard(connection);
    throw error;
  }

  #introduce(connection: Connection, context: ConnectionContext): void {
    if (hasFlag(connection, "extended")) send(connection, helloFrame(connection));
    for (const capability of this.#capabilities) capability.onAccept?.(connection, context);
    const identity = hasFlag(connection, "protocolDisabled") ? undefined : this.#hooks.identityFrame();
    if (identity !== undefined) send(connection, identity);
    for (const capability of this.#capabilities) capability.onConnect?.(connection, context);
  }

  /**
   * One message from a socket: decoded once, authorised once, then handled by whoever knows its type. Enters its context by itself:
   * which one that is shows only when it is decoded.
   */
  message(
    connection: Connection,
    message: string | ArrayBuffer | Blob,
    context: EntryContext
  ): Handled | Promise<Handled> {
    if (typeof message !== "string") return runInContext(context, () => this.#binaryMessage(connection, message));
    let found: Found | undefined;
    const decoded = decodeFrame(message, (type) => (found = this.#find(type))?.handler.check, readCall);
    if (decoded.kind !== "frame") return runInContext(context, () => this.#noFrame(connection, message, decoded));
    const { frame } = decoded;
    // Its check was.
    const { owner, handler } = found!;
    if (handler.isBrief?.(owner, frame) && this.#hooks.isEnteredDirectly()) {
      return this.#scopes.run(connection, context, (entered) =>
        this.#frame(owner, handler, connection, frame, message, entered)
      );
    }
    return runInContext(context, () => this.#frame(owner, handler, connection, frame, message, context));
  }

  #noFrame(
    connection: Connection,
    message: string,
    decoded: Exclude<Decoded, { kind: "frame" }>
  ): void | Promise<void> {
    // Programs have messages of type "rpc" of their own; the prefix is ours alone.
    if (decoded.kind === "message" || !decoded.type.startsWith("cf_agent_")) {
      return this.#hooks.onMessage(connection, message);
    }
    this.#hooks.emit("frame:malformed", () => ({ connectionId: connection.id, frame: decoded.type }));
  }

  #frame(
    owner: Capability,
    handler: FrameHandler,
    connection: Connection,
    frame: Fields,
    text: string,
    context: CallContext
  ): Handled | Promise<Handled> {
    const operation = handler.operation?.(owner, frame);
    if (!operation || this.#mayDo(connection, operation)) {
      return handler.handle(owner, connection, frame, text, context);
    }
    this.#hooks.emit("frame:refused", () => ({ connectionId: connection.id, frame: frame.type }));
    handler.refuse?.(owner, connection, frame);
  }

  #find(type: string): Found | undefined {
    // Most frames are of the type of the one before, and who handles a type stays.
    if (this.#found?.type === type) return this.#found;
    for (const owner of this.#capabilities) {
      const handler = owner.frames?.[type];
      if (handler) return (this.#found = { type, owner, handler });
    }
    return undefined;
  }

  /** Sockets deliver a Blob on newer compatibility dates. Programs must never see one. */
  #binaryMessage(connection: Connection, message: ArrayBuffer | Blob): void | Promise<void> {
    if (!(message instanceof Blob)) return this.#hooks.onMessage(connection, message);
    return message.arrayBuffer().then((bytes) => this.#hooks.onMessage(connection, bytes));
  }

  #mayDo(connection: Connection, operation: Operation): boolean {
    try {
      // A rule that returns a promise has not allowed anything.
      return this.#hooks.mayDo(connection, operation) === true;
    } catch (error) {
      void this.#hooks.failed(error);
      return false;
    }
  }

  closed(connection: Connection): void {
    this.#scopes.leave(connection);
    for (const capability of this.#capabilities) capability.onClose?.(connection);
  }

  emit(type: string, payload: () => Record<string, unknown>): void {
    this.#hooks.emit(type, payload);
  }

  async failed(error: unknown): Promise<void> {
    await this.#hooks.failed(error);
  }

  /** Runs code of the agent that nobody calls from outside: when it has started, and with a context of its own. */
  run<Result>(entry: Entry | undefined, run: () => Result | Promise<Result>): Result | Promise<Result> {
    return this.#hooks.run(entry, run);
  }

  whyAwake(): WhyAwake {
    const holdsOf = (capability: Capability) =>
      capability.holds?.().map((hold) => ({ name: capability.name, ...hold })) ?? [];
    return { alarm: this.alarms.reasons(), holds: this.#capabilities.flatMap(holdsOf) };
  }

  /** Writes that all is to be deleted, and asks for the wake that sees to it: both or neither. */
  destroy(nowMs: number): void {
    this.meta.markDestroyed();
    this.alarms.end(nowMs);
    this.connections.closeAll(1001, "The agent was destroyed");
  }

  get isDestroyed(): boolean {
    return this.meta.isDestroyed;
  }

  #need(name: string): void {
    if (!this.capability(name)) lazyCapabilities.get(name)?.(this.#owner);
  }

  wake(nowMs: number): Promise<void> {
    // Whoever wanted this wake in an earlier life may not have been asked for in this one.
    for (const { name } of this.alarms.reasons()) this.#need(name);
    return this.alarms.ring(nowMs, (error) => this.#hooks.failed(error));
  }
}
