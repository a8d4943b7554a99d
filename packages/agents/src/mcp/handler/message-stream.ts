import { isJSONRPCRequest, type JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { EventStream } from "../http/event-stream";
import { Refusal } from "../http/refusal";
import { AgentError } from "../../protocol/errors";
import { unaskedStreamId, type Store } from "./event-store";

/** How many messages wait for a client that does not listen. The oldest go first. */
const maxUnsent = 100;

export interface MessageStreamOptions {
  readonly id: string;
  readonly store: Store | undefined;
  /** When a client whose connection has ended is to come again, in milliseconds. */
  readonly retryMs?: number | undefined;
  /** Called when the last connection is gone, and the stream has not ended. */
  disconnected?(): void;
}

export interface ConnectOptions {
  readonly headers: Record<string, string>;
  /** Whether the client understands an event without data, which gives it an id before anything is sent. */
  readonly prime: boolean;
  /** The last event that the client has. */
  readonly lastEventId?: string | undefined;
  /** Nothing more will come: without anything that is there already, the client need not come again. */
  readonly isOver?: boolean;
}

/**
 * What is said to one client, in its order. It may come over several connections, one after the other: with a store, none of it is
 * lost between them. Each message goes to one connection, the latest.
 */
export class MessageStream {
  readonly #options: MessageStreamOptions;
  readonly #connections: EventStream[] = [];
  #unsent: { eventId: string | undefined; message: JSONRPCMessage }[] = [];
  #ended = false;
  // Storing takes time; meanwhile nothing may overtake.
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: MessageStreamOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  /**
   * @throws MCP_CLIENT_UNREACHABLE, for a request of the server, when nobody listens and nobody can come back
   */
  send(message: JSONRPCMessage): Promise<void> {
    return this.#inOrder(async () => {
      const { id, store } = this.#options;
      if (this.#connections.length === 0 && !store && id !== unaskedStreamId && isJSONRPCRequest(message)) {
        throw new AgentError(
          "MCP_CLIENT_UNREACHABLE",
          `The client went away before it was asked for ${message.method}`
        );
      }
      const eventId = await store?.storeEvent(id, message, this.#connections.length > 0);
      if (this.#write(message, eventId)) return;
      this.#unsent = [...this.#unsent, { eventId, message }].slice(-maxUnsent);
    });
  }

  /** Opens another connection, and sends what the client does not have. */
  connect({ headers, prime, lastEventId, isOver }: ConnectOptions): Promise<Response> {
    return this.#inOrder(async () => {
      const { id, store, retryMs } = this.#options;
      const connection = new EventStream({ onClose: () => this.#disconnected(connection) });
      const response = connection.toResponse(headers);
      try {
        if (lastEventId !== undefined && store) {
          let replayed = 0;
          await store.replayEventsAfter(lastEventId, {
            send: async (eventId, message) => {
              // What only gave an id has nothing in it.
              if ("jsonrpc" in message) writeTo(connection, message, eventId);
              if ("jsonrpc" in message) replayed++;
            }
          });
          if (isOver && replayed === 0) throw new Refusal(400, "The events of this stream are gone");
          this.#unsent = [];
        } else if (prime && store) {
          connection.prime(await store.storeEvent(id, {} as JSONRPCMessage, true), retryMs);
        }
      } catch (error) {
        connection.close();
        throw error instanceof Refusal ? error : new Refusal(400, "The events after this id are not known");
      }
      if (connection.isOpen) this.#connections.push(connection);
      // What was said in an earlier life, too.
      const unheard = id === unaskedStreamId ? store?.takeUnheard?.(id) : undefined;
      const missed = unheard ?? this.#unsent;
      this.#unsent = [];
      for (const { message, eventId } of missed) this.#write(message, eventId);
      if (this.#ended) connection.close();
      return response;
    });
  }

  /** Nothing more will be said. */
  end(): Promise<void> {
    return this.#inOrder(async () => {
      this.#ended = true;
      this.#closeAll();
    });
  }

  /** Closes what is open. The client may come back. */
  disconnect(): void {
    void this.#inOrder(async () => this.#closeAll());
  }

  #write(message: JSONRPCMessage, eventId: string | undefined): boolean {
    const connection = this.#connections.at(-1);
    return connection !== undefined && writeTo(connection, message, eventId);
  }

  #closeAll(): void {
    for (const connection of this.#connections.splice(0)) connection.close();
  }

  #disconnected(connection: EventStream): void {
    const place = this.#connections.indexOf(connection);
    // Not if it was closed here.
    if (place === -1) return;
    this.#connections.splice(place, 1);
    if (this.#connections.length === 0) this.#options.disconnected?.();
  }

  #inOrder<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function writeTo(connection: EventStream, message: JSONRPCMessage, eventId: string | undefined): boolean {
  return connection.send({ id: eventId, event: "message", data: JSON.stringify(message) });
}
