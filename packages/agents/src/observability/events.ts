/** What happened, to which instance of which class, and when: one type for each of several. */
type Event<Type extends string, Payload> = Type extends string
  ? {
      /** What happened, noun first. */
      type: Type;
      /** The agent's class. */
      agent: string;
      /** The agent's instance. */
      name: string;
      payload: Payload;
      /** When, in ms since the epoch. */
      timestamp: number;
    }
  : never;

type Nothing = Record<string, never>;
type Task = { callback: string; id: string };
type Attempt = Task & { attempt: number; maxAttempts: number };
type Failure = Task & { error: string; attempts: number };
type Workflow = { workflowId: string; workflowName?: string };
type Decision = { workflowId: string; reason?: string };
type Asked = { id: string; source: string; subject: string };
type Mail = { from: string; to: string; subject?: string };
type RefusedFrame = { connectionId: string; frame: string };

/** A request of MCP. Times in ms since the epoch; the event's own is the end. */
type McpCall = {
  method: string;
  /** Of a tool or prompt, or the URI of a resource. */
  name?: string;
  startedMs: number;
  error?: string;
};

/** What was asked of a model, and what it used. The event's own time is the end. */
type Turn = {
  turnId: string;
  requestId: string;
  messageId: string;
  operation: string;
  outcome: string;
  /** How often the model was asked. */
  attempts: number;
  startedMs: number;
  firstChunkMs?: number;
  error?: string;
  model?: string;
  inputTokens?: number;
  outputTokens?: number;
  totalTokens?: number;
  /** Calls of tools that had a result or an error in this turn. */
  toolCalls: { toolCallId: string; toolName: string; startedMs: number; endedMs: number; error?: string }[];
};

/** The events of each channel, by the channel's short name. */
export interface ChannelEventMap {
  state: Event<"state:update", Nothing>;
  rpc: Event<"rpc", { method: string; streaming?: boolean }> | Event<"rpc:error", { method: string; error: string }>;
  message:
    | Event<"message:request" | "message:response" | "message:clear", Nothing>
    | Event<"message:cancel", { requestId: string }>
    | Event<"message:error", { error: string }>
    | Event<"tool:result", { toolCallId: string; toolName: string }>
    | Event<"tool:approval", { toolCallId: string; approved: boolean }>
    | Event<"turn:end", Turn>;
  schedule:
    | Event<"schedule:create" | "schedule:execute" | "schedule:cancel" | "queue:create", Task>
    // Its method does not exist; and: it still ran when it was to run again.
    | Event<"schedule:parked" | "queue:parked" | "schedule:skip", Task>
    | Event<"schedule:retry" | "queue:retry", Attempt>
    | Event<"schedule:error" | "queue:error", Failure>;
  lifecycle:
    | Event<"connect", { connectionId: string }>
    | Event<"disconnect", { connectionId: string; code: number; reason: string }>
    | Event<"destroy", Nothing>
    // An error that reached `onError`, and frames of clients that were dropped or refused.
    | Event<"error", { error: string }>
    | Event<"frame:malformed" | "frame:refused", RefusedFrame>
    | Event<"approval:request", Asked>
    | Event<"approval:expire", Asked & { createdMs: number }>
    | Event<"approval:vote", Asked & { createdMs: number; by: string; votes: number; quorum: number }>
    | Event<"approval:decide", Asked & { createdMs: number; decision: string; by?: string }>
    | Event<"approval:undelivered", { id: string; source: string; attempts: number }>;
  workflow:
    | Event<
        "workflow:start" | "workflow:terminated" | "workflow:paused" | "workflow:resumed" | "workflow:restarted",
        Workflow
      >
    | Event<"workflow:event", { workflowId: string; eventType?: string }>
    | Event<"workflow:approved" | "workflow:rejected", Decision>;
  mcp:
    | Event<"mcp:client:preconnect", { serverId: string }>
    | Event<"mcp:client:connect", { url: string; transport: string; state: string; error?: string }>
    | Event<"mcp:client:authorize", { serverId: string; authUrl: string; clientId?: string }>
    | Event<"mcp:client:discover", { url?: string; state?: string; error?: string; capability?: string }>
    // A call that has ended: one of ours at another server, and one that a client made here.
    | Event<"mcp:client:call", McpCall & { serverId: string }>
    | Event<"mcp:server:call", McpCall & { sessionId: string }>;
  email:
    | Event<"email:receive" | "email:reply", Mail>
    // A mail of the agent's own, one that came twice, and an automatic one that is not answered automatically.
    | Event<"email:send" | "email:duplicate" | "email:suppress", Mail>;
}

/** Something that happened in an agent. Its `type` tells what its payload has. */
export type ObservabilityEvent = ChannelEventMap[keyof ChannelEventMap];
