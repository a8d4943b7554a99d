import { AgentError } from "../protocol/errors";

/** Data that a WebSocket message carries. */
export type WSMessage = string | ArrayBuffer | ArrayBufferView;

/** What `onConnect` and the connection hooks get beside the connection. */
export interface ConnectionContext {
  /** The upgrade request: headers, cookies, URL. */
  request: Request;
}

/** A client's WebSocket, with an identity and a state of its own that survive hibernation. */
// An unstated state is `any`, and a stated one is not nullable, so that the documented examples type-check.
// oxlint-disable-next-line typescript/no-explicit-any
export interface Connection<State = any> extends WebSocket {
  /** Chosen by the client (`_pk`), or made by the server. */
  readonly id: string;
  /** The name of the instance that it is connected to. */
  readonly server: string;
  /** The URL of the upgrade request, as the agent saw it. */
  readonly uri: string | null;
  /** The id, then what `getConnectionTags` returned. */
  readonly tags: readonly string[];
  /** What `setState` set last; `null` before the first call. */
  readonly state: State;
  /**
   * Replaces this connection's state. It is kept with the socket, in at most 16,384 bytes together with tags and URL.
   *
   * @param next the new state, or a function of the previous one
   * @returns the new state
   * @throws CONNECTION_STATE_TOO_LARGE; nothing has changed then
   * @example connection.setState((previous) => ({ ...previous, lastSeen: Date.now() }));
   */
  setState(next: State | null | ((previous: State | null) => State | null)): State | null;
  /**
   * Sends to this client. To one that has gone, nothing is sent, and that is no error.
   *
   * @param message text or bytes
   */
  send(message: WSMessage): void;
}

/** What deployed data has in a socket's attachment. Our flags live beside the user's state, hidden from it. */
interface Attachment {
  __pk: { id: string; tags: readonly string[]; uri?: string };
  __user?: UserData | null;
}
type UserData = Record<string, unknown>;

const flagKeys = { readonly: "_cf_readonly", protocolDisabled: "_cf_no_protocol", extended: "_cf_extended" } as const;
export type ConnectionFlag = keyof typeof flagKeys;
export type ConnectionFlags = Readonly<Record<ConnectionFlag, boolean>>;
const flagNames = Object.keys(flagKeys) as ConnectionFlag[];
const noFlags: ConnectionFlags = { readonly: false, protocolDisabled: false, extended: false };
// A state that is not an object cannot hold flags beside itself, so it is wrapped.
const wrappedKey = "_cf_value";
const hiddenKeys: readonly string[] = [...Object.values(flagKeys), wrappedKey];

/** Whether a state can stand beside our flags: an object none of whose fields reads as ours. */
const isPlain = (state: unknown): state is UserData =>
  typeof state === "object" &&
  state !== null &&
  !Array.isArray(state) &&
  !hiddenKeys.some((key) => Object.hasOwn(state, key));

/** The instance that has a socket. */
export interface Owner {
  readonly name: string;
}

const peerSlot = Symbol("agents.peer");
type Socket = WebSocket & { [peerSlot]?: Peer };

/** The server's knowledge of one socket. Its truth is the attachment; this is a copy that lives as long as the instance. */
class Peer {
  readonly id: string;
  readonly uri: string | null;
  tags: readonly string[];
  state: unknown = null;
  flags: ConnectionFlags = noFlags;
  owner: Owner | undefined;

  constructor(id: string, tags: readonly string[], uri: string | null) {
    this.id = id;
    this.tags = tags;
    this.uri = uri;
  }

  static fromAttachment(attachment: Attachment): Peer {
    const { id, tags, uri } = attachment.__pk;
    const peer = new Peer(id, tags, uri ?? null);
    const user = attachment.__user;
    // An array is what an older release stored as it was.
    if (typeof user !== "object" || user === null || Array.isArray(user)) {
      peer.state = user ?? null;
      return peer;
    }
    const state = { ...user };
    const flags = { ...peer.flags };
    for (const name of flagNames) {
      flags[name] = state[flagKeys[name]] === true;
      delete state[flagKeys[name]];
    }
    peer.flags = flags;
    const isFlagged = flagNames.some((name) => flags[name]);
    if (Object.hasOwn(state, wrappedKey)) peer.state = state[wrappedKey];
    else peer.state = Object.keys(state).length > 0 || !isFlagged ? state : null;
    return peer;
  }

  /** As it would be with these. */
  attachment({ tags, state, flags }: Changeable): Attachment {
    const { id, uri } = this;
    return { __pk: uri === null ? { id, tags } : { id, tags, uri }, __user: userData(state, flags) };
  }
}

type Changeable = Pick<Peer, "tags" | "state" | "flags">;

function userData(state: unknown, flags: ConnectionFlags): UserData | null {
  const hasState = state !== null && state !== undefined;
  const isFlagged = flags.readonly || flags.protocolDisabled || flags.extended;
  if (!isFlagged && !hasState) return null;
  const hidden: UserData = {};
  for (const name of flagNames) if (flags[name]) hidden[flagKeys[name]] = true;
  if (!hasState) return hidden;
  // Beside flags, an empty object could not be told from no state.
  const isBeside = isPlain(state) && !(isFlagged && Object.keys(state).length === 0);
  return isBeside ? { ...state, ...hidden } : { [wrappedKey]: state, ...hidden };
}

/** Writes the attachment, then remembers what it says: all or nothing. */
function save(
  socket: Socket,
  peer: Peer,
  { tags = peer.tags, state = peer.state, flags = peer.flags }: Partial<Changeable>
): void {
  try {
    socket.serializeAttachment(peer.attachment({ tags, state, flags }));
  } catch (cause) {
    throw new AgentError(
      "CONNECTION_STATE_TOO_LARGE",
      "The state of a connection must be structured-cloneable and fit, with its tags and URL, into 16,384 bytes; keep large data in this.sql",
      { cause }
    );
  }
  peer.tags = tags;
  peer.state = state;
  peer.flags = flags;
}

function peerOf(socket: Socket): Peer {
  // A program may have the socket from the runtime, restored and not seen here before.
  if (socket[peerSlot] === undefined) asConnection(socket);
  return socket[peerSlot]!;
}

// A global would be looked up for each message. Its members are: whoever watches an application replaces them.
const webSocket = WebSocket.prototype;

const members: PropertyDescriptorMap & ThisType<Socket> = {
  id: { get: accessor((peer) => peer.id) },
  server: { get: accessor((peer) => peer.owner?.name) },
  uri: { get: accessor((peer) => peer.uri) },
  tags: { get: accessor((peer) => peer.tags) },
  state: { get: accessor((peer) => peer.state) },
  setState: {
    value: function setState(this: Socket, next: unknown) {
      const peer = peerOf(this);
      const state: unknown = typeof next === "function" ? next(peer.state) : next;
      save(this, peer, { state: state ?? null });
      return peer.state;
    }
  },
  send: {
    // Programs wrap it.
    writable: true,
    configurable: true,
    // As in a browser: who speaks to somebody that has gone is not disturbed, and finishes what it does. `onClose` is on the way.
    value: function send(this: Socket, message: WSMessage) {
      try {
        webSocket.send.call(this, message);
      } catch (error) {
        if (this.readyState === WebSocket.OPEN) throw error;
      }
    }
  }
};

function accessor<Value>(read: (peer: Peer) => Value): (this: Socket) => Value {
  return function () {
    return read(peerOf(this));
  };
}

// All connections share one prototype, and so one shape: the same code serves a hundred of them as fast as one.
const prototype = Object.create(webSocket, members) as object;

/**
 * A socket of this instance as a connection, or `undefined` when it is none of ours: a program may accept other sockets by
 * itself.
 */
export function asConnection(socket: WebSocket, owner?: Owner): Connection | undefined {
  const known = socket as Socket;
  if (known[peerSlot] === undefined) {
    const attachment = socket.deserializeAttachment() as Partial<Attachment> | null;
    if (attachment?.__pk === undefined) return undefined;
    // A socket that was restored after hibernation is a new object with its old attachment.
    attach(known, Peer.fromAttachment(attachment as Attachment));
  }
  known[peerSlot]!.owner ??= owner;
  // What its prototype adds is what `Connection` adds.
  return known as unknown as Connection;
}

function attach(socket: Socket, peer: Peer): void {
  Object.setPrototypeOf(socket, prototype);
  socket[peerSlot] = peer;
}

/** Makes a new socket a connection. Its identity is stored with it when it is established. */
export function createConnection(socket: WebSocket, id: string, uri: string | null, owner: Owner): Connection {
  const peer = new Peer(id, [id], uri);
  peer.owner = owner;
  attach(socket, peer);
  return socket as unknown as Connection;
}

/** Fixes the tags and flags of a new connection, and stores them with its identity and state: one write for all. */
export function establish(connection: Connection, tags: readonly string[], flags: ConnectionFlags): void {
  const socket = connection as unknown as Socket;
  save(socket, peerOf(socket), { tags, flags });
}

export function hasFlag(connection: Connection, flag: ConnectionFlag): boolean {
  const { flags } = peerOf(connection as unknown as Socket);
  // Asked for every frame, and for every connection of a broadcast: a name that varies would be looked up each time.
  switch (flag) {
    case "readonly":
      return flags.readonly;
    case "extended":
      return flags.extended;
    case "protocolDisabled":
      return flags.protocolDisabled;
  }
}

export function setFlag(connection: Connection, flag: ConnectionFlag, value: boolean): void {
  const socket = connection as unknown as Socket;
  const peer = peerOf(socket);
  if (peer.flags[flag] === value) return;
  save(socket, peer, { flags: { ...peer.flags, [flag]: value } });
}
