import { AgentError } from "../protocol/errors";
import { createConnection, hasFlag, isConnection, setTags, toConnection, type Connection } from "./connection";

/** The part of `DurableObjectState` that holds hibernating sockets. */
export type SocketHost = Pick<DurableObjectState, "acceptWebSocket" | "getWebSockets">;

const maxTags = 10;
const maxTagLength = 256;

/** The sockets of one instance. The runtime holds them; nothing here has to survive an eviction. */
export class Connections {
  readonly #host: SocketHost;

  constructor(host: SocketHost) {
    this.#host = host;
  }

  /** Makes a connection for an upgrade request. It is not open before `accept`. */
  create(request: Request): { connection: Connection; client: WebSocket } {
    const { 0: client, 1: server } = new WebSocketPair();
    const id = new URL(request.url).searchParams.get("_pk") || crypto.randomUUID();
    return { connection: createConnection(server, id, request.url), client };
  }

  /** Hands the socket to the runtime, so that it survives hibernation. */
  accept(connection: Connection, tags: readonly string[]): void {
    const all = [connection.id, ...tags.filter((tag) => tag !== connection.id)];
    checkTags(all);
    // First what may fail: an accepted socket that is not in use would stay.
    setTags(connection, all);
    this.#host.acceptWebSocket(connection, all);
  }

  *all(tag?: string): IterableIterator<Connection> {
    for (const socket of this.#host.getWebSockets(tag)) {
      if (socket.readyState === WebSocket.OPEN && isConnection(socket)) yield toConnection(socket);
    }
  }

  get(id: string): Connection | undefined {
    for (const connection of this.all(id)) if (connection.id === id) return connection;
    return undefined;
  }

  /** Sends to all connections but those named. */
  broadcast(message: WSData, without: readonly string[] = []): void {
    for (const connection of this.all()) if (!without.includes(connection.id)) send(connection, message);
  }

  /** Sends a frame of the protocol: only to those that want such frames. */
  broadcastFrame(frame: string, except?: (connection: Connection) => boolean): void {
    for (const connection of this.all()) {
      if (!hasFlag(connection, "protocolDisabled") && !except?.(connection)) send(connection, frame);
    }
  }
}

type WSData = string | ArrayBuffer | ArrayBufferView;

/** Sends to one socket; a socket that has just closed is no error, its `onClose` is on the way. */
export function send(connection: Connection, message: WSData): void {
  try {
    connection.send(message);
  } catch (error) {
    if (connection.readyState === WebSocket.OPEN) throw error;
  }
}

function checkTags(tags: readonly string[]): void {
  if (tags.length > maxTags) {
    throw new AgentError(
      "CONNECTION_TAGS_INVALID",
      `A connection can have ${maxTags - 1} tags beside its id; getConnectionTags returned ${tags.length - 1}`
    );
  }
  for (const tag of tags) {
    if (typeof tag !== "string" || tag.length === 0 || tag.length > maxTagLength) {
      throw new AgentError(
        "CONNECTION_TAGS_INVALID",
        `A tag is a text of 1 to ${maxTagLength} characters; got ${JSON.stringify(tag)?.slice(0, 80)}`
      );
    }
  }
}
