import type { UIMessage } from "ai";
import { useEffect, useInsertionEffect, useMemo, useSyncExternalStore } from "react";
import { AgentChat, type AgentChatOptions, type AgentChatSnapshot, type ChatSocket } from "../client";
import { deprecated } from "../protocol/deprecated";
import { announcedTools, type AITool } from "./client-tools";

export interface UseAgentChatOptions<Message extends UIMessage = UIMessage> extends Omit<
  AgentChatOptions<Message>,
  "clientTools"
> {
  /** What `useAgent` returned. */
  agent: ChatSocket;
  /** @deprecated Define tools in `onChatMessage`, and run those of the client in `onToolCall`. */
  tools?: Record<string, AITool>;
  /** @deprecated Say `needsApproval` where the tool is defined, in `onChatMessage`. */
  toolsRequiringConfirmation?: string[];
}

/** What a user can do. The functions are the same ones as long as the agent is. */
export interface UseAgentChatHelpers<Message extends UIMessage = UIMessage>
  extends
    AgentChatSnapshot<Message>,
    Pick<
      AgentChat<Message>,
      | "sendMessage"
      | "regenerate"
      | "continue"
      | "setMessages"
      | "deleteMessage"
      | "addToolOutput"
      | "addToolApprovalResponse"
      | "loadMore"
      | "branches"
      | "selectBranch"
      | "clearError"
    > {
  /** `{agent}/{name}` */
  readonly id: string;
  /** Stops the answer that is being given, whoever asked for it. What was said stays. */
  stop(): Promise<void>;
  /** Deletes the conversation, here and on the agent. */
  clearHistory(): void;
  /** Streams that are under way are followed in any case: this does nothing. */
  resumeStream(): Promise<void>;
  /** @deprecated Use `addToolOutput`. */
  addToolResult(result: { toolCallId: string; toolName?: string; result: unknown }): void;
}

/**
 * A conversation with an `AIChatAgent`: messages, status, and what a user can do. Streams survive reloads and lost connections,
 * and what other clients say appears by itself. It is `AgentChat` of `@cloudflare/ai-chat/client` in a component.
 *
 * @param options `agent`, how the conversation begins, what goes with requests, callbacks: the latest are called
 * @returns what there is to see, and what a user can do. Nothing rejects: what fails is in `error`, and given to `onError`
 * @example
 * const agent = useAgent({ agent: "ChatAgent" });
 * const { messages, sendMessage, status } = useAgentChat({ agent });
 */
export function useAgentChat<_State = unknown, Message extends UIMessage = UIMessage>(
  options: UseAgentChatOptions<Message>
): UseAgentChatHelpers<Message> {
  const { agent } = options;
  // A client is the same object as long as its address is the same; `messages` only begin a conversation.
  const { chat, actions } = useMemo(() => {
    const created = new AgentChat<Message>(agent, storeOptions(options));
    return { chat: created, actions: actionsOf(created) };
    // oxlint-disable-next-line react/exhaustive-deps
  }, [agent]);
  // Before the effects of this component, and of those inside it.
  useInsertionEffect(() => chat.update(storeOptions(options)));
  useEffect(() => chat.attach(), [chat]);
  const snapshot = useSyncExternalStore(chat.subscribe, chat.getSnapshot, chat.getSnapshot);
  return { ...snapshot, ...actions };
}

function storeOptions<Message extends UIMessage>({
  tools,
  toolsRequiringConfirmation,
  ...options
}: UseAgentChatOptions<Message>): AgentChatOptions<Message> {
  if (tools) deprecated("tools", "define tools in onChatMessage(), and run those of the client in onToolCall");
  if (toolsRequiringConfirmation)
    deprecated("toolsRequiringConfirmation", "say `needsApproval` where a tool is defined, in onChatMessage()");
  return tools ? { ...options, ...announcedTools(tools, toolsRequiringConfirmation, options.onToolCall) } : options;
}

type Actions<Message extends UIMessage> = Omit<UseAgentChatHelpers<Message>, keyof AgentChatSnapshot>;

function actionsOf<Message extends UIMessage>(chat: AgentChat<Message>): Actions<Message> {
  return {
    id: chat.id,
    sendMessage: (message, options) => chat.sendMessage(message, options),
    regenerate: (options) => chat.regenerate(options),
    continue: (options) => chat.continue(options),
    stop: async () => chat.stop(),
    clearHistory: () => chat.clear(),
    setMessages: (messages) => chat.setMessages(messages),
    deleteMessage: (messageId) => chat.deleteMessage(messageId),
    addToolOutput: (output) => chat.addToolOutput(output),
    addToolApprovalResponse: (response) => chat.addToolApprovalResponse(response),
    loadMore: (limit) => chat.loadMore(limit),
    branches: (messageId) => chat.branches(messageId),
    selectBranch: (messageId) => chat.selectBranch(messageId),
    clearError: () => chat.clearError(),
    resumeStream: async () => {},
    addToolResult: ({ toolCallId, result }) => {
      deprecated("addToolResult()", "use addToolOutput({ toolCallId, output })");
      chat.addToolOutput({ toolCallId, output: result });
    }
  };
}
