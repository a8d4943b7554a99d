// The snippets for browsers of the pages "Build a chat agent", "Chat agents" (tools) and "Human-in-the-loop patterns".
import { useAgentChat } from "@cloudflare/ai-chat/react";
import { getToolName, isToolUIPart } from "ai";
import { useAgent } from "agents/react";
import type { ExpenseAgent, ExpenseState } from "../server/human-in-the-loop.test-d";

// proves build-a-chat-agent#client
function Chat() {
  const agent = useAgent({ agent: "ChatAgent" });
  const { messages, sendMessage, clearHistory, addToolApprovalResponse, status } = useAgentChat({
    agent,
    // Handle client-side tools (tools with no server execute function)
    onToolCall: async ({ toolCall, addToolOutput }) => {
      if (toolCall.toolName === "getUserTimezone") {
        addToolOutput({
          toolCallId: toolCall.toolCallId,
          output: {
            timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            localTime: new Date().toLocaleTimeString()
          }
        });
      }
    }
  });
  return (
    <div>
      <div>
        {messages.map((msg) => (
          <div key={msg.id}>
            <strong>{msg.role}:</strong>
            {msg.parts.map((part, i) => {
              if (part.type === "text") {
                return <span key={i}>{part.text}</span>;
              }
              // The parts are those of the AI SDK.
              if (!isToolUIPart(part)) return null;
              if (part.state === "approval-requested") {
                return (
                  <div key={part.toolCallId}>
                    <p>
                      Approve <strong>{getToolName(part)}</strong>?
                    </p>
                    <pre>{JSON.stringify(part.input, null, 2)}</pre>
                    <button onClick={() => addToolApprovalResponse({ id: part.toolCallId, approved: true })}>
                      Approve
                    </button>
                    <button onClick={() => addToolApprovalResponse({ id: part.approval.id, approved: false })}>
                      Reject
                    </button>
                  </div>
                );
              }
              if (part.state === "output-available") {
                return (
                  <details key={part.toolCallId}>
                    <summary>{getToolName(part)} result</summary>
                    <pre>{JSON.stringify(part.output, null, 2)}</pre>
                  </details>
                );
              }
              return null;
            })}
          </div>
        ))}
      </div>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const input = e.currentTarget.elements.namedItem("message") as HTMLInputElement;
          void sendMessage({ text: input.value });
          input.value = "";
        }}
      >
        <input name="message" placeholder="Try: What's the weather in Paris?" />
        <button type="submit" disabled={status === "streaming"}>
          Send
        </button>
      </form>
      <button onClick={clearHistory}>Clear history</button>
    </div>
  );
}
export default function App() {
  return <Chat />;
}

// proves chat-agents#client-tool-types, chat-agents#sendMessage-types
export function Location() {
  const agent = useAgent({ agent: "ChatAgent" });
  const { messages, sendMessage, addToolOutput } = useAgentChat({
    agent,
    onToolCall: async ({ toolCall, addToolOutput: answer }) => {
      if (toolCall.toolName === "getLocation") {
        const pos = await new Promise<GeolocationPosition>((resolve, reject) =>
          navigator.geolocation.getCurrentPosition(resolve, reject)
        );
        answer({
          toolCallId: toolCall.toolCallId,
          output: { lat: pos.coords.latitude, lng: pos.coords.longitude }
        });
      }
    }
  });
  const decline = (toolCallId: string) => {
    addToolOutput({
      toolCallId,
      state: "output-error",
      errorText: "User declined: insufficient budget for this quarter"
    });
    void sendMessage({ text: "What would be cheaper?" });
  };
  return <button onClick={() => decline("call")}>{messages.length}</button>;
}

// proves guide-human-in-the-loop#pending-list-types
export function PendingApprovals() {
  // The hook's result is the connection: `agent` is the name of the class in the URL.
  const agent = useAgent<ExpenseAgent, ExpenseState>({ agent: "expense-agent", name: "main" });
  const { state } = agent;
  if (!state?.pendingApprovals?.length) {
    return <p>No pending approvals</p>;
  }
  return (
    <div className="approval-list">
      {state.pendingApprovals.map((item) => (
        <div key={item.workflowId} className="approval-card">
          <h3>${item.amount}</h3>
          <p>{item.description}</p>
          <p>Requested by {item.requestedBy}</p>
          <div className="actions">
            <button onClick={() => agent.stub.approve(item.workflowId, "admin")}>Approve</button>
            <button onClick={() => agent.stub.reject(item.workflowId, "Declined")}>Reject</button>
          </div>
        </div>
      ))}
    </div>
  );
}
