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

/** The events of each channel, by the channel's short name. */
export interface ChannelEventMap {
  state: Event<"state:update", Nothing>;
  rpc: Event<"rpc", { method: string; streaming?: boolean }> | Event<"rpc:error", { method: string; error: string }>;
  message:
    | Event<"message:request" | "message:response" | "message:clear", Nothing>
    | Event<"message:cancel", { requestId: string }>
    | Event<"message:error", { error: string }>
    | Event<"tool:result", { toolCallId: string; toolName: string }>
    | Event<"tool:approval", { toolCallId: string; approved: boolean }>;
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
    | Event<"approval:request" | "approval:expire", Asked>
    | Event<"approval:vote", Asked & { by: string; votes: number; quorum: number }>
    | Event<"approval:decide", Asked & { decision: string; by?: string }>
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
    | Event<"mcp:client:discover", { url?: string; state?: string; error?: string; capability?: string }>;
  email: Event<"email:receive" | "email:reply", Mail>;
}

/** Something that happened in an agent. Its `type` tells what its payload has. */
export type ObservabilityEvent = ChannelEventMap[keyof ChannelEventMap];
