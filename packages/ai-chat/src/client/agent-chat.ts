import type { ChatTransport, UIMessage } from "ai";
import { isOpenCall, type ToolPart } from "../messages/settle";
import type { ChatClientFrame } from "../protocol/frames";
import { callBack } from "./call-back";
import { isOpen, type ChatSocket } from "./chat-socket";
import { ClientCalls, decisionOf, resultOf, toError } from "./client-calls";
import { Connection } from "./connection";
import {
  emptyConversation,
  findCall,
  indexOfId,
  isAsking,
  isSpeaking,
  messageOf,
  statusOf,
  viewOf,
  type Conversation,
  type HeardTurn
} from "./conversation";
import { isSameList } from "./equal";
import type { CallAnswer, ChatEvent, ChunkEvent, Operation } from "./events";
import type { Asked, LineHost } from "./line";
import { newMessage, type NewMessage } from "./new-message";
import { Notifier } from "./notifier";
import type { AgentChatOptions, AgentChatSnapshot, RequestOptions, ToolApprovalResponse, ToolOutput } from "./options";
import { reduce } from "./reduce";
import { fetchMessages, plainHeaders, randomId, type RequestExtras } from "./requests";

type DataPart<Message extends UIMessage> = Parameters<NonNullable<AgentChatOptions<Message>["onData"]>>[0];
type Trigger = Parameters<ChatTransport<UIMessage>["sendMessages"]>[0]["trigger"];

/**
 * A conversation with an `AIChatAgent`, for any framework or none: what there is to see, and what a user can do. Lost connections,
 * reloads and what other clients say change nothing but the snapshot.
 *
 * @example
 * const chat = new AgentChat(new AgentClient({ agent: "ChatAgent", name: "my-chat", host: "example.com" }));
 * const stop = chat.subscribe(() => render(chat.getSnapshot()));
 * const detach = chat.attach();
 * await chat.sendMessage({ text: "Hello!" });
 */
export class AgentChat<Message extends UIMessage = UIMessage> {
  /** `{agent}/{name}` */
  readonly id: string;
  readonly #socket: ChatSocket;
  readonly #connection: Connection;
  readonly #notifier = new Notifier();
  readonly #watch: ((event: ChatEvent) => void) | undefined;
  #options: AgentChatOptions<Message>;
  #state: Conversation;
  #shown: { state: Conversation; snapshot: AgentChatSnapshot<Message> } | undefined;
  /** Operations in the order in which they are sent. */
  #outgoing = Promise.resolve();
  readonly #asked = new Map<string, Asked>();
  /** Told when their operation needs no more waiting. */
  readonly #waiting = new Map<string, () => void>();
  readonly #calls = new ClientCalls();
  #heardLast: { turnId: string; attempt: number; seq: number } | undefined;
  #detach: (() => void) | undefined;

  /**
   * @param agent the connection: an `AgentClient`, or what `useAgent` returned
   * @param options how it begins, what goes with requests, callbacks
   * @param watch told of all that changes the conversation, after it has
   */
  constructor(agent: ChatSocket, options: AgentChatOptions<Message> = {}, watch?: (event: ChatEvent) => void) {
    this.id = `${agent.agent}/${agent.name}`;
    this.#socket = agent;
    this.#options = options;
    this.#watch = watch;
    this.#state = emptyConversation(options.messages);
    this.#connection = new Connection(agent, this.#host());
  }

  /**
   * Callbacks and settings from now on. `messages` and `getInitialMessages` matter before the first messages have come.
   *
   * @param options all of them: what is missing has its default
   */
  update(options: AgentChatOptions<Message>): void {
    this.#options = options;
  }

  /**
   * Begins to follow the conversation. Nothing is loaded before the connection is open.
   *
   * @returns what ends that; a later call begins again
   */
  attach(): () => void {
    this.#detach?.();
    const detach = this.#connection.attach();
    const end = () => {
      if (this.#detach !== end) return;
      this.#detach = undefined;
      detach();
    };
    this.#detach = end;
    return end;
  }

  /** Ends what `attach` began. The connection stays open. */
  dispose(): void {
    this.#detach?.();
  }

  /**
   * Calls `listener` after changes: once for all that happen at a moment, and while an answer streams at most once in 16 ms.
   *
   * @returns ends that
   */
  readonly subscribe = (listener: () => void): (() => void) => this.#notifier.subscribe(listener);

  /** What there is to see now: the same object until something changes. */
  readonly getSnapshot = (): AgentChatSnapshot<Message> => {
    const state = this.#state;
    if (this.#shown?.state === state) return this.#shown.snapshot;
    const { error, isLoading, transcript } = state;
    const view = viewOf(state);
    const last = this.#shown?.snapshot;
    // What the agent stores are messages of its application's type.
    const messages = isSameList(last?.messages, view) ? last!.messages : (view as Message[]);
    const next = { messages, status: statusOf(state), error, isLoading, hasMore: transcript.hasMore };
    const isSame = last && (Object.keys(next) as (keyof typeof next)[]).every((key) => last[key] === next[key]);
    const snapshot = isSame ? last : next;
    this.#shown = { state, snapshot };
    return snapshot;
  };

  // --- what users do ---

  /**
   * Says something.
   *
   * @param message `{ text }`, `{ text, files }`, or `{ parts }`; with `messageId`, it takes the place of that message of the user and
   * of all that came after. Without a message, the agent is asked to go on
   * @param options data and headers for this request alone
   * @returns resolves when the answer has ended, however that is; see `error`
   */
  async sendMessage(message?: NewMessage<Message>, options?: RequestOptions): Promise<void> {
    if (!message) return this.continue(options);
    const { messageId } = message;
    const kind = messageId === undefined ? "append" : "edit";
    // Files take their time to be read; all else is shown at once.
    const made = newMessage(message);
    return this.#ask({ kind, messageId, message: made instanceof Promise ? await made : made }, options);
  }

  /**
   * Asks again for an answer. The one before stays as another branch, if the agent keeps those.
   *
   * @param options `messageId` of the answer, or of the question; without it, the last. And data and headers for this request
   * @returns as for `sendMessage`
   */
  async regenerate({ messageId, ...options }: { messageId?: string } & RequestOptions = {}): Promise<void> {
    const { messages } = this.getSnapshot();
    const last = messages.at(-1);
    const failed = this.#state.operations.find(({ phase }) => phase === "failed");
    const isFailed = failed?.message && (messageId ?? last?.id) === failed.message.id;
    // The agent has never had it.
    if (isFailed) return this.#ask({ ...failed, message: failed.message }, options);
    const index = messageId === undefined ? messages.length - 1 : indexOfId(messages, messageId);
    const isQuestion = messages[index]?.role === "user";
    const answer = isQuestion ? messages[index + 1] : messages[index];
    // What is not shown may be on a page that is not loaded: the agent knows.
    return this.#ask({ kind: "regenerate", messageId: answer?.role === "assistant" ? answer.id : messageId }, options);
  }

  /**
   * Takes up an answer that was interrupted or failed, or that waits for nothing any more; asks the last question again if it has no
   * answer.
   *
   * @param options data and headers for this request alone
   * @returns as for `sendMessage`
   */
  async continue(options?: RequestOptions): Promise<void> {
    const last = this.getSnapshot().messages.at(-1);
    if (last?.role === "user") return this.regenerate(options);
    return this.#ask({ kind: "continue", messageId: last?.id }, options);
  }

  /** Stops the answer that is being given, whoever asked for it, and those that this client waits for. What was said stays. */
  stop(): void {
    const { turn, operations } = this.#state;
    const ids = new Set(operations.filter(isAsking).map(({ id }) => id));
    const isLive = isSpeaking(this.#state);
    if (turn && isLive) ids.add(turn.requestId);
    const awaited = this.#connection.line?.awaited;
    if (awaited !== undefined) ids.add(awaited);
    this.#dispatch({ type: "stopped" });
    if (isLive && turn?.mine) this.#finished(true);
    // What has not been sent is sent first, so that it is not forgotten.
    for (const id of ids) if (!this.#asked.has(id) || this.#isSent(id)) this.#cancel(id);
  }

  /** Deletes the conversation, here and on the agent. */
  clear(): void {
    const { turn } = this.#state;
    if (turn) this.#connection.documented.drop(turn.requestId);
    this.#dispatch({ type: "cleared", wholly: true });
    this.#dispatch({ type: "erred", error: undefined });
    this.#asked.clear();
    void this.#ask({ kind: "clear" });
  }

  /**
   * Sets the list of messages, here and on the agent. Older messages that are not loaded stay.
   *
   * @param messages the list, or a function of the one that is shown
   */
  setMessages(messages: Message[] | ((messages: Message[]) => Message[])): void {
    const next = typeof messages === "function" ? messages(this.getSnapshot().messages) : messages;
    if (next.length === 0 && !this.#state.transcript.hasMore) return this.clear();
    void this.#rewrite(next);
  }

  /**
   * Deletes a message.
   *
   * @param messageId its id
   */
  deleteMessage(messageId: string): void {
    void this.#ask({ kind: "delete", messageId });
  }

  /**
   * Gives the result of a client-side tool, or the reason why there is none. The first result counts, whoever gives it.
   *
   * @param output the id of the call, and `output` or `errorText`
   */
  addToolOutput(output: ToolOutput): void {
    const { toolCallId, state = "output-available" } = output;
    const call = this.#findCall((each) => each.toolCallId === toolCallId);
    if (!call) return;
    this.#calls.handled(toolCallId);
    const goesOn = this.#autoContinue && state !== "output-error";
    this.#answer(resultOf(call, output, goesOn, this.#options.clientTools), goesOn);
  }

  /**
   * Approves or rejects a call that waits for it.
   *
   * @param response `id` of the approval or of the call, `approved`; with `comment` why, with `input` other arguments for the call
   */
  addToolApprovalResponse(response: ToolApprovalResponse): void {
    const { id } = response;
    const call = this.#findCall(
      (each) => each.state === "approval-requested" && (each.approval?.id === id || each.toolCallId === id)
    );
    const goesOn = this.#autoContinue;
    if (call) this.#answer(decisionOf(call, response, goesOn), goesOn);
  }

  /**
   * Loads the messages before the first one that is shown.
   *
   * @param limit how many at most @default 100
   * @returns resolves when they are shown
   */
  async loadMore(limit?: number): Promise<void> {
    if (this.#state.transcript.hasMore) await this.#connection.extended.loadMore(limit);
  }

  /**
   * Finds what was there instead of a message before an edit or another answer.
   *
   * @param messageId the id of a message that is shown
   * @returns the oldest first, the message itself included; nothing if the agent keeps no branches
   */
  async branches(messageId: string): Promise<Message[]> {
    return (await this.#connection.extended.branches(messageId)) as Message[];
  }

  /**
   * Goes to another branch of the conversation, here and in all clients.
   *
   * @param messageId the id of a message on it
   */
  async selectBranch(messageId: string): Promise<void> {
    await this.#ask({ kind: "select", messageId });
  }

  /** Forgets the error. */
  clearError(): void {
    this.#dispatch({ type: "erred", error: undefined });
  }

  // --- what happens ---

  #dispatch(event: ChatEvent): void {
    const before = this.#state;
    const state = (this.#state = reduce(before, event));
    if (state === before) return;
    const isStream = event.type === "chunk" && statusOf(before) === statusOf(state);
    this.#notifier.changed(isStream);
    this.#watch?.(event);
    if (event.type === "chunk") this.#heard(event, state.turn!);
    const { turn } = before;
    const isEnd = event.type === "ended" && event.turnId === turn?.id;
    if (isEnd && (isOwn(before, event.requestId) || turn.mine) && !turn.stopped) this.#finished(false, before);
    const { error } = state;
    if (error && error !== before.error) callBack(() => this.#options.onError?.(error));
    if (state.operations !== before.operations) this.#settleWaiting();
  }

  /** Gives data parts to the application, once each: a turn that was forgotten may be told again from the beginning. */
  #heard({ turnId, seq, chunk }: ChunkEvent, { attempt, stopped }: HeardTurn): void {
    const last = this.#heardLast;
    const isKnown = last?.turnId === turnId && last.attempt === attempt && seq <= last.seq;
    if (isKnown) return;
    this.#heardLast = { turnId, attempt, seq };
    // The AI SDK types them by the application's message.
    if (chunk.type.startsWith("data-") && !stopped) callBack(() => this.#options.onData?.(chunk as DataPart<Message>));
  }

  #settleWaiting(): void {
    const asking = new Set(this.#state.operations.filter(isAsking).map(({ id }) => id));
    for (const [id, resolve] of this.#waiting) {
      if (asking.has(id)) continue;
      this.#waiting.delete(id);
      resolve();
    }
    // Until it is known that the server has it, it may have to be sent again.
    const pending = new Set(this.#state.operations.filter(({ phase }) => phase === "pending").map(({ id }) => id));
    for (const id of this.#asked.keys()) if (!pending.has(id)) this.#asked.delete(id);
  }

  #finished(isAbort: boolean, { turn } = this.#state): void {
    const message = turn && messageOf(turn);
    if (!message) return;
    const { error } = this.#state;
    const { messages } = this.getSnapshot();
    const finishReason = (message.metadata as { finishReason?: never } | undefined)?.finishReason;
    const finished = {
      message: (messages[indexOfId(messages, message.id)] ?? message) as Message,
      messages,
      isAbort,
      isDisconnect: false,
      isError: !isAbort && error !== undefined,
      ...(finishReason !== undefined && { finishReason })
    };
    callBack(() => this.#options.onFinish?.(finished));
  }

  // --- what goes out ---

  async #ask(
    { kind, messageId, message }: Pick<Operation, "kind" | "messageId" | "message">,
    { body, headers }: RequestOptions = {}
  ): Promise<void> {
    const operation: Operation = { id: randomId(), kind, messageId, message, phase: "pending" };
    this.#dispatch({ type: "asked", operation });
    const isTurn = isAsking(operation);
    const { messages } = this.getSnapshot();
    const ended = isTurn && new Promise<void>((resolve) => this.#waiting.set(operation.id, resolve));
    const trigger: Trigger = kind === "regenerate" ? "regenerate-message" : "submit-message";
    const extras = isTurn ? this.#extras({ id: this.id, messages, trigger, messageId }, { body, headers }) : noExtras;
    const turn = this.#outgoing.then(async () => {
      try {
        this.#asked.set(operation.id, {
          operation,
          extras: await extras,
          messages,
          clientTools: this.#options.clientTools
        });
        this.#flush();
      } catch (error) {
        this.#dispatch({ type: "failed", id: operation.id, error: toError(error) });
      }
    });
    this.#outgoing = turn;
    await (ended || turn);
  }

  async #extras(
    request: { id: string; messages: Message[]; trigger: Trigger; messageId: string | undefined },
    { body, headers }: RequestOptions
  ): Promise<Required<RequestExtras>> {
    const { body: shared, prepareSendMessagesRequest } = this.#options;
    const all = typeof shared === "function" ? await shared() : shared;
    const prepared = await prepareSendMessagesRequest?.(request);
    return {
      body: { ...all, ...prepared?.body, ...body },
      headers: { ...prepared?.headers, ...plainHeaders(headers) }
    };
  }

  async #rewrite(messages: Message[]): Promise<void> {
    const shown = new Set(this.getSnapshot().messages.map(({ id }) => id));
    const loaded = () => this.#state.transcript.messages;
    // The list that is sent is the whole list.
    for (let count = -1; this.#state.transcript.hasMore && loaded().length !== count;) {
      count = loaded().length;
      await this.loadMore();
    }
    if (this.#state.transcript.hasMore) {
      const error = new Error("The messages cannot be set: the older ones could not be loaded");
      return this.#dispatch({ type: "erred", error });
    }
    const all = [...loaded().filter(({ id }) => !shown.has(id)), ...messages];
    // Any server takes a list; without a connection, it waits for one.
    (this.#connection.line ?? this.#connection.documented).rewrite(all);
  }

  #answer(answer: CallAnswer, goesOn: boolean): void {
    this.#dispatch({ type: "answered", answer, expects: false });
    const waits = viewOf(this.#state).at(-1)?.parts.some(isOpenCall);
    if (goesOn && !waits) this.#dispatch({ type: "answered", answer, expects: true });
    this.#flush();
  }

  #flush(): void {
    const { line } = this.#connection;
    if (!line) return;
    for (const operation of this.#state.operations) {
      const asked = operation.phase === "pending" ? this.#asked.get(operation.id) : undefined;
      if (!asked || this.#isSent(operation.id)) continue;
      line.ask(asked);
      if (operation.isStopped && this.#isSent(operation.id)) this.#cancel(operation.id);
    }
    for (const answer of this.#state.answers) line.answer(answer);
  }

  #isSent(id: string): boolean {
    return this.#connection.line?.hasSent(id) ?? false;
  }

  #cancel(id: string): void {
    this.#send({ type: "cf_agent_chat_request_cancel", id });
  }

  #send(frame: ChatClientFrame | string, refused?: (error: Error) => void): void {
    this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame), refused);
  }

  // --- calls ---

  get #autoContinue(): boolean {
    return this.#options.autoContinueAfterToolResult ?? true;
  }

  #findCall(wanted: (call: ToolPart) => boolean): ToolPart | undefined {
    return findCall(viewOf(this.#state), wanted)?.call;
  }

  #offerCalls(): void {
    const { onToolCall } = this.#options;
    const { status, messages } = this.getSnapshot();
    if (!onToolCall || status === "submitted" || status === "streaming") return;
    this.#calls.offer(messages.at(-1), onToolCall, {
      answer: (output) => this.addToolOutput(output),
      failed: (error) => this.#options.onError?.(error)
    });
  }

  #host(): LineHost {
    const [state, options, socket] = [() => this.#state, () => this.#options, this.#socket];
    return {
      get state() {
        return state();
      },
      get isOpen() {
        return isOpen(socket);
      },
      get resume() {
        return options().resume ?? true;
      },
      get loadFirst() {
        const { getInitialMessages } = options();
        const { agent, name } = socket;
        return getInitialMessages ? () => getInitialMessages({ agent, name }) : undefined;
      },
      get loadStored() {
        return options().getInitialMessages === null ? undefined : () => fetchMessages(socket);
      },
      dispatch: (event) => this.#dispatch(event),
      send: (frame, refused) => this.#send(frame, refused),
      failed: (error) => this.#dispatch({ type: "erred", error }),
      flush: () => this.#flush(),
      caughtUp: () => this.#offerCalls(),
      over: (wasMine) => {
        if (wasMine && !this.#state.error) this.#offerCalls();
      }
    };
  }
}

const noExtras: Required<RequestExtras> = { body: {}, headers: {} };

const isOwn = ({ operations }: Conversation, id: string): boolean =>
  operations.some((operation) => operation.id === id);
