import { Agent } from "agents";
import { installCapability } from "agents/capability";
import type { UIMessage } from "ai";
import { Chat } from "./chat";
import type { ClientToolSchema } from "./protocol/frames";

/** Fits `onFinish` of `streamText`, whose type differs between releases of the AI SDK. */
// oxlint-disable-next-line typescript/no-explicit-any
export type OnFinish = (event: any) => void | Promise<void>;

/** What `onChatMessage` is told of the request that it answers. */
export interface OnChatMessageOptions {
  /** Identifies this request in logs and events. */
  requestId: string;
  /** Aborted when the user stops the answer. Pass it on to the model. */
  abortSignal: AbortSignal;
  /** Tools that the client announced (the deprecated `tools` option of `useAgentChat`). */
  clientTools?: ClientToolSchema[] | undefined;
  /** Custom data that the client sent. */
  body?: Record<string, unknown> | undefined;
}

/**
 * An agent with a conversation: messages are stored, answers are streamed to all clients, and both survive restarts. Override
 * `onChatMessage` and return what a model says.
 *
 * @example
 * export class ChatAgent extends AIChatAgent<Env> {
 *   async onChatMessage() {
 *     const messages = await convertToModelMessages(this.messages);
 *     return streamText({ model, messages }).toUIMessageStreamResponse();
 *   }
 * }
 */
export class AIChatAgent<
  Env = Cloudflare.Env,
  // An unstated state is `any`, as with `Agent`.
  // oxlint-disable-next-line typescript/no-explicit-any
  State = any,
  Props extends object = Record<string, unknown>
> extends Agent<Env, State, Props> {
  /** How many messages are stored; the oldest are deleted beyond that. What the model sees is yours to choose. */
  declare maxPersistedMessages: number | undefined;

  readonly #chat: Chat;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#chat = installCapability(this, "chat", (kit) => {
      return new Chat({
        kit,
        now: () => Date.now(),
        maxMessages: () => this.maxPersistedMessages,
        respond: async ({ requestId, body, clientTools }, abortSignal) =>
          (await this.onChatMessage(() => {}, { requestId, abortSignal, body, clientTools })) ?? undefined
      });
    });
  }

  /** The conversation so far. Change it with `persistMessages` or `saveMessages`. */
  get messages(): UIMessage[] {
    return this.#chat.messages;
  }

  /**
   * Answers the conversation in `this.messages`.
   *
   * @param onFinish may be given to `streamText`; nothing has to be cleaned up
   * @param options request id, abort signal, and what the client sent along
   * @returns the response of an AI SDK stream, or one with plain text; nothing if there is no answer
   */
  onChatMessage(
    _onFinish: OnFinish,
    _options?: OnChatMessageOptions
  ): Promise<Response | undefined | void> | Response | undefined | void {
    throw new Error("Override onChatMessage() and return a Response");
  }

  /**
   * Stores messages and sends them to all clients, without asking for an answer. Known ids are replaced, new ones appended.
   *
   * @example await this.persistMessages([...this.messages, note]);
   */
  async persistMessages(messages: UIMessage[]): Promise<void> {
    this.#chat.persist(messages);
  }

  /**
   * Stores messages, then calls `onChatMessage`.
   *
   * @returns resolves when the answer is complete and stored
   */
  async saveMessages(messages: UIMessage[]): Promise<void> {
    await this.#chat.save(messages);
  }
}
