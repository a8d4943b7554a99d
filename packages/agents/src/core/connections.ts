import { AgentError } from "../protocol/errors";
import { pingText, pongText } from "../protocol/frames";
import {
  asConnection,
  createConnection,
  establish,
  hasFlag,
  type Connection,
  type ConnectionFlags,
  type Owner,
  type WSMessage
} from "./connection";

/** Who holds the sockets: the part of `DurableObjectState` for those that hibernate, or memory. */
export interface SocketHost extends Pick<
  DurableObjectState,
  "acceptWebSocket" | "getWebSockets" | "getWebSocketAutoResponse" | "setWebSocketAutoResponse"
> {
  /** The socket could not be set up, and will not tell that it is closed. */
  forget?(socket: WebSocket): void;
}

// Cheaper than a parsed URL, for every connection: only one that a client has made unusual is parsed.
const idParameter = /[?&]_pk=([\w.~-]*)(?=[&#]|$)/;
const connectionIdIn = (url: string): string | null =>
  idParameter.exec(url)?.[1] ?? (url.includes("?") ? new URL(url).searchParams.get("_pk") : null);

const maxTags = 10;
const maxTagLength = 256;

/** The sockets of one instance. */
export class Connections {
  readonly #host: SocketHost;
  readonly #owner: Owner;

  constructor(host: SocketHost, owner: Owner) {
    this.#host = host;
    this.#owner = owner;
  }

  /** Makes a connection for an upgrade request to this URL. It is not open before `accept`. */
  create(url: string): { connection: Connection; client: WebSocket } {
    const { 0: client, 1: server } = new WebSocketPair();
    const id = connectionIdIn(url) || crypto.randomUUID();
    return { connection: createConnection(server, id, url, this.#owner), client };
  }

  /** Opens a connection. */
  accept(connection: Connection, tags: readonly string[], flags: ConnectionFlags): void {
    const { id } = connection;
    if (!Array.isArray(tags)) throw invalidTags(`getConnectionTags must return an array; it returned ${typeof tags}`);
    const all = tags.length === 0 ? [id] : [id, ...tags.filter((tag) => tag !== id)];
    checkTags(all);
    // First what may fail: an accepted socket that is not in use would stay.
    establish(connection, all, flags);
    this.#host.acceptWebSocket(connection, all);
    // One pair an object: a program may have set its own, and then answers pings by itself or through us.
    if (flags.extended && this.#host.getWebSocketAutoResponse() === null) {
      this.#host.setWebSocketAutoResponse(new WebSocketRequestResponsePair(pingText, pongText));
    }
  }

  /** Ends a connection that could not be set up: nobody is at its other end. */
  discard(connection: Connection): void {
    this.#host.forget?.(connection);
    connection.close(1011, "The connection could not be set up");
  }

  closeAll(code: number, reason: string): void {
    for (const connection of this.all()) connection.close(code, reason);
  }

  *all(tag?: string): IterableIterator<Connection> {
    for (const socket of this.#host.getWebSockets(tag)) {
      const connection = socket.readyState === WebSocket.OPEN ? asConnection(socket, this.#owner) : undefined;
      if (connection) yield connection;
    }
  }

  /** The newest: a client that comes back over another network may have left one that nobody knows to be dead yet. */
  get(id: string): Connection | undefined {
    let newest: Connection | undefined;
    // In the order in which they were accepted.
    for (const connection of this.all(id)) if (connection.id === id) newest = connection;
    return newest;
  }

  /** Sends to all connections but those named. */
  broadcast(message: WSMessage, without: readonly string[] = []): void {
    for (const connection of this.all()) if (!without.includes(connection.id)) send(connection, message);
  }

  /** Sends a frame of the protocol, to those that want such frames: the same to all, or what each of them understands. */
  broadcastFrame(
    frame: string | ((connection: Connection) => string),
    except?: (connection: Connection) => boolean
  ): void {
    for (const connection of this.all()) {
      if (hasFlag(connection, "protocolDisabled") || except?.(connection)) continue;
      send(connection, typeof frame === "string" ? frame : frame(connection));
    }
  }
}

/** Sends to one connection. */
export function send(connection: Connection, message: WSMessage): void {
  connection.send(message);
}

/** Sends a frame of the protocol to a connection, if it wants such frames. */
export function sendFrame(connection: Connection, frame: string): void {
  if (!hasFlag(connection, "protocolDisabled")) send(connection, frame);
}

/** Answers a client's close. */
export function echoClose(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  try {
    socket.close(code, reason);
  } catch {
    // A code that never travels in a close frame (1005, 1006, 1015), or that there is not: clients send what they like.
    socket.close();
  }
}

const invalidTags = (message: string): AgentError => new AgentError("CONNECTION_TAGS_INVALID", message);

function checkTags(tags: readonly string[]): void {
  if (tags.length > maxTags) {
    throw invalidTags(
      `A connection can have ${maxTags - 1} tags beside its id; getConnectionTags returned ${tags.length - 1}`
    );
  }
  for (const tag of tags) {
    if (typeof tag !== "string" || tag.length === 0 || tag.length > maxTagLength) {
      throw invalidTags(`A tag is a text of 1 to ${maxTagLength} characters; got ${JSON.stringify(tag)?.slice(0, 80)}`);
    }
  }
}
