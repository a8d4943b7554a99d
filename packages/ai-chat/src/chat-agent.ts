import { Agent, AgentError, type Connection } from "agents";
import { approvalsOf, onDecided, type ApprovalViewer } from "agents/approvals";
import { installCapability, type CapabilityKit } from "agents/capability";
import type { UIMessage } from "ai";
import { Chat, type ChatDeps } from "./chat";
import type { ClientToolSchema } from "./protocol/frames";
import type { ToolApprovalOptions } from "./tools/approval-options";
import { Refusal } from "./turn/refusal";
import type { ChatConcurrency } from "./turn/operations";
import type { ChatRecovery } from "./turn/recovery";
import type { ChatTurn } from "./turn/turn-records";

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
  /**
   * Headers that the client's `prepareSendMessagesRequest` gave. They are not stored, since they may be secrets: a turn that goes on
   * after a tool result, or after the instance was lost, has none.
   */
  headers?: Record<string, string> | undefined;
}

/** How long to wait for MCP servers: at most `timeout` ms, as long as it takes (`true`), or not at all. */
export type WaitForMcpConnections = boolean | { timeout: number };

/** Waits for connections to MCP servers, where an agent has such. */
interface McpConnections {
  mcp?: { waitForConnections?(options?: { timeout: number }): Promise<unknown> };
}

const defaultTurns = 50;

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

  /**
   * What becomes of an answer that was cut because the instance was lost (an eviction, a deploy, a crash). `"resume"`, the default:
   * the model is asked again, and goes on after what was finished. Steps that were finished are kept, and tools that have a
   * result are never run again; a tool that was interrupted is shown to the model as an error, since nobody knows whether it took
   * effect. `"ask"`: what was said is kept, and the client may have it taken up (`continue`). `"off"`: it is only kept.
   *
   * In all, the model is asked 3 times for one answer; `{ policy: "resume", maxAttempts: 5 }` says otherwise.
   */
  declare chatRecovery: ChatRecovery | undefined;

  /**
   * What becomes of a message that comes while another one is answered. `"queue"`, the default: it is answered after that.
   * `"latest"`: what is being said is stopped, and stays as it is. `"merge"`: messages that wait are answered together. `"drop"`: it
   * is refused, with `CHAT_BUSY`.
   */
  declare chatConcurrency: ChatConcurrency | undefined;

  /**
   * Whether `onChatMessage` is called only once the connections to MCP servers are there: `true` to wait for as long as it takes,
   * `false` not to wait, `{ timeout }` for at most so many ms. The default is 10,000 ms.
   */
  declare waitForMcpConnections: WaitForMcpConnections | undefined;

  readonly #chat: Chat;

  static {
    onDecided("chat", (agent, approval) => {
      if (agent instanceof AIChatAgent) agent.#chat.decided(approval);
    });
  }

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#chat = installCapability(this, "chat", (kit) => new Chat(AIChatAgent.#depsOf(this, kit)));
  }

  /** Methods, not arrows: a bundler that keeps names, as wrangler does, names each arrow anew for each instance. */
  // oxlint-disable-next-line typescript/no-explicit-any
  static #depsOf(agent: AIChatAgent<any, any, any>, kit: CapabilityKit): ChatDeps {
    return {
      kit,
      now() {
        return Date.now();
      },
      maxMessages() {
        return agent.maxPersistedMessages;
      },
      recovery() {
        return agent.chatRecovery ?? "resume";
      },
      concurrency() {
        return agent.chatConcurrency ?? "queue";
      },
      sanitize(message) {
        return agent.sanitizeMessageForPersistence(message);
      },
      respond({ requestId, body, headers, clientTools }, abortSignal, finished) {
        return agent.#respond({ requestId, abortSignal, body, headers, clientTools }, finished);
      },
      approvals() {
        return approvalsOf(agent);
      },
      approvalOptions(toolName, input) {
        return agent.approvalOptions(toolName, input);
      },
      approver(connection) {
        return agent.approverOf(connection);
      }
    };
  }

  async #respond(options: OnChatMessageOptions, finished: OnFinish): Promise<Response | undefined> {
    const { mcp } = this as McpConnections;
    const { waitForMcpConnections: wanted = { timeout: 10_000 } } = this;
    if (wanted !== false && mcp?.waitForConnections) {
      await mcp.waitForConnections(...(wanted === true ? [] : [wanted]));
      if (options.abortSignal.aborted) return undefined;
    }
    return (await this.onChatMessage(finished, options)) ?? undefined;
  }

  /** The conversation so far. Change it with `persistMessages` or `saveMessages`. It is read when it is first asked for. */
  get messages(): UIMessage[] {
    return this.#chat.messages;
  }

  /**
   * Answers the conversation in `this.messages`.
   *
   * @param onFinish give it to `streamText`, and `getTurns()` tells model and tokens; nothing has to be cleaned up
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
   * Changes a message before it is stored, each time it is: to leave out what must not be kept. Clients and the model get what is
   * stored. The default changes nothing.
   *
   * @example
   * sanitizeMessageForPersistence(message: UIMessage) {
   *   return { ...message, parts: message.parts.filter((part) => part.type !== "reasoning") };
   * }
   */
  sanitizeMessageForPersistence(message: UIMessage): UIMessage {
    return message;
  }

  /**
   * Says how a call that waits for approval may be approved: by whom, until when, and whether with other input. It is asked when
   * the call is stored, and again when somebody sends other input. If it throws, the call is denied. The default says nothing:
   * everybody may whom `authorize` lets, whenever they want, with the input as it is.
   *
   * @example
   * override approvalOptions(toolName: string) {
   *   if (toolName !== "refund") return undefined;
   *   return { scope: "billing", expiresMs: Date.now() + 86_400_000, editable: refundSchema };
   * }
   */
  approvalOptions(_toolName: string, _input: unknown): ToolApprovalOptions | undefined {
    return undefined;
  }

  /**
   * Says who it is that decides about a call in a client: `by` goes into the trail, and `rights` must have the `scope` of the call. Take both
   * from what you know of the connection, never from what it sends. The default knows its id alone, and gives no rights.
   *
   * @example
   * override approverOf(connection: Connection<{ user: string; rights: string[] }>) {
   *   return { by: connection.state!.user, rights: connection.state!.rights };
   * }
   */
  approverOf(connection: Connection): ApprovalViewer {
    return { by: `connection ${connection.id}`.slice(0, 256) };
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
   * Stores messages, then calls `onChatMessage`. In the middle of an answer (in a tool, say), the new turn comes after it.
   *
   * @returns resolves when the answer is complete and stored; called in the middle of an answer, once the messages are stored
   * @example await this.saveMessages([{ id: crypto.randomUUID(), role: "user", parts: [{ type: "text", text: "Any news?" }] }]);
   */
  async saveMessages(messages: UIMessage[]): Promise<void> {
    await this.#chat.save(messages);
  }

  /** Stops what is being said, then deletes the instance as every agent does. */
  override destroy(): Promise<void> {
    this.#chat.abort();
    return super.destroy();
  }

  /**
   * What was asked of the model, the newest first: how each turn ended, how long it took, how often it was begun, and what it used,
   * as far as `onFinish` or the message's metadata say. The last 1,000 turns are kept.
   *
   * @param options `limit` (default 50), `before`: the id of a turn, for older ones
   * @example const tokens = (await this.getTurns()).reduce((sum, { totalTokens = 0 }) => sum + totalTokens, 0);
   */
  async getTurns({ limit = defaultTurns, before }: { limit?: number; before?: string } = {}): Promise<ChatTurn[]> {
    return this.#chat.turnRecords(limit, before);
  }

  /**
   * All versions of a message: an edit, or another answer, keeps what it replaces.
   *
   * @returns the oldest first, the one of the conversation included; nothing for a message that there never was
   */
  async branchesOf(messageId: string): Promise<UIMessage[]> {
    return this.#chat.branchesOf(messageId);
  }

  /**
   * Goes back to a version of the conversation: the branch on which a message is becomes the conversation, for all clients. What it
   * was until now is kept.
   *
   * @throws CHAT_MESSAGE_UNKNOWN when there is no such message, CHAT_BUSY while an answer is given
   * @example const [first] = await this.branchesOf(messageId); await this.selectBranch(first.id);
   */
  async selectBranch(messageId: string): Promise<void> {
    try {
      this.#chat.selectBranch(messageId);
    } catch (error) {
      throw error instanceof Refusal ? new AgentError(error.code, error.message) : error;
    }
  }
}
