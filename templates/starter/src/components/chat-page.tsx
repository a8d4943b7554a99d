import { useAgentChat } from "@cloudflare/ai-chat/react";
import { useAgent } from "agents/react";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { browserTools } from "../browser-tools";
import type { ChatAgent } from "../server";
import { initialState, type ChatState, type ModelInfo, type Reminders, type RemindersMessage } from "../shared";
import { Composer } from "./composer";
import { ConfirmDialog } from "./confirm-dialog";
import { EmptyState } from "./empty-state";
import { ErrorNotice } from "./error-notice";
import { Header, type ConnectionStatus } from "./header";
import type { MessageActions } from "./message-actions";
import { MessageList } from "./message-list";
import { Preferences } from "./preferences";
import { DueReminders, WaitingReminders } from "./reminders";
import { Sheet, useMediaQuery } from "./sheet";

// The model is told when it is for the user, and cron expressions of reminders go by these clocks.
const requestBody = { timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone };

/** Everything for one chat: the connection, the conversation and the state that all its tabs share. */
export function ChatPage({ name }: { name: string }) {
  const [connection, setConnection] = useState<ConnectionStatus>("connecting");
  const [model, setModel] = useState<ModelInfo>();
  const [reminders, setReminders] = useState<Reminders>({ waiting: [], due: [] });
  const [refused, setRefused] = useState("");
  const [confirmingClear, setConfirmingClear] = useState(false);
  const [sheetOpen, setSheetOpen] = useState(false);
  const wide = useMediaQuery("(min-width: 900px)");
  const composer = useRef<HTMLTextAreaElement>(null);

  const agent = useAgent<ChatAgent, ChatState>({
    agent: "ChatAgent",
    name,
    onOpen: () => setConnection("connected"),
    onClose: () => setConnection("disconnected"),
    onStateUpdate: (_, source) => source === "client" && setRefused(""),
    onStateUpdateError: setRefused,
    onMessage: ({ data }) => {
      const changed = remindersIn(data);
      if (changed) setReminders(changed);
    }
  });

  const chat = useAgentChat({
    agent,
    body: requestBody,
    onToolCall: async ({ toolCall: { toolCallId, toolName, input }, addToolOutput }) => {
      const run = browserTools[toolName];
      // What it throws becomes the tool's error, which the model is told.
      if (run) addToolOutput({ toolCallId, output: await run(input) });
    }
  });
  const { messages, status, isLoading, sendMessage, regenerate, branches, selectBranch, addToolApprovalResponse } =
    chat;

  const onConnected = useEffectEvent(() => {
    void agent.stub.describeModel().then(setModel, () => setModel(undefined));
    void agent.stub.listReminders().then(setReminders, () => undefined);
  });
  useEffect(() => {
    // After each reconnect too: the server may have been restarted with another model, and reminders may have become due.
    if (connection === "connected") onConnected();
  }, [connection]);

  const busy = status === "submitted" || status === "streaming";
  const send = (text: string) => void sendMessage({ text });
  // Buttons that disappear when they are pressed would take the focus with them: the composer gets it.
  const pick = (prompt: string) => {
    send(prompt);
    composer.current?.focus();
  };
  const actions = useMemo((): MessageActions => {
    const toComposer = () => composer.current?.focus();
    return {
      respond: (id, approved) => {
        addToolApprovalResponse({ id, approved });
        toComposer();
      },
      edit: (messageId, text) => {
        void sendMessage({ text, messageId });
        toComposer();
      },
      regenerate: (messageId) => {
        void regenerate({ messageId });
        toComposer();
      },
      versionsOf: async (messageId) => (await branches(messageId)).map(({ id }) => id),
      showVersion: (messageId) => void selectBranch(messageId)
    };
  }, [addToolApprovalResponse, sendMessage, regenerate, branches, selectBranch]);

  const state = agent.state ?? initialState;
  const preferences = (
    <>
      <Preferences
        state={state}
        disabled={!agent.state}
        problem={refused}
        onChange={(change) => agent.setState({ ...state, ...change })}
        onReset={() => agent.stub.resetPreferences()}
      />
      <WaitingReminders reminders={reminders.waiting} onCancel={(id) => void agent.stub.cancelReminder(id)} />
    </>
  );

  return (
    <div className="page">
      <Header
        chatName={name}
        connection={connection}
        model={model}
        canClear={messages.length > 0}
        onClear={() => setConfirmingClear(true)}
        onOpenPreferences={wide ? undefined : () => setSheetOpen(true)}
      />

      <main className="chat">
        <MessageList
          messages={messages}
          status={status}
          assistantName={state.assistantName}
          actions={actions}
          loadMore={chat.hasMore && connection === "connected" ? chat.loadMore : undefined}
        >
          {messages.length === 0 && !busy && !isLoading && <EmptyState demo={model?.demo ?? false} onPick={pick} />}
          {status === "error" && <ErrorNotice error={chat.error} onRetry={() => void regenerate()} />}
          <DueReminders
            reminders={reminders.due}
            onDismiss={(id) => {
              void agent.stub.dismissReminder(id);
              composer.current?.focus();
            }}
          />
        </MessageList>
        <Composer ref={composer} busy={busy} onSend={send} onStop={chat.stop} />
      </main>

      {wide ? (
        <aside className="side-panel" aria-label="Preferences">
          {preferences}
        </aside>
      ) : (
        <Sheet label="Preferences" open={sheetOpen} onClose={() => setSheetOpen(false)}>
          {preferences}
        </Sheet>
      )}

      <ConfirmDialog
        open={confirmingClear}
        title="Clear this conversation?"
        action="Delete messages"
        onConfirm={() => {
          chat.clearHistory();
          composer.current?.focus();
        }}
        onClose={() => setConfirmingClear(false)}
      >
        All messages of this chat are deleted, in every tab that has it open. Preferences and notes stay.
      </ConfirmDialog>
    </div>
  );
}

/** What the agent broadcasts, among whatever else comes through the connection. */
function remindersIn(data: unknown): RemindersMessage | undefined {
  if (typeof data !== "string" || !data.startsWith('{"type":"reminders"')) return undefined;
  return JSON.parse(data) as RemindersMessage;
}
