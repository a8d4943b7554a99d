import type { UIMessage, UIMessageChunk } from "ai";
import { MessageBuilder } from "../messages/message-builder";
import { isOpenCall } from "../messages/settle";
import type { ChatClientFrame, ChatOperationFrame, ChatServerFrame, ChatSyncFrame } from "../protocol/frames";
import type { ChatSocket } from "./chat-socket";

interface FakeTurn {
  id: string;
  requestId: string;
  messageId: string;
  attempt: number;
  /** What it says, and how much of it has been said. */
  script: UIMessageChunk[];
  log: UIMessageChunk[];
  source: FakeTab | undefined;
  after: string | undefined;
  base: UIMessage | undefined;
}

/**
 * A server with revisions and sequences, played by a test: what a client sees of a conversation on the extended line. Nothing happens
 * by itself: turns speak when they are told to, and each end of a connection takes its frames one by one.
 */
export class FakeConversation {
  epoch = "e1";
  revision = 0;
  messages: UIMessage[] = [];
  readonly tabs = new Set<FakeTab>();
  readonly turns: FakeTurn[] = [];
  /** What answers a question, or goes on with a message. */
  script: (question: UIMessage | undefined) => UIMessageChunk[] = () => [];
  /** Whether the client that asked is told as all others are, or takes what it knows. */
  tellsSource = (): boolean => false;
  readonly branches = new Map<string, UIMessage[]>();
  readonly #changed = new Map<string, number>();
  #removed: { id: string; revision: number }[] = [];
  readonly #known = new Map<string, { turnId?: string; messageId?: string; done?: ChatServerFrame }>();
  #count = 0;

  // --- connections ---

  greet(tab: FakeTab): void {
    tab.hear({ type: "cf_agent_hello", version: 1 });
    tab.hear(this.#head());
    tab.hear({ type: "cf_agent_identity", name: "test", agent: "talker" });
    tab.hear({ type: "cf_agent_mcp_servers", mcp: {} });
  }

  handle(tab: FakeTab, frame: ChatClientFrame): void {
    switch (frame.type) {
      case "cf_agent_chat_sync":
        return this.#sync(tab, frame);
      case "cf_agent_chat_operation":
        return this.#operation(tab, frame);
      case "cf_agent_chat_request_cancel":
        return this.#cancel(frame.id);
      case "cf_agent_chat_page": {
        const end = this.messages.findIndex(({ id }) => id === frame.before);
        const start = Math.max(0, end - (frame.limit ?? 100));
        const messages = this.messages.slice(start, end);
        return tab.hear({ type: frame.type, id: frame.id, messages, hasMore: start > 0 });
      }
      case "cf_agent_chat_branches":
        return tab.hear({ type: frame.type, id: frame.id, messages: this.branches.get(frame.messageId) ?? [] });
      case "cf_agent_tool_result": {
        const { toolCallId } = frame;
        const message = this.messages.find(({ parts }) =>
          parts.some(
            (part) => "toolCallId" in part && part.toolCallId === toolCallId && part.state === "input-available"
          )
        );
        if (!message)
          return tab.hear({
            type: "cf_agent_chat_refused",
            id: toolCallId,
            code: "TOOL_CALL_NOT_YOURS",
            message: "No"
          });
        const parts = message.parts.map((part) =>
          "toolCallId" in part && part.toolCallId === toolCallId
            ? { ...part, state: "output-available", output: frame.output }
            : part
        );
        const answered = { ...message, parts } as UIMessage;
        this.change({ upsert: [answered] });
        if (frame.autoContinue && !answered.parts.some(isOpenCall))
          this.#begin(`c${++this.#count}`, undefined, undefined, answered);
        return;
      }
      default:
        throw new Error(`This client sent ${frame.type}`);
    }
  }

  #head(): ChatServerFrame {
    const turn = this.#live();
    return { type: "cf_agent_chat_snapshot", epoch: this.epoch, revision: this.revision, ...(turn && { turn }) };
  }

  #live() {
    const [turn] = this.turns;
    if (!turn) return undefined;
    const { id, requestId, messageId, attempt, log, after } = turn;
    const phase = log.length > 0 ? ("streaming" as const) : ("waiting" as const);
    return { id, requestId, messageId, attempt, seq: log.length, phase, ...(after !== undefined && { after }) };
  }

  #sync(tab: FakeTab, { epoch, revision = 0, turnId, seq = 0, limit = 100 }: ChatSyncFrame): void {
    const isNew = epoch !== this.epoch;
    const messages = isNew
      ? this.messages.slice(-limit)
      : this.messages.filter(({ id }) => (this.#changed.get(id) ?? 0) > revision);
    const after: Record<string, string | null> = {};
    for (const { id } of messages) {
      const index = this.messages.findIndex((message) => message.id === id);
      if (index < this.messages.length - 1) after[id] = this.messages[index - 1]?.id ?? null;
    }
    const removed = this.#removed.filter((each) => each.revision > revision).map(({ id }) => id);
    const changes = isNew ? { reset: true, hasMore: this.messages.length > limit } : { removed, after };
    tab.hear({ ...this.#head(), messages, ...changes } as ChatServerFrame);
    const [turn] = this.turns;
    turn?.log.forEach((chunk, index) => {
      if (turn.id !== turnId || index >= seq) tab.hear(this.#chunk(turn, chunk, index + 1));
    });
  }

  leave(tab: FakeTab): void {
    this.tabs.delete(tab);
    for (const turn of this.turns) if (turn.source === tab) turn.source = undefined;
  }

  // --- operations ---

  #operation(tab: FakeTab, frame: ChatOperationFrame): void {
    const { id, operation, messageId, message } = frame;
    const known = this.#known.get(id);
    if (known) {
      const { done, ...turn } = known;
      const { epoch, revision } = this;
      tab.hear({ type: "cf_agent_chat_accepted", id, ...turn, epoch, revision });
      if (done) tab.hear(done);
      return;
    }
    const source = this.tellsSource() ? undefined : tab;
    const at = messageId === undefined ? this.messages.length - 1 : this.messages.findIndex((m) => m.id === messageId);
    const tail = (from: number) => this.messages.slice(from).map((each) => each.id);
    switch (operation) {
      case "append":
        this.change({ upsert: [message!] }, source);
        break;
      case "edit":
      case "regenerate":
      case "delete": {
        if (at < 0) return tab.hear({ type: "cf_agent_chat_refused", id, code: "CHAT_MESSAGE_UNKNOWN", message: "No" });
        const from = operation === "regenerate" && this.messages[at]!.role === "user" ? at + 1 : at;
        const removed = operation === "delete" ? [messageId!] : tail(from);
        // What is being said answers something that is gone.
        if (operation !== "delete") while (this.turns.length > 0) this.#end("cancelled", true);
        this.change({ removed, upsert: message ? [message] : [] }, source);
        break;
      }
      case "clear":
        while (this.turns.length > 0) this.#end("cancelled", true);
        this.change({ removed: tail(0) }, source);
        break;
      default:
        break;
    }
    const { epoch, revision } = this;
    if (operation === "delete" || operation === "clear") {
      this.#known.set(id, {});
      return tab.hear({ type: "cf_agent_chat_accepted", id, epoch, revision });
    }
    const base = operation === "continue" ? this.messages.at(-1) : undefined;
    const turn = this.#begin(id, tab, message, base?.role === "assistant" ? base : undefined);
    tab.hear({ type: "cf_agent_chat_accepted", id, turnId: turn.id, messageId: turn.messageId, epoch, revision });
  }

  #begin(requestId: string, source: FakeTab | undefined, message?: UIMessage, base?: UIMessage): FakeTurn {
    const count = ++this.#count;
    const messageId = base?.id ?? `a${count}`;
    const question = message ?? this.messages.findLast(({ role }) => role === "user");
    const start = { type: "start", messageId } as const;
    const turn: FakeTurn = {
      id: `t${count}`,
      requestId,
      messageId,
      attempt: 1,
      script: [start, ...this.script(base ? undefined : question)],
      log: [],
      source,
      // It takes its place when it is accepted.
      after: base ? undefined : this.messages.at(-1)?.id,
      base
    };
    this.turns.push(turn);
    this.#known.set(requestId, { turnId: turn.id, messageId });
    return turn;
  }

  #cancel(id: string): void {
    const index = this.turns.findIndex((turn) => turn.requestId === id || turn.id === id);
    if (index === 0) this.#end("cancelled");
    else if (index > 0) {
      const [turn] = this.turns.splice(index, 1);
      this.#done(turn!, "cancelled");
    }
  }

  // --- turns ---

  /** Says the next chunk of the turn that is speaking, or ends it. @returns whether there was one */
  speak(): boolean {
    const [turn] = this.turns;
    if (!turn) return false;
    const chunk = turn.script[turn.log.length];
    if (!chunk) {
      this.#end("completed");
      return true;
    }
    turn.log.push(chunk);
    for (const tab of this.tabs) tab.hear(this.#chunk(turn, chunk, turn.log.length));
    return true;
  }

  /** The turn was cut, and runs again from what was finished: here, nothing. */
  recover(): void {
    const [turn] = this.turns;
    if (!turn) return;
    turn.attempt++;
    turn.log = [];
    turn.script = [turn.script[0]!, ...this.script(undefined)];
    for (const tab of this.tabs) tab.hear(this.#head());
  }

  #chunk({ id, requestId, base, attempt }: FakeTurn, chunk: UIMessageChunk, seq: number): ChatServerFrame {
    const body = JSON.stringify(chunk);
    const type = "cf_agent_use_chat_response";
    return { type, id: requestId, turnId: id, seq, attempt, body, done: false, ...(base && { continuation: true }) };
  }

  #end(outcome: "completed" | "cancelled", isDiscarded = false): void {
    const turn = this.turns.shift()!;
    const builder = new MessageBuilder(
      this.messages.find(({ id }) => id === turn.messageId) ?? { id: turn.messageId, role: "assistant", parts: [] }
    );
    for (const chunk of turn.log) builder.apply(chunk);
    const source = outcome === "completed" && !this.tellsSource() ? turn.source : undefined;
    if (!builder.isEmpty && !isDiscarded) this.change({ upsert: [builder.message], after: turn.after }, source);
    this.#done(turn, outcome);
  }

  #done(turn: FakeTurn, outcome: "completed" | "cancelled"): void {
    const { epoch, revision } = this;
    const frame = {
      type: "cf_agent_use_chat_response",
      id: turn.requestId,
      turnId: turn.id,
      body: "",
      done: true
    } as const;
    const done = { ...frame, seq: turn.log.length, outcome, epoch, revision };
    this.#known.set(turn.requestId, { turnId: turn.id, messageId: turn.messageId, done });
    for (const tab of this.tabs) tab.hear(done);
  }

  // --- transcript ---

  /** Changes what is stored, and tells everybody but the source. */
  change(
    { upsert = [], removed = [], after }: { upsert?: UIMessage[]; removed?: string[]; after?: string | undefined },
    source?: FakeTab
  ): void {
    const from = this.revision++;
    const gone = new Set(removed);
    this.messages = this.messages.filter(({ id }) => !gone.has(id));
    this.#removed.push(...removed.map((id) => ({ id, revision: this.revision })));
    const entries = upsert.map((message) => {
      this.#changed.set(message.id, this.revision);
      this.#removed = this.#removed.filter(({ id }) => id !== message.id);
      const index = this.messages.findIndex(({ id }) => id === message.id);
      if (index >= 0) {
        this.messages[index] = message;
        return { message, changed: true };
      }
      const before = after === undefined ? -1 : this.messages.findIndex(({ id }) => id === after);
      const place = before < 0 ? this.messages.length : before + 1;
      this.messages.splice(place, 0, message);
      return place === this.messages.length - 1
        ? { message }
        : { message, after: this.messages[place - 1]?.id ?? null };
    });
    const { epoch, revision } = this;
    const delta: ChatServerFrame = { type: "cf_agent_chat_delta", epoch, from, revision, upsert: entries, removed };
    for (const tab of this.tabs) if (tab !== source) tab.hear(delta);
  }
}

/** A page's connection. Frames are under way until an end takes them, and lost when it is cut. */
export class FakeTab implements ChatSocket {
  readonly agent = "talker";
  readonly name = "test";
  readyState = 3;
  extended: boolean | undefined;
  readonly sent: ChatClientFrame[] = [];
  readonly #server: FakeConversation;
  readonly #target = new EventTarget();
  #up: string[] = [];
  #down: string[] = [];
  #outbox: string[] = [];

  constructor(server: FakeConversation) {
    this.#server = server;
  }

  send(text: string): void {
    if (this.readyState !== 1) return void this.#outbox.push(text);
    this.sent.push(JSON.parse(text) as ChatClientFrame);
    this.#up.push(text);
  }

  async fetch(): Promise<Response> {
    throw new Error("This client loads nothing over HTTP");
  }

  addEventListener(type: string, listener: never): void {
    this.#target.addEventListener(type, listener);
  }

  removeEventListener(type: string, listener: never): void {
    this.#target.removeEventListener(type, listener);
  }

  connect(): void {
    this.readyState = 1;
    this.#server.tabs.add(this);
    this.#target.dispatchEvent(new Event("open"));
    this.#server.greet(this);
    for (const text of this.#outbox.splice(0)) this.send(text);
  }

  cut(): void {
    this.readyState = 0;
    this.#server.leave(this);
    this.#up = [];
    this.#down = [];
    this.#target.dispatchEvent(new Event("close"));
  }

  /** The server says something to this page. */
  hear(frame: object): void {
    this.#down.push(JSON.stringify(frame));
  }

  /** The server takes the next frame of the page. @returns whether there was one */
  up(): boolean {
    const text = this.#up.shift();
    if (text !== undefined) this.#server.handle(this, JSON.parse(text) as ChatClientFrame);
    return text !== undefined;
  }

  /** The page takes the next frame of the server. @returns whether there was one */
  down(): boolean {
    const data = this.#down.shift();
    if (data !== undefined) this.#target.dispatchEvent(new MessageEvent("message", { data }));
    return data !== undefined;
  }

  /** Both ends take all there is. */
  settle(): void {
    while (this.up() || this.down()) {}
  }
}
