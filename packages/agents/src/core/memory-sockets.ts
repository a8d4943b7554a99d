import type { SocketHost } from "./connections";

/** What the runtime calls for sockets that hibernate; for others, somebody has to listen. */
export interface SocketEvents {
  webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): unknown;
  webSocketClose(socket: WebSocket, code: number, reason: string, wasClean: boolean): unknown;
  webSocketError(socket: WebSocket, error: unknown): unknown;
}

/** Holds sockets in memory, for agents with `hibernate: false`: while one is open, the runtime keeps the instance. */
export class MemorySockets implements SocketHost {
  readonly #runtime: SocketHost;
  readonly #events: SocketEvents;
  readonly #tagsBySocket = new Map<WebSocket, readonly string[]>();

  /** @param runtime has the sockets of before, when the class hibernated */
  constructor(runtime: SocketHost, events: SocketEvents) {
    this.#runtime = runtime;
    this.#events = events;
  }

  acceptWebSocket(socket: WebSocket, tags: string[] = []): void {
    // As for sockets that hibernate; what the default is depends on the compatibility date.
    socket.binaryType = "arraybuffer";
    socket.accept();
    this.#tagsBySocket.set(socket, tags);
    socket.addEventListener("message", ({ data }) => {
      // `binaryType` excludes the other kinds.
      this.#events.webSocketMessage(socket, data as string | ArrayBuffer);
    });
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      if (this.#tagsBySocket.delete(socket)) this.#events.webSocketClose(socket, code, reason, wasClean);
    });
    socket.addEventListener("error", ({ error }) => {
      // After its close it says that our answer did not arrive.
      if (!this.#tagsBySocket.has(socket)) return;
      if (socket.readyState !== WebSocket.OPEN) this.#tagsBySocket.delete(socket);
      this.#events.webSocketError(socket, error);
    });
  }

  /** What the runtime answers without us is for sockets that it holds itself. */
  getWebSocketAutoResponse(): null {
    return null;
  }

  setWebSocketAutoResponse(): void {}

  forget(socket: WebSocket): void {
    this.#tagsBySocket.delete(socket);
  }

  getWebSockets(tag?: string): WebSocket[] {
    const sockets = this.#runtime.getWebSockets(tag);
    for (const [socket, tags] of this.#tagsBySocket) if (tag === undefined || tags.includes(tag)) sockets.push(socket);
    return sockets;
  }
}
