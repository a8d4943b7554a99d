import type { ChatTransport, UIMessage, UIMessageChunk } from "ai";
import { isOpenCall, isToolPart, type ToolPart } from "../messages/settle";
import { AgentChat } from "./agent-chat";
import type { ChatSocket } from "./chat-socket";
import { indexOfId } from "./conversation";
import type { ChatEvent, ChunkEvent } from "./events";
import type { AgentChatOptions } from "./options";
import { randomId } from "./requests";

export interface AgentChatTransportOptions<Message extends UIMessage = UIMessage> extends Pick<
  AgentChatOptions<Message>,
  "body" | "prepareSendMessagesRequest"
> {
  /** The connection: what `useAgent` returned, or an `AgentClient`. */
  agent: ChatSocket;
}

/** A stream that the AI SDK reads, until a turn ends. */
interface Reader {
  /** The request that it is of; without one, it is of the next turn. */
  requestId: string | undefined;
  /** The turn that it is of, when that has begun. */
  turnId: string | undefined;
  controller: ReadableStreamDefaultController<UIMessageChunk>;
}

type SendOptions<Message extends UIMessage> = Parameters<ChatTransport<Message>["sendMessages"]>[0];

/**
 * Lets `useChat` of the AI SDK, or anything else that takes its transports, speak with an `AIChatAgent` over a connection that is
 * there already. What the agent has stored stays the truth: only what is new in the list of messages is sent.
 *
 * @example
 * const agent = useAgent({ agent: "ChatAgent" });
 * const transport = useMemo(() => new AgentChatTransport({ agent }), [agent]);
 * const { messages, sendMessage } = useChat({ id: agent.name, transport, resume: true });
 */
export class AgentChatTransport<Message extends UIMessage = UIMessage> implements ChatTransport<Message> {
  /** A stream that is taken up begins at its beginning. */
  readonly resumeStreamIsReplay = true;
  readonly #chat: AgentChat<Message>;
  readonly #readers = new Set<Reader>();
  /** The one that the next operation is for. */
  #newest: Reader | undefined;
  /** What has been heard of the turn that is speaking. */
  #live: { turnId: string; chunks: UIMessageChunk[] } | undefined;
  /** Messages that were edited have other ids on the agent. */
  readonly #edited = new Map<string, string>();
  #detach: (() => void) | undefined;

  /** @param options `agent`; `body` and `prepareSendMessagesRequest` as for `useAgentChat` */
  constructor({ agent, ...options }: AgentChatTransportOptions<Message>) {
    this.#chat = new AgentChat<Message>(agent, options, (event) => this.#happened(event));
  }

  /**
   * The conversation as the agent has it, for `setMessages`.
   *
   * @returns resolves when it is loaded, which takes a connection
   * @example const messages = await transport.loadMessages();
   */
  async loadMessages(): Promise<Message[]> {
    await this.#loaded();
    return this.#chat.getSnapshot().messages;
  }

  async sendMessages({
    trigger,
    messages,
    messageId,
    abortSignal,
    body,
    headers
  }: SendOptions<Message>): Promise<ReadableStream<UIMessageChunk>> {
    await this.#loaded();
    const options = { body, headers };
    const stream = this.#read();
    abortSignal?.addEventListener("abort", () => this.#chat.stop(), { once: true });
    const last = messages.at(-1);
    if (trigger === "regenerate-message")
      this.#end(this.#chat.regenerate({ ...(messageId && { messageId }), ...options }));
    else if (last?.role === "assistant") this.#goOn(last, options);
    else if (last) this.#end(this.#say(last, messageId, options));
    return stream;
  }

  async reconnectToStream(): Promise<ReadableStream<UIMessageChunk> | null> {
    await this.#loaded();
    const { status } = this.#chat.getSnapshot();
    return status === "submitted" || status === "streaming" ? this.#read(this.#live) : null;
  }

  /** Ends following the conversation. The connection stays open. */
  readonly close = (): void => {
    this.#detach?.();
    this.#detach = undefined;
  };

  async #loaded(): Promise<void> {
    this.#detach ??= this.#chat.attach();
    while (this.#chat.getSnapshot().isLoading) {
      await new Promise<void>((resolve) => {
        const stop = this.#chat.subscribe(() => {
          stop();
          resolve();
        });
      });
    }
  }

  async #say(message: Message, messageId: string | undefined, options: object): Promise<void> {
    const known = this.#edited.get(message.id) ?? message.id;
    const isKnown = indexOfId(this.#chat.getSnapshot().messages, known) >= 0;
    // It is asked again.
    if (isKnown && messageId === undefined) return this.#chat.regenerate({ messageId: known, ...options });
    const { id, ...said } = message;
    if (!isKnown) return this.#chat.sendMessage(message as Parameters<AgentChat<Message>["sendMessage"]>[0], options);
    const edited = randomId();
    this.#edited.set(id, edited);
    const replacing = { ...said, id: edited, messageId: known };
    return this.#chat.sendMessage(replacing as Parameters<AgentChat<Message>["sendMessage"]>[0], options);
  }

  /** The AI SDK sends the answers to calls in the message that has the calls. */
  #goOn(message: Message, options: object): void {
    const { messages } = this.#chat.getSnapshot();
    const stored = messages[indexOfId(messages, message.id)];
    const waiting = new Set(stored?.parts.filter(isOpenCall).map(({ toolCallId }) => toolCallId));
    const answers = message.parts.filter(isToolPart).filter(({ toolCallId }) => waiting.has(toolCallId));
    for (const answer of answers) this.#answer(answer);
    if (answers.length === 0) this.#end(this.#chat.continue(options));
  }

  #answer(part: ToolPart): void {
    const { toolCallId, state, input, approval } = part;
    const { output, errorText } = part as { output?: unknown; errorText?: string };
    if (state === "output-available") this.#chat.addToolOutput({ toolCallId, output });
    else if (state === "output-error") this.#chat.addToolOutput({ toolCallId, state, errorText: errorText ?? "" });
    else if (approval?.approved !== undefined) {
      const { approved, reason } = approval;
      this.#chat.addToolApprovalResponse({ id: toolCallId, approved, ...(reason !== undefined && { reason }), input });
    }
  }

  /** Ends the streams of an operation that has no turn: it was refused, or stopped. */
  #end(asked: Promise<void>): void {
    const readers = [...this.#readers];
    void asked.then(() => {
      const { error } = this.#chat.getSnapshot();
      for (const reader of readers) this.#close(reader, error);
    });
  }

  /** Makes the stream of what is asked for next. */
  #read(live?: { turnId: string; chunks: readonly UIMessageChunk[] }): ReadableStream<UIMessageChunk> {
    let reader: Reader | undefined;
    return new ReadableStream({
      start: (controller) => {
        reader = { requestId: undefined, turnId: live?.turnId, controller };
        this.#newest = live ? undefined : reader;
        this.#readers.add(reader);
        for (const chunk of live?.chunks ?? []) controller.enqueue(chunk);
      },
      cancel: () => void (reader && this.#readers.delete(reader))
    });
  }

  #close(reader: Reader, error?: Error): void {
    if (!this.#readers.delete(reader)) return;
    if (error) reader.controller.error(error);
    else reader.controller.close();
  }

  #happened(event: ChatEvent): void {
    if (event.type === "chunk") return this.#heard(event);
    if (event.type === "asked" && this.#newest) this.#newest.requestId ??= event.operation.id;
    if (event.type === "ended") {
      this.#live = undefined;
      for (const reader of this.#readers) if (reader.turnId === event.turnId) this.#close(reader, event.error);
    }
    // It ended while nobody here could hear it.
    const { status } = this.#chat.getSnapshot();
    if (status === "submitted" || status === "streaming") return;
    for (const reader of this.#readers) if (reader.turnId !== undefined) this.#close(reader);
  }

  #heard({ turnId, requestId, seq, chunk }: ChunkEvent): void {
    const isAgain = seq === 1 && this.#live?.turnId === turnId;
    if (seq === 1) this.#live = { turnId, chunks: [] };
    this.#live?.chunks.push(chunk);
    for (const reader of this.#readers) {
      if (reader.turnId === undefined && (reader.requestId ?? requestId) === requestId) reader.turnId = turnId;
      if (reader.turnId !== turnId) continue;
      // What it has given cannot be taken back.
      if (isAgain) this.#close(reader);
      else reader.controller.enqueue(chunk);
    }
  }
}
