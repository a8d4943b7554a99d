import type { Connection } from "agents";
import type { ApprovalViewer, DecidedApproval } from "agents/approvals";
import { frameHandlers, hasFlag, type Capability, type CapabilityKit, type FrameHandlers } from "agents/capability";
import type { UIMessage } from "ai";
import { Branches, branchesSchema } from "./messages/branches";
import { SessionHistory } from "./messages/session-history";
import { Transcript } from "./messages/transcript";
import { conversationSchema, streamSchema } from "./schema";
import { chatClientChecks } from "./protocol/checks";
import type { ChatClientFrame, ChatOperation, ChatSyncFrame, LiveTurn } from "./protocol/frames";
import { Audience } from "./stream/audience";
import { StreamLog } from "./stream/stream-log";
import { CallAnswers } from "./tools/call-answers";
import { CallApprovals, type CallApprovalsDeps } from "./tools/call-approvals";
import { Operations, type ChatConcurrency } from "./turn/operations";
import { recoverTurns, type ChatRecovery } from "./turn/recovery";
import { RequestContext, requestContextSchema } from "./turn/request-context";
import { TurnRecords, type ChatTurn } from "./turn/turn-records";
import { Turns, type TurnDeps } from "./turn/turns";

export interface ChatDeps {
  kit: CapabilityKit;
  now(): number;
  /** How many messages are kept; `undefined` for all. */
  maxMessages(): number | undefined;
  recovery(): ChatRecovery;
  concurrency(): ChatConcurrency;
  sanitize(message: UIMessage): UIMessage;
  respond: TurnDeps["respond"];
  approvals: CallApprovalsDeps["approvals"];
  approvalOptions: CallApprovalsDeps["options"];
  approver(connection: Connection): ApprovalViewer;
}

/** While a turn runs, the instance is woken this often: if it was killed, somebody has to tell the clients. */
const leaseMs = 30_000;
const defaultPage = 100;
const maxPage = 500;
const inspectedTurns = 20;

/** What an operation asks for, as `authorize` is asked. */
const rights = {
  append: "chat-request",
  edit: "chat-request",
  regenerate: "chat-request",
  continue: "chat-request",
  delete: "chat-rewrite",
  select: "chat-rewrite",
  clear: "chat-clear"
} as const satisfies Record<ChatOperation, string>;

/** A conversation: its transcript, its turns, and the connections that follow them. */
export class Chat implements Capability {
  static readonly #frames: FrameHandlers = frameHandlers<ChatClientFrame, Chat>(chatClientChecks, {
    cf_agent_chat_operation: {
      operation: (_, { operation }) => ({ type: rights[operation] }),
      handle: (chat, connection, frame) => chat.#operations.perform(connection, frame),
      refuse: (chat, connection, { id }) => chat.#refuse(connection, id)
    },
    cf_agent_chat_sync: {
      operation: () => ({ type: "chat-resume" }),
      handle: (chat, connection, frame) => chat.#sync(connection, frame),
      refuse: (chat, connection, { type }) => chat.#refuse(connection, type)
    },
    cf_agent_chat_page: {
      operation: () => ({ type: "chat-resume" }),
      handle: (chat, connection, { id, before, limit }) =>
        chat.#audience.send(connection, {
          type: "cf_agent_chat_page",
          id,
          ...chat.#transcript.page(before, pageOf(limit))
        }),
      refuse: (chat, connection, { id }) => chat.#refuse(connection, id)
    },
    cf_agent_chat_branches: {
      operation: () => ({ type: "chat-resume" }),
      handle: (chat, connection, { id, messageId }) =>
        chat.#audience.send(connection, {
          type: "cf_agent_chat_branches",
          id,
          messages: chat.#operations.branchesOf(messageId)
        }),
      refuse: (chat, connection, { id }) => chat.#refuse(connection, id)
    },
    cf_agent_use_chat_request: {
      operation: () => ({ type: "chat-request" }),
      handle: (chat, connection, frame) => chat.#operations.request(connection, frame),
      refuse: (chat, connection, { id }) => {
        const { message } = refusalOf(connection);
        chat.#audience.send(connection, {
          type: "cf_agent_use_chat_response",
          id,
          body: message,
          done: true,
          error: true
        });
      }
    },
    cf_agent_chat_messages: {
      operation: () => ({ type: "chat-rewrite" }),
      handle: (chat, connection, { messages }) => chat.#operations.rewrite(connection, messages),
      refuse: (chat, connection, { type }) => chat.#refuse(connection, type)
    },
    cf_agent_chat_clear: {
      operation: () => ({ type: "chat-clear" }),
      handle: (chat) => chat.#operations.clear(),
      refuse: (chat, connection, { type }) => chat.#refuse(connection, type)
    },
    cf_agent_chat_request_cancel: {
      operation: (_, { id }) => ({ type: "chat-cancel", requestId: id }),
      handle: (chat, _, { id }) => chat.#cancel(id),
      refuse: (chat, connection, { id }) => chat.#refuse(connection, id)
    },
    cf_agent_stream_resume_request: {
      operation: () => ({ type: "chat-resume" }),
      handle: (chat, connection) => chat.#audience.offer(connection, true)
    },
    cf_agent_stream_resume_ack: {
      operation: () => ({ type: "chat-resume" }),
      handle: (chat, connection, { id }) => chat.#audience.resume(connection, id, () => chat.#turns.chunksAfter(0))
    },
    cf_agent_tool_result: {
      operation: (chat, { toolCallId }) => ({
        type: "tool-result",
        toolCallId,
        toolName: chat.#answers.toolOf(toolCallId)
      }),
      handle: (chat, connection, frame) => chat.#answers.result(connection, frame),
      refuse: (chat, connection, { toolCallId }) => chat.#refuse(connection, toolCallId)
    },
    cf_agent_tool_approval: {
      operation: (chat, { toolCallId, approved }) => ({
        type: "tool-approval",
        toolCallId,
        toolName: chat.#answers.toolOf(toolCallId),
        approved
      }),
      handle: (chat, connection, frame) => chat.#answers.approval(connection, frame),
      refuse: (chat, connection, { toolCallId }) => chat.#refuse(connection, toolCallId)
    }
  });

  readonly name = "chat";
  readonly frames = Chat.#frames;
  readonly #deps: ChatDeps;
  readonly #transcript: Transcript;
  readonly #records: TurnRecords;
  readonly #log: StreamLog;
  readonly #audience: Audience;
  readonly #turns: Turns;
  readonly #operations: Operations;
  readonly #answers: CallAnswers;
  readonly #approvals: CallApprovals;
  /** Whether an older release wrote the stream log, and nobody has looked at it since. */
  readonly #isInherited: () => boolean;
  #isRecovered = false;
  #leaseUntilMs = 0;

  constructor(deps: ChatDeps) {
    const { kit, now } = deps;
    this.#deps = deps;
    const conversation = kit.schema("chat-messages", conversationSchema);
    // They are there once somebody has asked for an approval: only then is anything done about them.
    const approvalRows = kit.schema("approvals", { tables: [], migrations: [] });
    const approvals = (this.#approvals = new CallApprovals({
      approvals: deps.approvals,
      exists() {
        return approvalRows.exists;
      },
      options: deps.approvalOptions,
      turnOf: (messageId) => (this.#turns.live?.messageId === messageId ? this.#turns.live.id : undefined),
      isMarked() {
        return conversation.isMarked;
      },
      mark(marked) {
        conversation.mark(marked);
      },
      failed: kit.failed
    }));
    const transcript = new Transcript(conversation, new SessionHistory(kit), now, deps.maxMessages, {
      storing(message) {
        return approvals.storing(deps.sanitize(message));
      },
      stored(gone, replaced, dropped) {
        approvals.stored(gone, replaced);
        branches.dropped(dropped);
      },
      cleared() {
        approvals.cleared();
      }
    });
    const logSchema = kit.schema("chat-stream", streamSchema);
    // Without tables to inherit, a schema exists once it has a version.
    const versioned = kit.schema("chat-stream", { tables: [], migrations: [] });
    this.#isInherited = () => logSchema.exists && !versioned.exists;
    const context = new RequestContext(kit.schema("chat-context", requestContextSchema));
    const branches = new Branches(kit.schema("chat-branches", branchesSchema));
    const records = (this.#records = new TurnRecords(conversation));
    const log = (this.#log = new StreamLog(logSchema, now));
    const { connections, emit, failed } = kit;
    const audience = (this.#audience = new Audience({ connections, transcript, live: () => this.#turns.live }));
    this.#transcript = transcript;
    this.#turns = new Turns({
      transcript,
      log,
      records,
      audience,
      now,
      emit,
      failed,
      respond: deps.respond,
      keepAlive: kit.keepAlive,
      changed: () => this.#renewLease(),
      ended: (messageId) => this.#answers.goOn(messageId)
    });
    const turns = this.#turns;
    const { concurrency, sanitize } = deps;
    this.#operations = new Operations({
      transcript,
      branches,
      turns,
      records,
      context,
      audience,
      concurrency,
      sanitize,
      now,
      emit,
      failed
    });
    this.#answers = new CallAnswers({
      transcript,
      turns,
      operations: this.#operations,
      context,
      audience,
      approvals,
      approver: deps.approver,
      emit,
      failed
    });
  }

  /** The conversation, without questions whose turn has not come. */
  get messages(): UIMessage[] {
    return this.#turns.messages;
  }

  // --- for the agent ---

  /** Adds and replaces messages, and tells all clients. */
  persist(messages: readonly UIMessage[]): void {
    this.#audience.changed(this.#transcript.change({ removed: [], upserted: this.#transcript.changed(messages) }));
  }

  /** Adds and replaces messages, then runs a turn that answers them. Who is in a turn does not wait for it. */
  async save(messages: readonly UIMessage[]): Promise<void> {
    const { isInside } = this.#turns;
    const running = this.#operations.save(messages).run();
    if (!isInside) await running;
  }

  /** Ends all turns; nothing that they said is kept. */
  abort(): void {
    this.#turns.all.abort();
  }

  turnRecords(limit: number, before: string | undefined): ChatTurn[] {
    return this.#records.list(limit, before);
  }

  branchesOf(messageId: string): UIMessage[] {
    return this.#operations.branchesOf(messageId);
  }

  selectBranch(messageId: string): void {
    this.#operations.select(messageId);
  }

  /** Somebody has decided about a call, or nobody has in time. */
  decided(approval: DecidedApproval): void {
    this.#answers.decided(approval);
  }

  // --- for the host ---

  onStart(): Promise<void> | undefined {
    // A turn that had a wake in an earlier life, and is not under way in this one, was cut. An older release sets no wake.
    const wasCut = this.#deps.kit.wake() !== undefined || this.#isInherited();
    return wasCut && !this.#isRecovered ? this.#recover() : undefined;
  }

  async #recover(): Promise<void> {
    const { kit, now, recovery } = this.#deps;
    this.#isRecovered = true;
    await this.#approvals.early(() =>
      recoverTurns({
        transcript: this.#transcript,
        log: this.#log,
        records: this.#records,
        audience: this.#audience,
        turns: this.#turns,
        recovery,
        now,
        failed: kit.failed
      })
    );
    this.#renewLease();
  }

  onStarted(): void {
    this.#turns.start();
    this.#answers.started();
  }

  onAccept(connection: Connection): void {
    if (hasFlag(connection, "protocolDisabled")) return;
    if (hasFlag(connection, "extended")) this.#audience.headTo(connection);
    else this.#audience.offer(connection, false);
  }

  onClose(connection: Connection): void {
    this.#audience.forget(connection);
  }

  onRequest(request: Request): Response | undefined {
    if (request.method !== "GET") return undefined;
    const { pathname, searchParams } = new URL(request.url);
    if (!pathname.endsWith("/get-messages")) return undefined;
    const [limit, before] = [searchParams.get("limit"), searchParams.get("before")];
    if (limit === null && before === null) return Response.json(this.#transcript.messages);
    const wanted = limit === null ? undefined : Number(limit);
    if (wanted !== undefined && !(Number.isSafeInteger(wanted) && wanted > 0)) {
      return new Response("limit is a whole number from 1", { status: 400 });
    }
    return Response.json(this.#transcript.page(before ?? undefined, pageOf(wanted)).messages);
  }

  inspect(): { turns: { live: LiveTurn | undefined; recent: ChatTurn[] } } {
    return { turns: { live: this.#turns.live, recent: this.#records.list(inspectedTurns, undefined) } };
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

  #cancel(id: string): void {
    this.#deps.kit.emit("message:cancel", () => ({ requestId: id }));
    this.#turns.cancel(id);
  }

  /** What the client does not have: messages, then the chunks of what is being said. */
  #sync(connection: Connection, { epoch, revision, turnId, seq = 0, limit }: ChatSyncFrame): void {
    const turn = this.#turns.live;
    const known = { ...(epoch !== undefined && { epoch }), ...(revision !== undefined && { revision }) };
    const { before, ...since } = this.#transcript.since(known, pageOf(limit));
    const { messages, reset, removed, hasMore } = since;
    this.#audience.send(connection, {
      type: "cf_agent_chat_snapshot",
      epoch: since.epoch,
      revision: since.revision,
      messages,
      ...(turn && { turn }),
      ...(reset ? { reset, hasMore } : { removed, after: afterOf(messages, before) })
    });
    const spoken = this.#turns.liveTurn;
    if (turn && spoken) {
      const heard = turnId === turn.id && seq <= turn.seq ? seq : 0;
      this.#audience.chunksTo(connection, spoken, this.#turns.chunksAfter(heard));
    }
    // It ended while the client was away.
    if (turnId !== undefined && turnId !== turn?.id && epoch === since.epoch) {
      this.#operations.tellEnd(connection, turnId);
    }
  }

  /** Tells a client of the extensions that it may not do this. Others know no such answer. */
  #refuse(connection: Connection, id: string): void {
    if (hasFlag(connection, "extended"))
      this.#audience.send(connection, { type: "cf_agent_chat_refused", id, ...refusalOf(connection) });
  }
}

const pageOf = (limit = defaultPage): number => Math.min(Math.max(limit, 1), maxPage);

/** What each of these messages, which are the last, comes after. */
function afterOf(messages: readonly UIMessage[], before: string | undefined): Record<string, string | null> {
  const after: Record<string, string | null> = {};
  messages.slice(0, -1).forEach(({ id }, index) => {
    after[id] = (index === 0 ? before : messages[index - 1]!.id) ?? null;
  });
  return after;
}

/** In the words of the protocol. */
const refusalOf = (connection: Connection): { code: string; message: string } =>
  hasFlag(connection, "readonly")
    ? { code: "CONNECTION_READONLY", message: "Connection is readonly" }
    : { code: "CHAT_REFUSED", message: "Not allowed" };
