import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import type { Transport, TransportSendOptions } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  ErrorCode,
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  McpError,
  ProgressNotificationSchema,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResponse,
  type MessageExtraInfo,
  type Request,
  type RequestId
} from "@modelcontextprotocol/sdk/types.js";
import type { Capability } from "../../core/capability";
import type { Schema } from "../../core/meta";
import { publicResponse } from "../http/public-response";
import { audienceOf, note } from "./audience";
import { Calls, type CallRow } from "./calls";
import { EventLog } from "./event-log";
import { listening, Outlet, type OutletDeps } from "./outlet";
import { Questions } from "./questions";
import { interrupted, maxAttempts, mayRepeat } from "./recovery";
import { Call, currentScope, runInScope } from "./scope";
import { adapt } from "./server";
import { Sessions, type Session } from "./sessions";
import { Tickets } from "./tickets";
import {
  closeCodes,
  readEventId,
  versionWithPriming,
  type Caller,
  type Command,
  type Outcome,
  type RequestDetails
} from "./wire";

export interface HubDeps {
  readonly schema: Schema;
  readonly sockets: OutletDeps["sockets"];
  now(): number;
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
  /** The agent's server, with everything that it offers. */
  server(): Promise<Server>;
  /** Keeps the object in memory until the promise settles. */
  hold(promise: Promise<void>): void;
  /** Runs code of the agent that nobody called. */
  run(run: () => Promise<void>): void;
  failed(error: unknown): void;
  /** No session is left: the object was for the one that has ended. */
  empty(): void;
}

// The only versions with batches; later ones have forbidden them again. Versions are dates.
const lastVersionWithBatches = "2025-03-26";

/**
 * One server of the SDK, its clients and their sessions. It is the transport of the server: requests come in under ids of our own, and
 * what goes out finds its stream by them.
 */
export class Hub implements Capability {
  readonly name = "mcp-server";
  readonly #deps: HubDeps;
  readonly #sessions: Sessions;
  readonly #calls: Calls;
  readonly #log: EventLog;
  readonly #outlet: Outlet;
  readonly #questions: Questions;
  readonly #running = new Map<RequestId, Call>();
  readonly #beginning = new Set<number>();
  readonly #tickets: Tickets<Opening>;
  readonly #asked = new Map<RequestId, (response: JSONRPCResponse) => void>();
  readonly #transport: Transport;
  #ready: Promise<Server> | undefined;
  #unstored = 0;

  constructor(deps: HubDeps) {
    this.#deps = deps;
    const { schema } = deps;
    this.#sessions = new Sessions({ schema, now: () => deps.now() });
    this.#calls = new Calls(schema);
    this.#log = new EventLog({ schema, now: () => deps.now() });
    this.#tickets = new Tickets((delayMs, signal) => deps.wait(delayMs, signal));
    this.#outlet = new Outlet({ log: this.#log, sockets: deps.sockets });
    this.#questions = new Questions({
      calls: this.#calls,
      transaction: (run) => schema.transaction(run),
      write: (session, call, message) => this.#write(session, call, message),
      wait: (delayMs, signal) => deps.wait(delayMs, signal)
    });
    const currentSession = () => this.session?.id;
    this.#transport = {
      start: async () => {},
      close: async () => {},
      send: async (message, options) => this.#send(message, options),
      get sessionId() {
        return currentSession();
      }
    };
  }

  /** The session for which the running code works; else the one that was used last. */
  get session(): Session | undefined {
    const scope = currentScope();
    return scope ? this.#sessions.get(scope.session) : this.#sessions.all()[0];
  }

  // --- life ---

  async onStart(): Promise<void> {
    if (!this.#deps.schema.exists) return;
    this.#log.trim();
    for (const id of this.#sessions.idle()) this.#forget(id);
    // What it throws, the next client is told.
    await this.#connect().catch((error: unknown) => this.#deps.failed(error));
  }

  /** Calls of an earlier life have nobody who works on them. */
  onStarted(): void {
    const left = this.#calls.all();
    if (left.length > 0) this.#deps.run(() => this.#recover(left));
  }

  async #recover(left: readonly CallRow[]): Promise<void> {
    for (const row of left) {
      const waits = this.#calls.waits(row.id);
      // It goes on when all that it has asked for is there.
      if (waits.some(({ answer }) => answer === null)) continue;
      if (waits.length > 0 || (await mayRepeat(row, (method, params) => this.#askServer(method, params))))
        this.#beginAgain(row.id);
      else this.#end(row, interrupted(row));
    }
  }

  #connect(): Promise<Server> {
    return (this.#ready ??= this.#connectNow().catch((error: unknown) => {
      // The next one who comes tries again.
      this.#ready = undefined;
      throw error;
    }));
  }

  async #connectNow(): Promise<Server> {
    const server = await this.#deps.server();
    adapt(server, { session: () => this.session, ask: (request, options) => this.#ask(request, options) });
    await server.connect(this.#transport);
    return server;
  }

  /** The server of the SDK. It is connected to all clients. */
  server(): Promise<Server> {
    return this.#connect();
  }

  // --- commands ---

  command(command: Command): Promise<Outcome> {
    const outcome = this.#execute(command);
    if (!("ticket" in command) || command.ticket === undefined) return outcome;
    const after = command.type === "listen" ? readEventId(command.after ?? "")?.place : 0;
    this.#tickets.announce(
      command.ticket,
      outcome.then((settled) => ({ caller: command, outcome: settled, after }))
    );
    return outcome;
  }

  async #execute(command: Command): Promise<Outcome> {
    switch (command.type) {
      case "begin":
        return this.#begin(command);
      case "begin-stream":
        return this.#beginStream(command);
      case "post":
        return this.#post(command);
      case "listen":
        return this.#listen(command);
      case "end":
        return this.#endSession(command);
    }
  }

  async #begin(command: Command & { type: "begin" }): Promise<Outcome> {
    this.#sessions.introduce(this.#sessions.begin(command, command.kind), command.initialize);
    try {
      const answer = await runInScope({ session: command.session }, async () => {
        await this.#connect();
        return this.#askServer("initialize", command.initialize.params, command.request);
      });
      this.#agree(command.session, answer);
      if (isJSONRPCErrorResponse(answer)) this.#forget(command.session);
      return { type: "answered", message: { ...answer, id: command.initialize.id } as JSONRPCMessage };
    } catch (error) {
      this.#forget(command.session);
      throw error;
    }
  }

  #agree(id: string, answer: JSONRPCResponse): void {
    const session = this.#sessions.get(id);
    const version = "result" in answer ? answer.result.protocolVersion : undefined;
    if (session && typeof version === "string") this.#sessions.setVersion(session, version);
  }

  async #beginStream(command: Command & { type: "begin-stream" }): Promise<Outcome> {
    this.#sessions.begin(command, "sse");
    return { type: "stream", stream: listening, version: undefined };
  }

  async #post(command: Command & { type: "post" }): Promise<Outcome> {
    const session = this.#sessions.of(command);
    if (!session) return { type: "unknown-session" };
    // The Worker does not know what the session has agreed on.
    if (command.isBatch && (session.version ?? "") > lastVersionWithBatches) return { type: "no-batches" };
    await runInScope({ session: session.id }, () => this.#connect());
    const requests = command.messages.filter(isJSONRPCRequest);
    for (const message of command.messages) if (!isJSONRPCRequest(message)) this.#heard(session, message);
    if (requests.length === 0) return { type: "accepted" };
    const rows = this.#takeDown(session, requests);
    const stream = rows[0]!.stream;
    if (command.ticket !== undefined) this.#outlet.expect(session.id, stream);
    for (const row of rows) this.#run(row, command.request);
    return { type: "stream", stream, version: session.version };
  }

  #takeDown(session: Session, requests: readonly JSONRPCRequest[]): CallRow[] {
    const rows: CallRow[] = [];
    let stream = session.kind === "sse" ? listening : undefined;
    this.#deps.schema.transaction(() => {
      for (const request of requests) {
        const row = this.#calls.add(session.id, stream, request);
        // All of a batch are answered on one stream. Long ones are not stored, and are here all the same.
        rows.push({ ...row, request });
        stream ??= row.stream;
      }
    });
    return rows;
  }

  async #listen(command: Command & { type: "listen" }): Promise<Outcome> {
    const session = this.#sessions.of(command);
    if (!session) return { type: "unknown-session" };
    if (command.after === undefined) return { type: "stream", stream: listening, version: session.version };
    const from = readEventId(command.after);
    if (!from || !this.#isResumable(session, from)) return { type: "nothing-to-resume" };
    return { type: "stream", stream: from.stream, version: session.version };
  }

  #isResumable({ id }: Session, { stream, place }: { stream: number; place: number }): boolean {
    if (stream === listening || this.#calls.isOpen(id, stream)) return true;
    return this.#log.after(id, stream, place).length > 0;
  }

  async #endSession(command: Command & { type: "end" }): Promise<Outcome> {
    if (!this.#sessions.of(command)) return { type: "unknown-session" };
    this.#forget(command.session);
    this.#deps.empty();
    return { type: "accepted" };
  }

  #forget(session: string): void {
    this.#outlet.end(session);
    for (const call of this.#running.values()) if (call.session === session) this.#cancel(call);
    this.#questions.forget(session);
    this.#deps.schema.transaction(() => {
      this.#calls.forget(session);
      this.#log.forget(session);
      this.#sessions.end(session);
    });
  }

  // --- sockets ---

  /** The Worker opens the socket that it has announced. */
  async attach(ticket: string): Promise<Response> {
    const announced = await this.#tickets.use(ticket);
    if (announced?.outcome.type !== "stream") return new Response(null, { status: 404 });
    const { caller, outcome, after } = announced;
    const { stream } = outcome;
    const session = this.#sessions.get(caller.session);
    if (!session) return new Response(null, { status: 404 });
    const webSocket = this.#outlet.attach(session, stream, after);
    // It may have been answered before its socket was there.
    if (stream !== listening && !this.#calls.isOpen(caller.session, stream)) {
      this.#outlet.close(caller.session, stream, closeCodes.done);
    }
    return new Response(null, { status: 101, webSocket });
  }

  /** The older transport has one stream a session, and no session without it. */
  lifelineClosed(session: string): void {
    if (!this.#sessions.get(session)) return;
    this.#forget(session);
    this.#deps.empty();
  }

  // --- from clients ---

  #heard(session: Session, message: JSONRPCMessage): void {
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) return this.#answered(session, message);
    const notification = message as JSONRPCNotification;
    if (notification.method === "notifications/cancelled") return this.#cancelled(session, notification);
    if (notification.method === "notifications/progress") {
      const progress = ProgressNotificationSchema.safeParse(notification);
      if (progress.success) this.#questions.progressed(session.id, progress.data);
      return;
    }
    runInScope({ session: session.id }, () => this.#transport.onmessage?.(notification));
  }

  #answered(session: Session, response: JSONRPCResponse): void {
    const [, ofSdk] = /^task-(\d+)$/.exec(String(response.id)) ?? [];
    if (ofSdk !== undefined) {
      const message = { ...response, id: Number(ofSdk) } as JSONRPCMessage;
      return runInScope({ session: session.id }, () => this.#transport.onmessage?.(message));
    }
    const waiting = this.#questions.answered(session.id, response);
    if (waiting === undefined) return;
    if (this.#calls.waits(waiting).every(({ answer }) => answer !== null)) this.#beginAgain(waiting);
  }

  #cancelled(session: Session, { params }: JSONRPCNotification): void {
    const id = params?.requestId;
    for (const row of this.#calls.ofSession(session.id)) {
      if (row.clientId !== id) continue;
      const call = this.#running.get(row.id);
      if (call) this.#cancel(call, params?.reason);
      this.#end(row, undefined);
    }
    for (const call of this.#running.values()) {
      if (!call.row && call.session === session.id && call.clientId === id) this.#cancel(call, params?.reason);
    }
  }

  #cancel(call: Call, reason?: unknown): void {
    this.#running.delete(call.id);
    call.cancelled.abort();
    call.end();
    this.#asked.delete(call.id);
    const params = { requestId: call.id, reason: typeof reason === "string" ? reason : "The client has cancelled it" };
    // The server aborts the signal of its handler.
    this.#transport.onmessage?.({ jsonrpc: "2.0", method: "notifications/cancelled", params });
  }

  // --- calls ---

  #beginAgain(id: number): void {
    const row = this.#calls.get(id);
    if (!row || this.#running.has(id) || this.#beginning.has(id)) return;
    if (!row.request || row.attempt >= maxAttempts) return this.#end(row, interrupted(row));
    this.#calls.claim(row);
    this.#beginning.add(id);
    this.#deps.run(async () => {
      try {
        await this.#connect();
        this.#run(row, undefined);
      } finally {
        this.#beginning.delete(id);
      }
    });
  }

  #run(row: CallRow, details: RequestDetails | undefined): void {
    // Answered, cancelled or begun in the meantime.
    if (!row.request || this.#running.has(row.id) || !this.#calls.get(row.id)) return;
    const { id, session, stream, clientId, request } = row;
    const { method } = request;
    const call = new Call({ row, id, session, stream, clientId, method, hold: (promise) => this.#deps.hold(promise) });
    note(request, session, this.#sessions);
    this.#give(call, request, details);
  }

  #give(call: Call, request: JSONRPCRequest, details: RequestDetails | undefined): void {
    this.#running.set(call.id, call);
    const { session, stream } = call;
    const requestInfo = { headers: details?.headers ?? {}, ...(details?.url && { url: new URL(details.url) }) };
    const extra: MessageExtraInfo = { requestInfo };
    // Older clients do not come back to a stream on which they have got nothing.
    if ((this.#sessions.get(session)?.version ?? "") >= versionWithPriming) {
      extra.closeSSEStream = () => this.#outlet.close(session, stream, closeCodes.later);
      extra.closeStandaloneSSEStream = () => this.#outlet.close(session, listening, closeCodes.later);
    }
    runInScope({ session, call }, () => this.#transport.onmessage?.({ ...request, id: call.id }, extra));
  }

  /** A request of ours, to the server. */
  #askServer(method: string, params: JSONRPCRequest["params"], details?: RequestDetails): Promise<JSONRPCResponse> {
    const id = `ask-${this.#unstored++}`;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      const extra: MessageExtraInfo = { requestInfo: { headers: details?.headers ?? {} } };
      this.#transport.onmessage?.({ jsonrpc: "2.0", id, method, ...(params && { params }) }, extra);
    });
  }

  /**
   * A request that is answered to whoever brings it, and of which nothing is stored: its caller waits, and hears it when this object is
   * killed.
   */
  answer(
    session: string,
    request: JSONRPCRequest,
    deliver: (message: JSONRPCMessage) => void,
    timeoutMs: number
  ): Promise<JSONRPCResponse> {
    const { id: clientId, method } = request;
    const id = `call-${this.#unstored++}`;
    const hold = () => {};
    const call = new Call({ row: undefined, id, session, stream: listening, clientId, method, deliver, hold });
    const over = new AbortController();
    const answered = new Promise<JSONRPCResponse>((resolve) => this.#asked.set(id, resolve));
    const tooLate = this.#deps.wait(timeoutMs, over.signal).then((): JSONRPCResponse => {
      if (!over.signal.aborted) this.#cancel(call, "It has taken too long");
      const message = `The server has not answered after ${timeoutMs / 1000} s`;
      return { jsonrpc: "2.0", id: clientId, error: { code: ErrorCode.RequestTimeout, message } };
    });
    note(request, session, this.#sessions);
    this.#give(call, request, undefined);
    return Promise.race([answered, tooLate]).finally(() => over.abort());
  }

  /** @param message nothing for one that was cancelled: nobody waits for an answer */
  #end(row: CallRow, message: JSONRPCMessage | undefined): void {
    const call = this.#running.get(row.id);
    this.#running.delete(row.id);
    call?.end();
    let hand = () => {};
    this.#deps.schema.transaction(() => {
      this.#calls.remove(row.id);
      if (message) hand = this.#outlet.write(row.session, row.stream, JSON.stringify(message));
    });
    hand();
    if (row.stream !== listening && !this.#calls.isOpen(row.session, row.stream)) {
      this.#outlet.close(row.session, row.stream, closeCodes.done);
    }
  }

  // --- from the server ---

  #send(message: JSONRPCMessage, options: TransportSendOptions | undefined): void {
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) return this.#respond(message);
    const related = options?.relatedRequestId;
    const call = related === undefined ? undefined : this.#running.get(related);
    // Its request is answered, or was cancelled.
    if (related !== undefined && !call) return;
    if (isJSONRPCRequest(message)) {
      const scope = call ?? currentScope();
      if (scope) this.#write(scope.session, call, { ...message, id: `task-${message.id}` })();
      return;
    }
    const notification = message as JSONRPCNotification;
    for (const listener of audienceOf(notification, call, currentScope(), this.#sessions)) {
      this.#write(listener.session, listener.call, notification)();
    }
  }

  #respond(answer: JSONRPCResponse): void {
    if (answer.id === undefined) return;
    const response = publicResponse(answer) as JSONRPCResponse & { id: RequestId };
    const asked = this.#asked.get(response.id);
    const call = this.#running.get(response.id);
    if (asked) {
      this.#asked.delete(response.id);
      this.#running.delete(response.id);
      call?.end();
      return asked((call ? { ...response, id: call.clientId } : response) as JSONRPCResponse);
    }
    if (!call?.row) return;
    if (call.method === "initialize") this.#agree(call.session, response);
    this.#end(call.row, { ...response, id: call.clientId } as JSONRPCMessage);
  }

  /** @returns hands the message over, when it is certain to be kept */
  #write(session: string, call: Call | undefined, message: JSONRPCMessage): () => void {
    const deliver = call?.deliver;
    if (deliver) return () => deliver(message);
    return this.#outlet.write(session, call?.stream ?? listening, JSON.stringify(message));
  }

  async #ask(request: Request, options: RequestOptions): Promise<JSONRPCResponse> {
    const scope = currentScope();
    const related = options.relatedRequestId;
    const call = related === undefined ? scope?.call : this.#running.get(related);
    const session = call?.session ?? scope?.session ?? this.session?.id;
    if (session === undefined || (related !== undefined && !call)) {
      throw new McpError(ErrorCode.ConnectionClosed, `Nobody is there to answer "${request.method}"`);
    }
    return this.#questions.ask(session, call, request, options);
  }

  // --- for callers by RPC ---

  /** The session of those who call by RPC: the object is for one of them. */
  sessionOf(caller: Caller): Session | undefined {
    return this.#sessions.of(caller);
  }

  hear(session: Session, message: JSONRPCMessage): void {
    this.#heard(session, message);
  }

  /** What a session was told while it did not listen. */
  takeUnsent(session: string): JSONRPCMessage[] {
    const events = this.#log.unsent(session, listening);
    if (events.length > 0) this.#log.markSent(session, listening);
    return events.map(({ message }) => JSON.parse(message) as JSONRPCMessage);
  }
}

/** A socket that the Worker has announced: for whom, and from where on. */
interface Opening {
  caller: Caller;
  outcome: Outcome;
  after: number | undefined;
}
