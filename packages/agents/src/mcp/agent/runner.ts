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
import { endedCall, failureOf } from "../http/ended-call";
import { publicResponse, responseIn, responseText } from "../http/public-response";
import { audienceOf, note } from "./audience";
import type { CallRow, Calls } from "./calls";
import { listening, type Outlet } from "./outlet";
import { Questions } from "./questions";
import { interrupted, maxAttempts, mayRepeat } from "./recovery";
import { Call, currentScope, runInScope } from "./scope";
import type { Session, Sessions } from "./sessions";
import { closeCodes, versionWithPriming, type RequestDetails } from "./wire";

export interface RunnerDeps {
  readonly sessions: Sessions;
  readonly calls: Calls;
  readonly outlet: Outlet;
  /** Several writes, together or not at all. */
  transaction<Result>(run: () => Result): Result;
  now(): number;
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
  emit(type: string, payload: () => Record<string, unknown>): void;
  /** Keeps the object in memory until the promise settles. */
  hold(promise: Promise<void>): void;
  /** Runs code of the agent that nobody called, when its server is connected. */
  run(run: () => Promise<void>): void;
  /** The program ends a session, or all that there are. */
  end(session: string | undefined): void;
}

/**
 * The transport of the server, and what runs in it: requests come in under ids of our own, and what goes out finds its stream by them.
 */
export class Runner {
  readonly transport: Transport;
  readonly #deps: RunnerDeps;
  readonly #questions: Questions;
  readonly #running = new Map<RequestId, Call>();
  readonly #beginning = new Set<number>();
  readonly #asked = new Map<RequestId, (response: JSONRPCResponse) => void>();
  /** What is being answered in this life, and since when. */
  readonly #begun = new WeakMap<Call, { request: JSONRPCRequest; startedMs: number }>();
  #unstored = 0;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    this.#questions = new Questions({
      calls: deps.calls,
      transaction: (run) => deps.transaction(run),
      write: (session, call, message) => this.#write(session, call, message),
      wait: (delayMs, signal) => deps.wait(delayMs, signal)
    });
    const currentSession = () => this.session?.id;
    this.transport = {
      start: async () => {},
      // The server stays connected: it has other clients, and will have some.
      close: async () => deps.end(currentScope()?.session),
      send: async (message, options) => this.#send(message, options),
      get sessionId() {
        return currentSession();
      }
    };
  }

  /** The session for which the running code works; else the only one, if there are not several. */
  get session(): Session | undefined {
    const scope = currentScope();
    if (scope) return this.#deps.sessions.get(scope.session);
    const all = this.#deps.sessions.all();
    return all.length === 1 ? all[0] : undefined;
  }

  // --- from clients ---

  /** What is no request. */
  hear(session: Session, message: JSONRPCMessage): void {
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) return this.#answered(session, message);
    const notification = message as JSONRPCNotification;
    if (notification.method === "notifications/cancelled") return this.#cancelled(session, notification);
    if (notification.method === "notifications/progress") {
      const progress = ProgressNotificationSchema.safeParse(notification);
      if (progress.success) this.#questions.progressed(session.id, progress.data);
      return;
    }
    runInScope({ session: session.id }, () => this.transport.onmessage?.(notification));
  }

  #answered(session: Session, response: JSONRPCResponse): void {
    const [, ofSdk] = /^task-(\d+)$/.exec(String(response.id)) ?? [];
    if (ofSdk !== undefined) {
      const message = { ...response, id: Number(ofSdk) } as JSONRPCMessage;
      return runInScope({ session: session.id }, () => this.transport.onmessage?.(message));
    }
    const waiting = this.#questions.answered(session.id, response);
    if (waiting === undefined) return;
    if (this.#deps.calls.waits(waiting).every(({ answer }) => answer !== null)) this.#beginAgain(waiting);
  }

  #cancelled(session: Session, { params }: JSONRPCNotification): void {
    const id = params?.requestId;
    for (const row of this.#deps.calls.ofSession(session.id)) {
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
    this.transport.onmessage?.({ jsonrpc: "2.0", method: "notifications/cancelled", params });
  }

  /** The session is over. */
  forget(session: string): void {
    for (const call of this.#running.values()) {
      if (call.session !== session) continue;
      const asked = this.#asked.get(call.id);
      this.#cancel(call);
      const error = { code: ErrorCode.ConnectionClosed, message: "The session has ended" };
      asked?.({ jsonrpc: "2.0", id: call.clientId, error });
    }
    this.#questions.forget(session);
  }

  // --- calls ---

  /** Calls of an earlier life have nobody who works on them. */
  async recover(left: readonly CallRow[]): Promise<void> {
    for (const row of left) {
      const waits = this.#deps.calls.waits(row.id);
      // It goes on when all that it has asked for is there.
      if (waits.some(({ answer }) => answer === null)) continue;
      if (waits.length > 0 || (await mayRepeat(row, (method, params) => this.askServer(method, params))))
        this.#beginAgain(row.id);
      else this.#end(row, interrupted(row));
    }
  }

  #beginAgain(id: number): void {
    const row = this.#deps.calls.get(id);
    if (!row || this.#running.has(id) || this.#beginning.has(id)) return;
    if (!row.request || row.attempt >= maxAttempts) return this.#end(row, interrupted(row));
    this.#deps.calls.claim(row);
    this.#beginning.add(id);
    this.#deps.run(async () => {
      try {
        // It may have been cancelled in the meantime.
        if (this.#deps.calls.get(id)) this.run(row, undefined);
      } finally {
        this.#beginning.delete(id);
      }
    });
  }

  /** Begins a call that was taken down just now, or is there since an earlier life. */
  run(row: CallRow, details: RequestDetails | undefined): void {
    if (!row.request) return;
    const { id, session, stream, clientId, request } = row;
    const { method } = request;
    const call = new Call({ row, id, session, stream, clientId, method, hold: (promise) => this.#deps.hold(promise) });
    note(request, session, this.#deps.sessions);
    this.#give(call, request, details);
  }

  #give(call: Call, request: JSONRPCRequest, details: RequestDetails | undefined): void {
    this.#running.set(call.id, call);
    this.#begun.set(call, { request, startedMs: this.#deps.now() });
    const { session, stream } = call;
    const requestInfo = { headers: details?.headers ?? {}, ...(details?.url && { url: new URL(details.url) }) };
    const extra: MessageExtraInfo = { requestInfo };
    // Older clients do not come back to a stream on which they have got nothing.
    if ((this.#deps.sessions.get(session)?.version ?? "") >= versionWithPriming) {
      extra.closeSSEStream = () => this.#deps.outlet.close(session, stream, closeCodes.later);
      extra.closeStandaloneSSEStream = () => this.#deps.outlet.close(session, listening, closeCodes.later);
    }
    runInScope({ session, call }, () => this.transport.onmessage?.({ ...request, id: call.id }, extra));
  }

  /** A request of ours, to the server. */
  askServer(method: string, params: JSONRPCRequest["params"], details?: RequestDetails): Promise<JSONRPCResponse> {
    const id = `ask-${this.#unstored++}`;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      const extra: MessageExtraInfo = { requestInfo: { headers: details?.headers ?? {} } };
      this.transport.onmessage?.({ jsonrpc: "2.0", id, method, ...(params && { params }) }, extra);
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
    note(request, session, this.#deps.sessions);
    this.#give(call, request, undefined);
    return Promise.race([answered, tooLate]).finally(() => over.abort());
  }

  /** @param message nothing for one that was cancelled: nobody waits for an answer */
  #end(row: CallRow, message: JSONRPCResponse | undefined): void {
    const call = this.#running.get(row.id);
    this.#running.delete(row.id);
    call?.end();
    let hand = () => {};
    this.#deps.transaction(() => {
      this.#deps.calls.remove(row.id, row.attempt > 1 || (call?.hasAsked ?? true));
      if (message) hand = this.#deps.outlet.write(row.session, row.stream, responseText(message));
    });
    hand();
    if (row.stream !== listening && !this.#deps.calls.isOpen(row.session, row.stream)) {
      this.#deps.outlet.close(row.session, row.stream, closeCodes.done);
    }
  }

  // --- from the server ---

  #send(message: JSONRPCMessage, options: TransportSendOptions | undefined): void {
    const response = responseIn(message);
    if (response) return this.#respond(response);
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
    for (const listener of audienceOf(notification, call, currentScope(), this.#deps.sessions)) {
      this.#write(listener.session, listener.call, notification)();
    }
  }

  #respond(answer: JSONRPCResponse): void {
    if (answer.id === undefined) return;
    const response = publicResponse(answer) as JSONRPCResponse & { id: RequestId };
    const asked = this.#asked.get(response.id);
    const call = this.#running.get(response.id);
    if (call) this.#tell(call, response);
    if (asked) {
      this.#asked.delete(response.id);
      this.#running.delete(response.id);
      call?.end();
      return asked((call ? { ...response, id: call.clientId } : response) as JSONRPCResponse);
    }
    if (!call?.row) return;
    if (call.method === "initialize") this.#deps.sessions.agree(call.session, response);
    this.#end(call.row, { ...response, id: call.clientId } as JSONRPCResponse);
  }

  #tell(call: Call, response: JSONRPCResponse): void {
    const begun = this.#begun.get(call);
    if (!begun) return;
    const { request, startedMs } = begun;
    const failed = "error" in response ? response.error.message : failureOf(response.result);
    this.#deps.emit("mcp:server:call", () => ({ ...endedCall(request, startedMs, failed), sessionId: call.session }));
  }

  /** @returns hands the message over, when it is certain to be kept */
  #write(session: string, call: Call | undefined, message: JSONRPCMessage): () => void {
    const deliver = call?.deliver;
    if (deliver) return () => deliver(message);
    return this.#deps.outlet.write(session, call?.stream ?? listening, JSON.stringify(message));
  }

  /** Asks a client. */
  async ask(request: Request, options: RequestOptions): Promise<JSONRPCResponse> {
    const scope = currentScope();
    const related = options.relatedRequestId;
    const call = related === undefined ? scope?.call : this.#running.get(related);
    const session = call?.session ?? scope?.session ?? this.session?.id;
    if (session === undefined || (related !== undefined && !call)) {
      throw new McpError(ErrorCode.ConnectionClosed, `Nobody is there to answer "${request.method}"`);
    }
    return this.#questions.ask(session, call, request, options);
  }
}
