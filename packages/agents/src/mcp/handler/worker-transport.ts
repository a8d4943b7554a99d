import type { EventStore } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Transport, TransportSendOptions } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type JSONRPCResponse,
  type MessageExtraInfo,
  type RequestId
} from "@modelcontextprotocol/sdk/types.js";
import { publicMessage } from "../../core/public-message";
import { AgentError, messageOf } from "../../protocol/errors";
import { preflight, withCors, type CORSOptions } from "../http/cors";
import { checkOrigin } from "../http/origin";
import { checkStreamRequest, readMessages, versionWithoutHeader, type Received } from "../http/read";
import { publicResponse, responseIn } from "../http/public-response";
import { methodNotAllowed, Refusal, rpcCodes } from "../http/refusal";
import { identityOf } from "../agent/identity";
import { getMcpAuthContext } from "./auth-context";
import { MemoryEventStore, unaskedStreamId, type Store } from "./event-store";
import { Exchange } from "./exchange";
import { MessageStream } from "./message-stream";
import { Session, type MCPStorageApi, type TransportState } from "./session";

/** Since then, clients take events without data, and come back for an answer. Versions are dates. */
const firstVersionThatResumes = "2025-11-25";
/** When a client whose stream has ended early is to come again, in milliseconds. */
const defaultRetryMs = 1_000;

export interface WorkerTransportOptions {
  /**
   * Makes the id of a new session, from visible ASCII characters. With it, all requests but the first have to name the session;
   * without it, there are no sessions.
   */
  sessionIdGenerator?: () => string;
  /**
   * Answer with JSON and without a stream. What a tool says meanwhile (progress, logs, questions) goes to the stream for which the
   * client asks with GET, if it does. Not set unless told.
   */
  enableJsonResponse?: boolean;
  /** Called with the id of a session that has begun, or that was restored from `storage`. */
  onsessioninitialized?: (sessionId: string) => void | Promise<void>;
  /** Called with the id of a session that the client has ended (DELETE). */
  onsessionclosed?: (sessionId: string) => void | Promise<void>;
  /** How pages of other origins may use the server. Any page may, unless told. */
  corsOptions?: CORSOptions;
  /** Where the session is kept, so that it outlives this object: in the storage of an agent. */
  storage?: MCPStorageApi;
  /**
   * Where events are kept until the client has them, so that a cut connection loses nothing. Unless told, a transport with sessions
   * keeps the last ones in memory; `SqlEventStore` keeps them in the database of an agent.
   */
  eventStore?: EventStore;
  /** When a client whose stream has ended early is to come again, in milliseconds. One second unless told. */
  retryInterval?: number;
  /**
   * Whose pages may send requests, as in `["https://app.example.com"]`; `["*"]` stands for all. Unless told: the page of
   * `corsOptions.origin`; of a server on this machine, pages on this machine; of a server behind TLS, all pages.
   */
  allowedOrigins?: readonly string[];
}

/** Who handles requests with a transport. */
export interface TransportUser {
  /** Connects a server. Called when there is a message for one. */
  connect(): Promise<void>;
  /** The transport is for one request: whatever comes later meets another one. */
  readonly once: boolean;
}

/** Tells a transport who uses it. Not a method, since it is nothing for applications. */
export let serveFor: (transport: WorkerTransport, user: TransportUser) => void;

/**
 * Streamable HTTP for an `McpServer`, with requests and responses of the web platform.
 *
 * A transport belongs to one server and, when it has sessions, to one session. Requests of several clients may meet in one that
 * has none: each answer goes to where its question came from.
 *
 * @example
 * export class Desk extends Agent<Env> {
 *   server = new McpServer({ name: "desk", version: "1.0.0" });
 *   transport = new WorkerTransport({
 *     sessionIdGenerator: () => this.name,
 *     storage: {
 *       get: () => this.ctx.storage.get<TransportState>("mcp"),
 *       set: (state) => this.ctx.storage.put("mcp", state)
 *     }
 *   });
 *   onRequest(request: Request) {
 *     return createMcpHandler(this.server, { transport: this.transport })(request, this.env, this.ctx);
 *   }
 * }
 */
export class WorkerTransport implements Transport {
  /** Whether a server is connected. */
  started = false;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;

  readonly #options: WorkerTransportOptions;
  readonly #session: Session;
  #user: TransportUser | undefined;
  #connecting: Promise<void> | undefined;
  #memory: Store | undefined;
  /** By the ids that the server knows its open requests by. */
  readonly #exchangesById = new Map<RequestId, Exchange>();
  /** Who is told of an answer before the client is. */
  readonly #listenersById = new Map<RequestId, (response: JSONRPCResponse) => unknown>();
  #unasked: MessageStream | undefined;
  #loaded: Promise<TransportState | undefined> | undefined;
  #restored: Promise<void> | undefined;

  constructor(options: WorkerTransportOptions = {}) {
    this.#options = options;
    this.#session = new Session({ generateId: options.sessionIdGenerator, storage: options.storage });
  }

  static {
    serveFor = (transport, user) => void (transport.#user = user);
  }

  /** The session that has begun here. */
  get sessionId(): string | undefined {
    return this.#session.id;
  }

  /** Called by the server that is being connected. */
  async start(): Promise<void> {
    if (this.started) throw new Error("Transport already started");
    this.started = true;
  }

  /**
   * Answers a request of a client. It never throws: what goes wrong is a JSON-RPC error in the response, and is given to `onerror`.
   *
   * @param parsedBody the body, if somebody has read and parsed it
   */
  async handleRequest(request: Request, parsedBody?: unknown): Promise<Response> {
    let response: Response;
    try {
      response = await this.#answer(request, parsedBody);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : failure(error);
      this.onerror?.(error instanceof Error ? error : refusal);
      response = refusal.toResponse();
    }
    return withCors(response, this.#options.corsOptions);
  }

  /**
   * Called by the server.
   *
   * @throws MCP_CLIENT_UNREACHABLE, for a request of the server, when its client went away and cannot come back
   */
  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const response = responseIn(message);
    if (response) return this.#answered(response);
    if (this.#user?.once && isJSONRPCRequest(message)) {
      const why = "its answer would meet another server. Use a transport that lasts, in an agent";
      throw new AgentError("MCP_CLIENT_UNREACHABLE", `A stateless server cannot ask for ${message.method}: ${why}`);
    }
    const id = options?.relatedRequestId;
    const stream = id === undefined ? undefined : this.#exchangesById.get(id)?.stream;
    await (stream ?? this.#unaskedStream).send(message);
  }

  /** Ends all streams. What is stored of the session stays. A server may be connected again. */
  async close(): Promise<void> {
    if (!this.started) return;
    this.started = false;
    const exchanges = new Set(this.#exchangesById.values());
    this.#exchangesById.clear();
    for (const exchange of exchanges) exchange.abandon();
    void this.#unasked?.end();
    this.#unasked = this.#loaded = this.#restored = undefined;
    this.#session.forget();
    const { onclose } = this;
    // A server that is connected adds itself to what is here.
    this.onclose = this.onerror = this.onmessage = undefined;
    onclose?.();
  }

  async #answer(request: Request, parsedBody: unknown): Promise<Response> {
    const { allowedOrigins, corsOptions } = this.#options;
    checkOrigin(request, allowedOrigins, corsOptions?.origin);
    if (request.method === "OPTIONS") return preflight(corsOptions);
    const methods: Partial<Record<string, () => Promise<Response>>> = {
      POST: () => this.#post(request, parsedBody),
      ...((!this.#user?.once || this.#store) && { GET: () => this.#listen(request) }),
      ...(this.#hasSessions && { DELETE: () => this.#delete(request) })
    };
    const method = methods[request.method];
    if (!method) throw methodNotAllowed(...Object.keys(methods));
    await this.#load();
    return method();
  }

  get #unaskedStream(): MessageStream {
    return (this.#unasked ??= this.#stream(unaskedStreamId));
  }

  /** Whether a session can be known again. */
  get #hasSessions(): boolean {
    const { sessionIdGenerator, storage } = this.#options;
    return sessionIdGenerator !== undefined && (!this.#user?.once || storage !== undefined);
  }

  get #store(): Store | undefined {
    const { eventStore } = this.#options;
    if (eventStore || this.#user?.once || !this.#hasSessions) return eventStore;
    return (this.#memory ??= new MemoryEventStore());
  }

  async #post(request: Request, parsedBody: unknown): Promise<Response> {
    const received = await readMessages(request, { parsedBody, version: this.#session.version });
    const { initialize, requests, messages } = received;
    if (initialize) this.#session.begin(initialize.params, initialize.id, ownerOfRequest());
    else this.#checkSession(request);
    try {
      await this.#ready();
      if (requests.length > 0) return await this.#exchange(request, received);
      for (const message of messages) this.#deliver(message, { requestInfo: infoOf(request) });
      return new Response(null, { status: 202 });
    } catch (error) {
      if (initialize) this.#session.forget();
      throw error instanceof Refusal ? error : failure(error, requests[0]?.id);
    }
  }

  async #exchange(request: Request, { messages, initialize, isBatch }: Received): Promise<Response> {
    const resumes = this.#resumes(initialize?.params.protocolVersion ?? request.headers.get("MCP-Protocol-Version"));
    const asJson = this.#options.enableJsonResponse === true;
    const exchange = new Exchange(asJson ? undefined : this.#stream(crypto.randomUUID(), () => this.#clientLeft()));
    const connection = await exchange.stream?.connect({ headers: {}, prime: resumes });
    const extra: MessageExtraInfo = {
      requestInfo: infoOf(request),
      ...(resumes && {
        closeSSEStream: () => exchange.stream?.disconnect(),
        closeStandaloneSSEStream: () => this.#unasked?.disconnect()
      })
    };
    // Whoever waits for JSON has no stream that could be closed.
    request.signal.addEventListener("abort", () => this.#clientLeft());
    // Before any of them runs: what answers at once must not end what is not complete.
    const known = messages.map((message) => (isJSONRPCRequest(message) ? this.#register(message, exchange) : message));
    for (const message of known) this.#deliver(message, extra);
    // Whether there is a session is for the server to say, and the headers name it.
    if (initialize) await exchange.ended;
    const response = connection ?? (await exchange.toJson(isBatch));
    if (this.sessionId !== undefined) response.headers.set("mcp-session-id", this.sessionId);
    return response;
  }

  async #listen(request: Request): Promise<Response> {
    checkStreamRequest(request);
    this.#checkSession(request);
    await this.#ready();
    const headers: Record<string, string> = this.sessionId === undefined ? {} : { "mcp-session-id": this.sessionId };
    const lastEventId = request.headers.get("Last-Event-ID") ?? undefined;
    const prime = this.#resumes(request.headers.get("MCP-Protocol-Version"));
    if (lastEventId === undefined || !this.#store) return this.#unaskedStream.connect({ headers, prime });
    const streamId = await this.#store.getStreamIdForEventId?.(lastEventId);
    if (streamId === undefined || streamId === unaskedStreamId) {
      return this.#unaskedStream.connect({ headers, prime, lastEventId });
    }
    const open = [...this.#exchangesById.values()].find(({ stream }) => stream?.id === streamId)?.stream;
    if (open) return open.connect({ headers, prime, lastEventId });
    // It was answered meanwhile.
    const ended = this.#stream(streamId);
    const response = await ended.connect({ headers, prime, lastEventId, isOver: true });
    await ended.end();
    return response;
  }

  async #delete(request: Request): Promise<Response> {
    this.#checkSession(request);
    const id = this.sessionId!;
    await this.#session.end();
    this.#store?.clear?.();
    this.#loaded = this.#restored = undefined;
    await this.close();
    await this.#options.onsessionclosed?.(id);
    return new Response(null, { status: 204 });
  }

  async #load(): Promise<void> {
    try {
      await (this.#loaded ??= this.#session.load());
    } catch (error) {
      this.#loaded = undefined;
      throw error;
    }
  }

  #checkSession(request: Request): void {
    if (this.#hasSessions) this.#session.check(request, ownerOfRequest());
  }

  /** The server is connected, and knows of the session that was stored. What has failed is tried again for the next request. */
  async #ready(): Promise<void> {
    try {
      if (!this.started) await (this.#connecting ??= this.#connect());
      await (this.#restored ??= this.#restore());
    } catch (error) {
      this.#connecting = this.#restored = undefined;
      throw error;
    }
  }

  async #connect(): Promise<void> {
    if (!this.#user) throw new Error("No server is connected: call server.connect(transport) first");
    await this.#user.connect();
    this.#connecting = undefined;
  }

  /** Tells a new server how its client has begun. */
  async #restore(): Promise<void> {
    const state = await this.#loaded;
    if (state?.initializeParams) {
      const id = crypto.randomUUID();
      const answered = new Promise((resolve) => this.#listenersById.set(id, resolve));
      this.onmessage?.({ jsonrpc: "2.0", id, method: "initialize", params: state.initializeParams });
      await answered;
      this.onmessage?.({ jsonrpc: "2.0", method: "notifications/initialized" });
    }
    if (state?.sessionId !== undefined) await this.#options.onsessioninitialized?.(state.sessionId);
  }

  /** The server may have an open request of this id, of another client. */
  #register(request: JSONRPCRequest, exchange: Exchange): JSONRPCRequest {
    const id = this.#exchangesById.has(request.id) ? crypto.randomUUID() : request.id;
    this.#exchangesById.set(id, exchange);
    exchange.add(id, request.id);
    if (request.method === "initialize") this.#listenersById.set(id, (response) => this.#initialized(response));
    return { ...request, id };
  }

  #deliver(message: JSONRPCMessage, extra: MessageExtraInfo): void {
    if (!isJSONRPCNotification(message) || message.method !== "notifications/cancelled") {
      return this.onmessage?.(message, extra);
    }
    const idOfClient = message.params?.requestId;
    for (const [id, exchange] of this.#exchangesById) {
      if (!exchange.has(id, idOfClient)) continue;
      this.onmessage?.({ ...message, params: { ...message.params, requestId: id } }, extra);
      // What is cancelled is not answered.
      this.#exchangesById.delete(id);
      void exchange.close(id);
    }
  }

  async #answered(response: JSONRPCResponse): Promise<void> {
    const { id } = response;
    if (id === undefined) return;
    const listener = this.#listenersById.get(id);
    this.#listenersById.delete(id);
    let answer = publicResponse(response);
    try {
      await listener?.(response);
    } catch (error) {
      this.#session.forget();
      answer = { jsonrpc: "2.0", id, error: { code: rpcCodes.internalError, message: publicMessage(error) } };
    }
    // Until the answer is kept, who comes for it is to wait.
    await this.#exchangesById
      .get(id)
      ?.answer(answer, id)
      .finally(() => this.#exchangesById.delete(id));
  }

  async #initialized(response: JSONRPCResponse): Promise<void> {
    if (!isJSONRPCResultResponse(response)) return this.#session.forget();
    await this.#session.begun(String(response.result.protocolVersion));
    if (this.sessionId !== undefined) await this.#options.onsessioninitialized?.(this.sessionId);
  }

  /** The client of a POST went away, and cannot come back: what is done for it is for nobody. */
  #clientLeft(): void {
    if (this.#user?.once) void this.close();
  }

  /** Whether this client comes back for what it has not got. */
  #resumes(version: string | null): boolean {
    const agreed = this.#session.version ?? version ?? versionWithoutHeader;
    return this.#store !== undefined && agreed >= firstVersionThatResumes;
  }

  #stream(id: string, gone?: () => void): MessageStream {
    const { retryInterval: retryMs = defaultRetryMs } = this.#options;
    const store = this.#store;
    // With a store, whoever went away may come back.
    return new MessageStream({ id, store, retryMs, ...(gone && !store && { disconnected: gone }) });
  }
}

/** A session id may be stolen; then it is of no use to whoever signs in as somebody else. */
const ownerOfRequest = () => identityOf(getMcpAuthContext()?.props);

function infoOf(request: Request): NonNullable<MessageExtraInfo["requestInfo"]> {
  return { headers: Object.fromEntries(request.headers), url: new URL(request.url) };
}

function failure(error: unknown, id?: RequestId): Refusal {
  const message = publicMessage(error);
  // Else it was logged, with the reference that the client gets.
  if (message === messageOf(error)) console.error("An MCP request failed:", error);
  return new Refusal(500, message, { code: rpcCodes.internalError, ...(id !== undefined && { id }) });
}
