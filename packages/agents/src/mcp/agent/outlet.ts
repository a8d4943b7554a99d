import type { EventLog } from "./event-log";
import type { Session } from "./sessions";
import { closeCodes, eventFrame, eventId } from "./wire";

export interface OutletDeps {
  readonly log: EventLog;
  /** Sockets that hibernate: the part of `DurableObjectState` that has them. */
  readonly sockets: Pick<DurableObjectState, "acceptWebSocket" | "getWebSockets">;
}

/** What the attachment of a socket says of it. */
interface Attachment {
  mcp: {
    session: string;
    stream: number;
    /** The session ends with it. */
    isLifeline?: true;
  };
}

/** The stream that a socket carries, if it is one of ours. */
export function streamOf(socket: WebSocket): Attachment["mcp"] | undefined {
  return (socket.deserializeAttachment() as Partial<Attachment> | null)?.mcp;
}

/** The stream on which a client listens for what it did not ask for. */
export const listening = 0;

const tagOf = (session: string, stream: number) => `mcp:${session}:${stream}`;

/** The way to the clients: each message goes to the log of its stream, then to the socket that carries the stream. */
export class Outlet {
  readonly #log: EventLog;
  readonly #sockets: OutletDeps["sockets"];
  /** Streams whose socket is on its way, and the code with which it is to be closed, if it is. */
  readonly #expected = new Map<string, number | undefined>();

  constructor({ log, sockets }: OutletDeps) {
    this.#log = log;
    this.#sockets = sockets;
  }

  expect(session: string, stream: number): void {
    this.#expected.set(tagOf(session, stream), undefined);
  }

  /** Takes a message down. @returns hands it over, when it is certain to be kept */
  write(session: string, stream: number, message: string): () => void {
    const socket = this.#carrier(session, stream);
    const isSent = socket !== undefined || this.#expected.has(tagOf(session, stream));
    const place = this.#log.append(session, stream, message, isSent);
    return () => socket && send(socket, stream, place, message);
  }

  say(session: string, stream: number, message: string): void {
    this.write(session, stream, message)();
  }

  /** The newest: an older one may be dead, and nobody knows it yet. Each message goes to one of them only. */
  #carrier(session: string, stream: number): WebSocket | undefined {
    return this.#open(session, stream).at(-1);
  }

  #open(session: string, stream: number): WebSocket[] {
    const sockets = this.#sockets.getWebSockets(tagOf(session, stream));
    return sockets.filter(({ readyState }) => readyState === WebSocket.OPEN);
  }

  /** Opens a socket for a stream, and sends what it has missed. @param after what it has; without, all that was not sent */
  attach({ id: session, kind }: Session, stream: number, after: number | undefined): WebSocket {
    const { 0: client, 1: server } = new WebSocketPair();
    const attachment: Attachment = { mcp: { session, stream, ...(kind === "sse" && { isLifeline: true }) } };
    server.serializeAttachment(attachment);
    this.#sockets.acceptWebSocket(server, [tagOf(session, stream)]);
    const missed = after === undefined ? this.#log.unsent(session, stream) : this.#log.after(session, stream, after);
    for (const { place, message } of missed) send(server, stream, place, message);
    if (missed.some(({ wasSent }) => !wasSent)) this.#log.markSent(session, stream);
    const closeCode = this.#expected.get(tagOf(session, stream));
    this.#expected.delete(tagOf(session, stream));
    if (closeCode !== undefined) server.close(closeCode, "");
    return client;
  }

  close(session: string, stream: number, code: number): void {
    const tag = tagOf(session, stream);
    if (this.#expected.has(tag)) this.#expected.set(tag, code);
    for (const socket of this.#open(session, stream)) socket.close(code, "");
  }

  /** All streams of a session are over. */
  end(session: string): void {
    for (const socket of this.#sockets.getWebSockets()) {
      if (socket.readyState === WebSocket.OPEN && streamOf(socket)?.session === session)
        socket.close(closeCodes.ended, "");
    }
  }
}

/** A socket that has just been closed is no error: the client comes again and says what it has. */
function send(socket: WebSocket, stream: number, place: number, message: string): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(eventFrame(eventId(stream, place), message));
}
