import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type JSONRPCResponse
} from "@modelcontextprotocol/sdk/types.js";
import type { Capability } from "../../core/capability";
import type { Schema } from "../../core/meta";
import { Calls, type CallRow } from "./calls";
import { EventLog } from "./event-log";
import { listening, Outlet, type OutletDeps } from "./outlet";
import { Runner } from "./runner";
import { runInScope } from "./scope";
import { adapt } from "./server";
import { Sessions, type Session } from "./sessions";
import { Tickets } from "./tickets";
import { closeCodes, readEventId, type Caller, type Command, type Outcome } from "./wire";

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
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): void;
  /** A session is over, and perhaps the object with it. */
  ended(session: string): void;
}

// The only versions with batches; later ones have forbidden them again. Versions are dates.
const lastVersionWithBatches = "2025-03-26";

/** One server of the SDK, its clients and their sessions: what the Worker asks of the object, and when its server is made. */
export class Hub implements Capability {
  readonly name = "mcp-server";
  readonly #deps: HubDeps;
  readonly #sessions: Sessions;
  readonly #calls: Calls;
  readonly #log: EventLog;
  readonly #outlet: Outlet;
  readonly #runner: Runner;
  readonly #tickets: Tickets<Opening>;
  #ready: Promise<Server> | undefined;

  constructor(deps: HubDeps) {
    this.#deps = deps;
    const { schema } = deps;
    const now = () => deps.now();
    const wait: HubDeps["wait"] = (delayMs, signal) => deps.wait(delayMs, signal);
    this.#sessions = new Sessions({ schema, now });
    this.#calls = new Calls(schema);
    this.#log = new EventLog({ schema, now });
    this.#outlet = new Outlet({ log: this.#log, sockets: deps.sockets });
    this.#tickets = new Tickets(wait);
    this.#runner = new Runner({
      sessions: this.#sessions,
      calls: this.#calls,
      outlet: this.#outlet,
      transaction: (run) => schema.transaction(run),
      now,
      wait,
      emit: (type, payload) => deps.emit(type, payload),
      hold: (promise) => deps.hold(promise),
      run: (run) => deps.run(() => this.#connect().then(run)),
      end: (session) => {
        const ids = session === undefined ? this.#sessions.all().map(({ id }) => id) : [session];
        for (const id of ids) this.#forget(id);
      }
    });
  }

  /** The session for which the running code works; else the only one, if there are not several. */
  get session(): Session | undefined {
    return this.#runner.session;
  }

  // --- life ---

  onStart(): Promise<void> | undefined {
    if (!this.#deps.schema.exists) return undefined;
    this.#log.trim();
    for (const id of this.#sessions.idle()) this.#forget(id);
    // What it throws, the next client is told.
    return this.#connect().then(
      () => undefined,
      (error: unknown) => this.#deps.failed(error)
    );
  }

  onStarted(): void {
    const left = this.#calls.all();
    if (left.length > 0) this.#deps.run(() => this.#connect().then(() => this.#runner.recover(left)));
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
    adapt(server, { session: () => this.session, ask: (request, options) => this.#runner.ask(request, options) });
    await server.connect(this.#runner.transport);
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
        return this.#runner.askServer("initialize", command.initialize.params, command.request);
      });
      this.#sessions.agree(command.session, answer);
      if (isJSONRPCErrorResponse(answer)) this.#over(command.session);
      return { type: "answered", message: { ...answer, id: command.initialize.id } as JSONRPCMessage };
    } catch (error) {
      this.#over(command.session);
      throw error;
    }
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
    for (const message of command.messages) if (!isJSONRPCRequest(message)) this.#runner.hear(session, message);
    if (requests.length === 0) return { type: "accepted" };
    const rows = this.#takeDown(session, requests);
    const stream = rows[0]!.stream;
    if (command.ticket !== undefined) this.#outlet.expect(session.id, stream);
    for (const row of rows) this.#runner.run(row, command.request);
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
    this.#over(command.session);
    return { type: "accepted" };
  }

  /** Nobody comes for it again. */
  #over(session: string): void {
    this.#forget(session);
    this.#deps.ended(session);
  }

  #forget(session: string): void {
    this.#outlet.end(session);
    this.#runner.forget(session);
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
    this.#over(session);
  }

  // --- for callers by RPC ---

  /** The session of those who call by RPC: the object is for one of them. */
  sessionOf(caller: Caller): Session | undefined {
    return this.#sessions.of(caller);
  }

  /**
   * A request that is answered to whoever brings it, and of which nothing is stored: its caller waits, and hears it when this object is
   * killed.
   */
  answer(...call: Parameters<Runner["answer"]>): Promise<JSONRPCResponse> {
    return this.#runner.answer(...call);
  }

  hear(session: Session, message: JSONRPCMessage): void {
    this.#runner.hear(session, message);
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
