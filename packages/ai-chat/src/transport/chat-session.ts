import type { ChatInit, ChatTransport, UIMessage, UIMessageChunk } from "ai";
import { Chat } from "@ai-sdk/react";
import { MessageBuilder } from "../messages/message-builder";
import { isOpenCall, type ToolPart } from "../messages/settle";
import { parseServerFrame } from "../protocol/checks";
import type {
  ChatClientFrame,
  ChatResponseFrame,
  ChatServerFrame,
  ChatTrigger,
  ClientToolSchema
} from "../protocol/frames";
import { isOpen, type ChatSocket } from "./chat-socket";
import { OwnTurns, type OwnRequest } from "./own-turns";
import { parseChunk, plainHeaders, requestFrame, type RequestExtras } from "./requests";

/** What a session asks of whoever uses it. Each is read when it is needed. */
export interface ChatSessionOptions<Message extends UIMessage> {
  /** Loads the messages to begin with; `null` for none. */
  loadMessages: (() => Promise<Message[]>) | null;
  /** Loads what the agent has, after a loss of the connection; `null` to trust that nothing was missed. */
  loadTranscript: (() => Promise<Message[]>) | null;
  /** Follow a stream that was under way before this session. */
  resume: boolean;
  extras(request: {
    messages: Message[];
    trigger: ChatTrigger;
    messageId: string | undefined;
  }): RequestExtras | Promise<RequestExtras>;
  clientTools(): ClientToolSchema[] | undefined;
  onData?: ChatInit<Message>["onData"];
  onError?(error: Error): void;
  onFinish?: ChatInit<Message>["onFinish"];
  /** Calls of client-side tools that this client should answer now. */
  onCalls(calls: readonly ToolPart[]): void;
}

/** What there is to see beside the chat of the AI SDK. */
export interface SessionSnapshot {
  /** The first load of messages has not finished. */
  isLoading: boolean;
  /** A turn that this client did not ask for through the AI SDK: of another client, a continuation, or from before a reload. */
  followed: "submitted" | "streaming" | undefined;
  error: Error | undefined;
}

interface FollowedTurn {
  id: string;
  builder: MessageBuilder;
  passed: number;
  replayed: number;
  mine: boolean;
}

/**
 * One conversation as a client sees it. Turns that this client asks for run through the AI SDK's chat; all others are followed
 * here, with the same result: the messages of the chat.
 */
export class ChatSession<Message extends UIMessage = UIMessage> {
  readonly chat: Chat<Message>;
  readonly #socket: ChatSocket;
  #options: ChatSessionOptions<Message> = {
    loadMessages: null,
    loadTranscript: null,
    resume: false,
    extras: () => ({}),
    clientTools: () => undefined,
    onCalls: () => {}
  };
  readonly #own = new OwnTurns();
  readonly #listeners = new Set<() => void>();
  readonly #handledCalls = new Set<string>();
  #snapshot: SessionSnapshot = { isLoading: true, followed: undefined, error: undefined };
  #followed: FollowedTurn | undefined;
  /** This client has answered the last open call: the next continuation is its own. */
  #expectsContinuation = false;
  /** What to do when the AI SDK has finished a stream that was ended here. */
  #afterFinish: (() => void) | undefined;
  #loaded = false;
  /** The messages to begin with have come. */
  #begun = false;
  /** Counts what makes messages obsolete that are being loaded. */
  #changes = 0;
  /** The transcript may have messages that nobody told this client about. */
  #behind = false;
  #loadError: Error | undefined;
  #lost = false;
  /** The stream that is about to be replayed. */
  #awaitedReplay: string | undefined;
  #attachments = 0;

  constructor(socket: ChatSocket, messages: Message[] = []) {
    this.#socket = socket;
    this.chat = new Chat<Message>({
      id: `${socket.agent}/${socket.name}`,
      messages,
      transport: this.#transport(),
      onError: (error) => this.#options.onError?.(error),
      onData: (part) => this.#options.onData?.(part),
      onFinish: (result) => {
        this.#options.onFinish?.(result);
        // The AI SDK is not ready before this callback returns.
        queueMicrotask(() => {
          this.#afterFinish?.();
          this.#afterFinish = undefined;
          this.#offerCalls();
        });
      }
    });
  }

  /** Callbacks and settings from now on. */
  update(options: ChatSessionOptions<Message>): void {
    this.#options = options;
  }

  // --- for React ---

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): SessionSnapshot => this.#snapshot;

  /** Begins to listen. Returns what ends it; a later call begins again. */
  attach(): () => void {
    const onMessage = (event: MessageEvent) => this.#receive(event.data);
    const onClose = () => this.#connectionLost();
    const onOpen = () => this.#connectionOpened();
    this.#socket.addEventListener("message", onMessage);
    this.#socket.addEventListener("close", onClose);
    this.#socket.addEventListener("open", onOpen);
    const attachment = ++this.#attachments;
    void this.#start(() => attachment === this.#attachments);
    return () => {
      this.#attachments++;
      this.#socket.removeEventListener("message", onMessage);
      this.#socket.removeEventListener("close", onClose);
      this.#socket.removeEventListener("open", onOpen);
    };
  }

  // --- what users do ---

  clear(): void {
    // Without a word about it to the server, which drops what it was saying: stopped answers are kept.
    this.#own.stopAll();
    void this.chat.stop();
    this.chat.messages = [];
    this.#followed = undefined;
    this.#expectsContinuation = false;
    this.#set({ followed: undefined, error: undefined });
    this.#send({ type: "cf_agent_chat_clear" });
  }

  setMessages(messages: Message[]): void {
    this.chat.messages = messages;
    this.#send({ type: "cf_agent_chat_messages", messages });
  }

  /** Stops the answer, whoever asked for it. */
  stop(): void {
    void this.chat.stop();
    if (this.#followed) this.#send({ type: "cf_agent_chat_request_cancel", id: this.#followed.id });
  }

  clearError(): void {
    this.chat.clearError();
    this.#set({ error: undefined });
  }

  /** Gives the result of a client-side tool, or the reason why there is none. */
  addToolOutput(
    result: { toolCallId: string; output?: unknown; state?: "output-available" | "output-error"; errorText?: string },
    autoContinue: boolean
  ): void {
    const { toolCallId, output, state = "output-available", errorText } = result;
    const part = this.#findCall((call) => call.toolCallId === toolCallId);
    if (!part) return;
    this.#handledCalls.add(toolCallId);
    const failed = state === "output-error";
    this.#replaceCall(
      part,
      failed ? { state, errorText, approval: undefined } : { state, output, approval: undefined }
    );
    const goesOn = autoContinue && !failed;
    const toolName =
      part.type === "dynamic-tool"
        ? String((part as { toolName?: unknown }).toolName)
        : part.type.slice("tool-".length);
    this.#expectContinuation(goesOn);
    const clientTools = this.#options.clientTools();
    this.#send({
      type: "cf_agent_tool_result",
      toolCallId,
      toolName,
      output,
      state,
      errorText,
      autoContinue: goesOn,
      clientTools
    });
  }

  /** Approves or rejects a call; `id` is the approval's, or the call's. */
  addToolApprovalResponse({ id, approved }: { id: string; approved: boolean }, autoContinue: boolean): void {
    const part = this.#findCall(
      (call) => call.state === "approval-requested" && (call.approval?.id === id || call.toolCallId === id)
    );
    if (!part) return;
    this.#replaceCall(part, {
      state: approved ? "approval-responded" : "output-denied",
      approval: { ...part.approval, approved }
    });
    this.#expectContinuation(autoContinue);
    this.#send({ type: "cf_agent_tool_approval", toolCallId: part.toolCallId, approved, autoContinue });
  }

  // --- beginning, losing and finding the connection ---

  async #start(current: () => boolean): Promise<void> {
    if (!this.#loaded) {
      await this.#load();
      if (!current()) return;
      this.#loaded = true;
      this.#set({ isLoading: false });
    }
    if (this.#options.resume) this.#send({ type: "cf_agent_stream_resume_request" });
    else this.#offerCalls();
  }

  /** Loads the messages, again if something happens meanwhile; `undefined` if that fails. */
  async #load(): Promise<readonly Message[] | undefined> {
    const { loadMessages, loadTranscript, onError } = this.#options;
    const load = this.#begun ? loadTranscript : loadMessages;
    if (!load) return this.chat.messages;
    try {
      let messages: Message[];
      let changes: number;
      do {
        changes = this.#changes;
        messages = await load();
      } while (changes !== this.#changes);
      this.#adopt(messages);
      this.#begun = true;
      this.#behind = false;
      if (this.#snapshot.error === this.#loadError) this.#set({ error: undefined });
      return messages;
    } catch (error) {
      this.#behind = true;
      this.#loadError = error instanceof Error ? error : new Error(String(error));
      this.#set({ error: this.#loadError });
      onError?.(this.#loadError);
      return undefined;
    }
  }

  #connectionLost(): void {
    this.#lost = true;
    this.#awaitedReplay = undefined;
    this.#own.connectionLost();
    if (this.#followed) this.#followed.replayed = 0;
  }

  #connectionOpened(): void {
    if (!this.#lost) return;
    // What others said meanwhile came to nobody here.
    this.#behind = true;
    this.#changes++;
    if (!this.#loaded) return;
    this.#lost = false;
    this.#send({ type: "cf_agent_stream_resume_request" });
  }

  /** There is no stream to follow: what was missed is in the transcript, and what is not there has to be said again. */
  async #caughtUp(): Promise<void> {
    const followed = this.#followed;
    const missed = this.#behind || this.#own.hasUncertain || followed !== undefined || this.#expectsContinuation;
    const stored = missed ? await this.#load() : undefined;
    if (stored) {
      const known = new Set(stored.map(({ id }) => id));
      const { lost, ended } = this.#own.settleUncertain((id) => known.has(id));
      for (const request of lost) this.#ask(request);
      // The AI SDK may still be applying chunks that came before the loss.
      if (ended) this.#afterFinish = () => this.#adopt(stored);
    }
    // Another may have begun while the messages were being loaded.
    if (this.#followed === followed) this.#endFollowed();
    this.#offerCalls();
  }

  // --- frames ---

  #receive(data: unknown): void {
    const frame = parseServerFrame(data);
    if (frame) this.#handle(frame);
  }

  #handle(frame: ChatServerFrame): void {
    if (changesTranscript(frame)) this.#changes++;
    // Before the transcript is there, chunks of others have nothing to be added to; they are replayed when it is.
    const isOwn = frame.type === "cf_agent_use_chat_response" && this.#own.has(frame.id);
    if (!this.#loaded && !isOwn) return;
    switch (frame.type) {
      case "cf_agent_use_chat_response":
        return this.#response(frame);
      case "cf_agent_chat_messages":
        return this.#adopt(frame.messages as Message[]);
      case "cf_agent_message_updated":
        return this.#updated(frame.message as Message);
      case "cf_agent_chat_clear":
        this.#adopt([]);
        return this.#endFollowed();
      case "cf_agent_stream_resuming":
        return this.#acceptOffer(frame.id);
      case "cf_agent_stream_resume_none":
        return void this.#caughtUp();
    }
  }

  /** A stream is offered to each connection and again when that asks. Before a replay, all offers are of that replay. */
  #acceptOffer(id: string): void {
    // What is being said answers something that may be new here.
    if (this.#behind) {
      this.#behind = false;
      void this.#load();
    }
    if (!this.#options.resume && !this.#own.has(id)) return;
    if (this.#awaitedReplay === id) return;
    this.#awaitedReplay = id;
    this.#send({ type: "cf_agent_stream_resume_ack", id });
  }

  #response(frame: ChatResponseFrame): void {
    if (frame.id === this.#awaitedReplay && (frame.done || frame.replayComplete)) this.#awaitedReplay = undefined;
    const chunk = frame.done || frame.replayComplete ? undefined : parseChunk(frame.body);
    if (this.#own.has(frame.id)) this.#own.receive(frame, chunk);
    else this.#follow(frame, chunk);
    // A turn of this client may have ended while another one's stream was resumed.
    if (frame.done && this.#own.hasUncertain) this.#send({ type: "cf_agent_stream_resume_request" });
  }

  #follow(frame: ChatResponseFrame, chunk: UIMessageChunk | undefined): void {
    if (frame.done) {
      if (this.#followed?.id !== frame.id && !this.#expectsContinuation) return;
      return this.#endFollowed(frame.error ? new Error(frame.body) : undefined);
    }
    // The next replay begins at the beginning.
    if (frame.replayComplete && this.#followed?.id === frame.id) this.#followed.replayed = 0;
    if (!chunk) return;
    if (this.#followed?.id !== frame.id) this.#beginFollowing(frame, chunk);
    const turn = this.#followed!;
    if (frame.replay && ++turn.replayed <= turn.passed) return;
    turn.passed++;
    turn.builder.apply(chunk);
    if (chunk.type.startsWith("data-"))
      this.#options.onData?.(chunk as Parameters<NonNullable<ChatInit<Message>["onData"]>>[0]);
    if (chunk.type === "error") this.#set({ error: new Error(chunk.errorText) });
    if (!turn.builder.isEmpty) this.#put(turn.builder.message as Message);
    this.#set({ followed: "streaming" });
  }

  #beginFollowing(frame: ChatResponseFrame, chunk: UIMessageChunk): void {
    const last = this.chat.messages.at(-1);
    const id = chunk.type === "start" && chunk.messageId !== undefined ? chunk.messageId : crypto.randomUUID();
    const base: UIMessage =
      frame.continuation && last?.role === "assistant" ? last : { id, role: "assistant", parts: [] };
    // What was resumed after a reload has nobody else to answer its calls.
    const mine = this.#expectsContinuation || frame.replay === true;
    this.#expectsContinuation = false;
    this.#followed = { id: frame.id, builder: new MessageBuilder(base), passed: 0, replayed: 0, mine };
    this.#set({ error: undefined });
  }

  #endFollowed(error?: Error): void {
    const mine = this.#followed?.mine ?? this.#expectsContinuation;
    this.#followed = undefined;
    this.#expectsContinuation = false;
    this.#set(error ? { followed: undefined, error } : { followed: undefined });
    if (error) this.#options.onError?.(error);
    else if (mine) this.#offerCalls();
  }

  // --- messages ---

  /** Takes the server's list, and keeps what it cannot have yet. */
  #adopt(messages: readonly Message[]): void {
    const known = new Set(messages.map(({ id }) => id));
    const unfinished = new Set(this.#own.pendingMessageIds);
    if (this.#followed) unfinished.add(this.#followed.builder.message.id);
    const last = this.chat.messages.at(-1);
    if (last?.role === "assistant" && this.chat.status === "streaming") unfinished.add(last.id);
    this.chat.messages = [...messages, ...this.chat.messages.filter(({ id }) => unfinished.has(id) && !known.has(id))];
  }

  #updated(message: Message): void {
    if (this.chat.messages.some(({ id }) => id === message.id)) this.#put(message);
  }

  #put(message: Message): void {
    const { messages } = this.chat;
    const index = messages.findLastIndex(({ id }) => id === message.id);
    this.chat.messages = index < 0 ? [...messages, message] : messages.with(index, message);
  }

  #findCall(wanted: (call: ToolPart) => boolean): ToolPart | undefined {
    return this.chat.messages
      .flatMap(({ parts }) => parts)
      .filter(isOpenCall)
      .findLast(wanted);
  }

  #replaceCall(call: ToolPart, fields: object): void {
    const message = this.chat.messages.find(({ parts }) => (parts as unknown[]).includes(call));
    if (!message) return;
    // The fields are those that the AI SDK gives a call in its new state.
    const parts = message.parts.map((part) =>
      (part as unknown) === call ? ({ ...part, ...fields } as typeof part) : part
    );
    this.#put({ ...message, parts });
  }

  /** Calls that wait for this client, once each. */
  #offerCalls(): void {
    if (!this.#loaded || this.#followed || this.chat.status === "submitted" || this.chat.status === "streaming") return;
    const last = this.chat.messages.at(-1);
    if (last?.role !== "assistant") return;
    const calls = last.parts
      .filter(isOpenCall)
      .filter((call) => call.state === "input-available" && !this.#handledCalls.has(call.toolCallId));
    if (calls.length === 0) return;
    for (const call of calls) this.#handledCalls.add(call.toolCallId);
    this.#options.onCalls(calls);
  }

  #expectContinuation(autoContinue: boolean): void {
    const waits = this.chat.messages.at(-1)?.parts.some(isOpenCall);
    if (!autoContinue || waits) return;
    this.#expectsContinuation = true;
    this.#set({ followed: "submitted", error: undefined });
  }

  // --- sending ---

  #transport(): ChatTransport<Message> {
    return {
      sendMessages: async ({ messages, trigger, messageId, abortSignal, body, headers }) => {
        const extras = await this.#options.extras({ messages, trigger, messageId });
        const allExtras = {
          body: { ...extras.body, ...body },
          headers: { ...extras.headers, ...plainHeaders(headers) }
        };
        const frame = requestFrame(
          { messages, trigger, messageId, clientTools: this.#options.clientTools() },
          allExtras
        );
        const added = trigger === "submit-message" ? messages.findLast(({ role }) => role === "user")?.id : undefined;
        const text = JSON.stringify(frame);
        const request = { id: frame.id, text, messageId: added };
        const stream = this.#own.open(request);
        abortSignal?.addEventListener("abort", () => {
          if (this.#own.stop(frame.id)) this.#send({ type: "cf_agent_chat_request_cancel", id: frame.id });
        });
        this.#set({ error: undefined });
        this.#ask(request);
        return stream;
      },
      // Streams of this conversation are followed by the session, which sees all of them.
      reconnectToStream: async () => null
    };
  }

  #ask({ id, text }: OwnRequest): void {
    this.#socket.send(text, (error) => this.#own.fail(id, error));
  }

  #send(frame: ChatClientFrame): void {
    // Asking for a stream makes sense on the connection at hand only; the next one asks again.
    if (frame.type === "cf_agent_stream_resume_request" && !isOpen(this.#socket)) {
      this.#lost = true;
      return;
    }
    this.#socket.send(JSON.stringify(frame), (error) => this.#endFollowed(error));
  }

  #set(change: Partial<SessionSnapshot>): void {
    const next = { ...this.#snapshot, ...change };
    const { isLoading, followed, error } = this.#snapshot;
    if (next.isLoading === isLoading && next.followed === followed && next.error === error) return;
    this.#snapshot = next;
    for (const listener of this.#listeners) listener();
  }
}

function changesTranscript({ type, ...frame }: ChatServerFrame): boolean {
  if (type === "cf_agent_use_chat_response") return "done" in frame && frame.done;
  return type === "cf_agent_chat_messages" || type === "cf_agent_message_updated" || type === "cf_agent_chat_clear";
}
