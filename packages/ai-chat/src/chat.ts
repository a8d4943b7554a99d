import type { Connection } from "agents";
import {
  frameHandlers,
  hasFlag,
  publicMessage,
  send,
  type Capability,
  type CapabilityKit,
  type FrameHandlers
} from "agents/capability";
import type { UIMessage } from "ai";
import { reconcileList, reconcileRequest, type Changes } from "./messages/reconcile";
import { closeOpenCalls, isOpenCall } from "./messages/settle";
import { SessionHistory } from "./messages/session-history";
import { Transcript, transcriptSchema } from "./messages/transcript";
import { chatClientChecks, parseRequestBody } from "./protocol/checks";
import type {
  ChatClientFrame,
  ChatRequestFrame,
  ChatServerFrame,
  ClientToolSchema,
  ToolApprovalFrame,
  ToolResultFrame
} from "./protocol/frames";
import { StreamLog, streamLogSchema } from "./stream/stream-log";
import { isAnswered, messageWithCall, toolOfCall, withApproval, withToolResult } from "./tools/answer-call";
import { RequestContext, requestContextSchema } from "./turn/request-context";
import { Turns, type TurnRequest } from "./turn/turns";

export interface ChatDeps {
  kit: CapabilityKit;
  now(): number;
  /** How many messages are kept; `undefined` for all. */
  maxMessages(): number | undefined;
  respond(request: TurnRequest, signal: AbortSignal): Promise<Response | undefined>;
}

const readonlyText = "Connection is readonly";
/** While a turn runs, the instance is woken this often: if it was killed, somebody has to tell the clients. */
const leaseMs = 30_000;

/** A conversation: its transcript, its turns, and the connections that follow them. */
export class Chat implements Capability {
  static readonly #frames: FrameHandlers = frameHandlers<ChatClientFrame, Chat>(chatClientChecks, {
    cf_agent_use_chat_request: {
      operation: () => ({ type: "chat-request" }),
      handle: (chat, connection, frame) => chat.#request(connection, frame),
      refuse: (chat, connection, { id }) => chat.#refuse(connection, id, readonlyText)
    },
    cf_agent_chat_messages: {
      operation: () => ({ type: "chat-rewrite" }),
      handle: (chat, connection, { messages }) => chat.#rewrite(connection, messages)
    },
    cf_agent_chat_clear: { operation: () => ({ type: "chat-clear" }), handle: (chat) => chat.#clear() },
    cf_agent_chat_request_cancel: {
      operation: (_, { id }) => ({ type: "chat-cancel", requestId: id }),
      handle: (chat, _, { id }) => chat.#cancel(id)
    },
    cf_agent_stream_resume_request: {
      operation: () => ({ type: "chat-resume" }),
      handle: (chat, connection) => chat.#offerResume(connection, true)
    },
    cf_agent_stream_resume_ack: {
      operation: () => ({ type: "chat-resume" }),
      handle: (chat, connection, { id }) => chat.#resume(connection, id)
    },
    cf_agent_tool_result: {
      operation: (chat, { toolCallId }) => ({ type: "tool-result", toolCallId, toolName: chat.#toolOf(toolCallId) }),
      handle: (chat, connection, frame) => chat.#toolResult(connection, frame)
    },
    cf_agent_tool_approval: {
      operation: (chat, { toolCallId, approved }) => ({
        type: "tool-approval",
        toolCallId,
        toolName: chat.#toolOf(toolCallId),
        approved
      }),
      handle: (chat, connection, frame) => chat.#toolApproval(connection, frame)
    }
  });

  readonly name = "chat";
  readonly frames = Chat.#frames;
  readonly #deps: ChatDeps;
  readonly #transcript: Transcript;
  readonly #context: RequestContext;
  readonly #turns: Turns;
  /** Whether an older release wrote the stream log, and nobody has looked at it since. */
  readonly #isInherited: () => boolean;
  /** Connections that were offered the stream and have not asked for it yet: they get no chunks. A reconnecting client keeps its id. */
  readonly #offered = new Set<Connection>();
  #leaseUntilMs = 0;

  constructor(deps: ChatDeps) {
    const { kit, now } = deps;
    this.#deps = deps;
    const messages = kit.schema("chat-messages", transcriptSchema);
    this.#transcript = new Transcript(messages, new SessionHistory(kit), now, deps.maxMessages);
    const logSchema = kit.schema("chat-stream", streamLogSchema);
    // Without tables to inherit, a schema exists once it has a version.
    const versioned = kit.schema("chat-stream", { tables: [], migrations: [] });
    this.#isInherited = () => logSchema.exists && !versioned.exists;
    this.#context = new RequestContext(kit.schema("chat-context", requestContextSchema));
    this.#turns = new Turns({
      transcript: this.#transcript,
      log: new StreamLog(logSchema, now),
      respond: deps.respond,
      broadcast: (frame) => this.#broadcast(frame, (connection) => this.#offered.has(connection)),
      broadcastMessages: (source) => {
        this.#offered.clear();
        this.#broadcastMessages(source);
      },
      emit: kit.emit,
      failed: kit.failed,
      changed: () => this.#renewLease()
    });
  }

  /** The conversation, without questions whose turn has not come. */
  get messages(): UIMessage[] {
    return this.#turns.messages;
  }

  // --- for the agent ---

  /** Adds and replaces messages, and tells all clients. */
  persist(messages: readonly UIMessage[]): void {
    this.#transcript.change({ removed: [], upserted: this.#transcript.changed(messages) });
    this.#broadcastMessages(undefined);
  }

  /** Adds and replaces messages, then runs a turn that answers them. */
  save(messages: readonly UIMessage[]): Promise<void> {
    const { body, clientTools } = this.#context.last;
    const request: TurnRequest = { requestId: crypto.randomUUID(), body, clientTools };
    const { last } = this.#transcript;
    const all = last && !messages.some(({ id }) => id === last.id) ? [last, ...messages] : messages;
    const settled = all.map((message, index) =>
      index < all.length - 1 && !this.#turns.isBusy ? closeOpenCalls(message) : message
    );
    const changes: Changes = { removed: [], upserted: this.#transcript.changed(settled) };
    const run = this.#turns.accept(request, (begin) => this.#transcript.change(changes, begin));
    this.#broadcastMessages(undefined);
    return run();
  }

  // --- for the host ---

  async onStart(): Promise<void> {
    // A turn that had a wake in an earlier life, and is not under way in this one, was cut. An older release sets no wake.
    if (this.#deps.kit.wake() === undefined && !this.#isInherited()) return;
    await this.#turns.recover();
    this.#deps.kit.changed();
  }

  onAccept(connection: Connection): void {
    if (!hasFlag(connection, "protocolDisabled")) this.#offerResume(connection, false);
  }

  onClose(connection: Connection): void {
    this.#offered.delete(connection);
  }

  onRequest(request: Request): Response | undefined {
    if (request.method !== "GET" || !new URL(request.url).pathname.endsWith("/get-messages")) return undefined;
    return Response.json(this.#transcript.messages);
  }

  nextWake(): number | undefined {
    return this.#turns.isBusy ? this.#leaseUntilMs : undefined;
  }

  onWake(): void {
    this.#leaseUntilMs = this.#deps.now() + leaseMs;
  }

  #renewLease(): void {
    if (this.#leaseUntilMs <= this.#deps.now()) this.#leaseUntilMs = this.#deps.now() + leaseMs;
    this.#deps.kit.changed();
  }

  // --- frames ---

  async #request(connection: Connection, { id, init }: ChatRequestFrame): Promise<void> {
    // Sent twice, after a reconnect: it is being answered, and can be resumed.
    if (this.#turns.has(id)) return;
    const parsed = parseRequestBody(init.body);
    if (!parsed) return this.#refuse(connection, id, "The chat request has no valid list of messages");
    const { messages, trigger = "submit-message", messageId: _, clientTools, ...body } = parsed;
    this.#deps.kit.emit("message:request", () => ({}));
    const changes = reconcileRequest(this.#transcript.messages, messages, trigger);
    // What is being said answers something that is gone.
    const instead = changes.removed.length > 0 || trigger === "regenerate-message";
    const { last } = this.#transcript;
    // The client asks for more of what was said last: it appends to that message.
    const continues =
      last?.role === "assistant" && messages.at(-1)?.id === last.id && trigger === "submit-message"
        ? last.id
        : undefined;
    if (last && !changes.removed.includes(last.id) && !this.#turns.isBusy) {
      // An approved call runs when its message goes on.
      const closed = closeOpenCalls(last, continues ? isOpenCall : undefined);
      if (closed !== last) changes.upserted.unshift(closed);
    }
    const request: TurnRequest = { requestId: id, source: connection, continues, body, clientTools };
    let run: () => Promise<void>;
    try {
      const store = (begin: () => void) =>
        this.#transcript.change(changes, () => {
          begin();
          this.#context.remember(body, clientTools);
        });
      run = this.#turns.accept(request, store, instead);
    } catch (error) {
      // Nothing was stored, and the client must not wait for an answer.
      this.#context.forget();
      await this.#deps.kit.failed(error);
      return this.#refuse(connection, id, publicMessage(error));
    }
    this.#broadcastMessages(connection);
    await run();
  }

  #rewrite(connection: Connection, messages: UIMessage[]): void {
    const changes = reconcileList(this.#transcript.messages, messages);
    const asked = this.#transcript.messages.findLast(({ role }) => role === "user");
    this.#transcript.change(changes);
    // What is being said answers something that is gone.
    if (asked && changes.removed.includes(asked.id)) this.#turns.discard();
    this.#broadcastMessages(connection);
  }

  #clear(): void {
    this.#deps.kit.emit("message:clear", () => ({}));
    this.#turns.discard();
    this.#transcript.clear();
    this.#context.clear();
    // To the source as well: a list that was on its way when it cleared must not be what it has in the end.
    this.#broadcast({ type: "cf_agent_chat_clear" });
  }

  #cancel(requestId: string): void {
    this.#deps.kit.emit("message:cancel", () => ({ requestId }));
    this.#turns.cancel(requestId);
  }

  #offerResume(connection: Connection, asked: boolean): void {
    const { live } = this.#turns;
    if (live) {
      this.#offered.add(connection);
      this.#send(connection, { type: "cf_agent_stream_resuming", id: live.requestId });
    } else if (asked) {
      this.#send(connection, { type: "cf_agent_stream_resume_none" });
    }
  }

  /** Everything so far, then live chunks: no chunk can come between, since nothing here waits. */
  #resume(connection: Connection, requestId: string): void {
    const { live } = this.#turns;
    const frame = { type: "cf_agent_use_chat_response", id: requestId, replay: true } as const;
    if (live?.requestId !== requestId) {
      // It ended while the client was asking: the transcript has it all.
      this.#send(connection, { type: "cf_agent_chat_messages", messages: this.#transcript.messages });
      this.#send(connection, { ...frame, body: "", done: true });
      return;
    }
    this.#offered.delete(connection);
    const continuation = live.continues === undefined ? {} : { continuation: true };
    for (const body of this.#turns.replay()) this.#send(connection, { ...frame, ...continuation, body, done: false });
    this.#send(connection, { ...frame, ...continuation, body: "", done: false, replayComplete: true });
  }

  async #toolResult(connection: Connection, frame: ToolResultFrame): Promise<void> {
    const { toolCallId, toolName, clientTools } = frame;
    this.#deps.kit.emit("tool:result", () => ({ toolCallId, toolName }));
    await this.#answerCall(connection, frame, (message) => withToolResult(message, frame), clientTools);
  }

  async #toolApproval(connection: Connection, frame: ToolApprovalFrame): Promise<void> {
    const { toolCallId, approved } = frame;
    this.#deps.kit.emit("tool:approval", () => ({ toolCallId, approved }));
    await this.#answerCall(connection, frame, (message) => withApproval(message, frame));
  }

  async #answerCall(
    connection: Connection,
    { toolCallId, autoContinue }: { toolCallId: string; autoContinue?: boolean },
    answer: (message: UIMessage) => UIMessage | undefined,
    clientTools?: ClientToolSchema[]
  ): Promise<void> {
    // What nobody has said is no call, though one of this id may come: whether it may be answered was asked without it.
    if (this.#toolOf(toolCallId) === "") return;
    // The call may be part of what is being said: when that is over, it is stored, and it shows whether the server ran it.
    if (!messageWithCall(this.#transcript.messages, toolCallId)) await this.#turns.settled;
    const message = messageWithCall(this.#transcript.messages, toolCallId);
    const answered = message && answer(message);
    if (!answered) return;
    const { last } = this.#context;
    const request: TurnRequest = {
      requestId: crypto.randomUUID(),
      source: connection,
      continues: answered.id,
      body: last.body,
      clientTools: clientTools ?? last.clientTools
    };
    const store = (alongside?: () => void) => this.#transcript.change({ removed: [], upserted: [answered] }, alongside);
    // One continuation for all results: the last of them starts it.
    const goesOn = autoContinue === true && isAnswered(answered) && answered.id === this.#transcript.last?.id;
    const run = goesOn ? this.#turns.accept(request, store) : store();
    this.#broadcast({ type: "cf_agent_message_updated", message: answered });
    await run?.();
  }

  /** What the conversation says, not what a client says of it: programs decide by it who may answer. */
  #toolOf(toolCallId: string): string {
    const { said } = this.#turns;
    return toolOfCall(said ? [...this.#transcript.messages, said] : this.#transcript.messages, toolCallId);
  }

  // --- sending ---

  #refuse(connection: Connection, id: string, message: string): void {
    this.#send(connection, { type: "cf_agent_use_chat_response", id, body: message, done: true, error: true });
  }

  #broadcastMessages(source: Connection | undefined): void {
    this.#broadcast(
      { type: "cf_agent_chat_messages", messages: this.#transcript.messages },
      (connection) => connection === source
    );
  }

  #broadcast(frame: ChatServerFrame, except?: (connection: Connection) => boolean): void {
    this.#deps.kit.connections.broadcastFrame(JSON.stringify(frame), except);
  }

  #send(connection: Connection, frame: ChatServerFrame): void {
    send(connection, JSON.stringify(frame));
  }
}
